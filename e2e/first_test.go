package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hone"
)

// TestE2EFirstSteps takes the first steps of the README in an empty folder, with
// the configuration that `hone init` writes: the first version is trained, every
// gate can look at it, and it answers.
func TestE2EFirstSteps(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a server")
	}
	t.Parallel()
	data, err := filepath.Abs("../examples/first/data.csv")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	in := func(args ...string) *exec.Cmd {
		c := exec.Command(binary, args...)
		c.Dir = dir
		return c
	}
	ok := func(args ...string) string {
		t.Helper()
		out, err := in(args...).CombinedOutput()
		if err != nil {
			t.Fatalf("hone %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	ok("init", "--from", data, "--label", "is_fraud", "--time", "ts", "--model", "fraud")
	ok("import", data)
	s := &server{t: t, dir: dir, program: in("serve", "--listen", "127.0.0.1:0")}
	s.launch("hone-data")
	t.Cleanup(func() { s.end(os.Interrupt) })
	var run hone.Run
	s.eventually("the first version serves", func() bool {
		var got struct{ Runs []hone.Run }
		out, err := in("runs", "fraud", "--json").Output()
		if err != nil || json.Unmarshal(out, &got) != nil || len(got.Runs) == 0 {
			return false
		}
		run = got.Runs[0]
		return run.State == hone.Closed
	})
	if run.Ending != hone.Promoted {
		t.Errorf("got %s: %s", run.Ending, run.Sentence)
	}
	for _, v := range run.Verdicts {
		if v.Result != hone.Pass || v.Warns {
			t.Errorf("%s: %s %s", v.Gate, v.Result, v.Sentence)
		}
	}
	if len(run.Verdicts) < 6 {
		t.Errorf("only %d gates looked at it", len(run.Verdicts))
	}
	if out := ok("predict", "fraud", "amount=950", "country=FR", "night=1"); !strings.HasPrefix(out, "1 (score 0.9") {
		t.Errorf("predict says %q", out)
	}
	ok("audit", "verify")
}

// TestE2EModelServer starts hone in the folder of its configuration, which names all
// paths from there, with a trainer whose model is a server of its own: the sandbox of
// that server, which works in another folder, lets it read its model.
func TestE2EModelServer(t *testing.T) {
	x := newTrial(t, "    gates: [{metric: latency_p99, max: 10s}]\n") // v1 has no process to ask.
	if err := os.WriteFile(x.at("control", "turning"), []byte("steady"), 0o600); err != nil {
		t.Fatal(err)
	}
	x.program = exec.Command(binary, "serve")
	x.program.Dir = x.dir
	x.launch("data")
	x.retrain()
	x.await(hone.Shadowing)
	for _, v := range x.run("m-2").Verdicts {
		if v.Result != hone.Pass && !v.Warns {
			t.Errorf("%s: %s %s", v.Gate, v.Result, v.Sentence)
		}
	}
}
