package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const fraudFile = "owner: ada@example.com\ntask: binary\nfeatures: {amount: number}\nlabel: is_fraud\nguards: {max_per_day: 4}\n"

// TestConfigInAFolder takes a folder of files through check, diff, apply,
// history and show, with a server and without one.
func TestConfigInAFolder(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if err := os.Mkdir(filepath.Join(d.dir, "models"), 0o700); err != nil {
		t.Fatal(err)
	}
	d.write("hone.yaml", "version: 1\nserver: {data: data}\n")
	d.write("models/fraud.yaml", fraudFile)
	has := func(what, got string, want ...string) {
		t.Helper()
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: there is no %q in\n%s", what, w, got)
			}
		}
	}
	has("check", d.ok("config", "check", "--config", "DIR"), "is good: 1 model.")

	d.serve()
	has("diff", d.ok("config", "diff", "--exit-code"), "Nothing differs")
	var before struct{ Base string }
	d.json(&before, "config", "diff")
	d.write("models/fraud.yaml", strings.Replace(fraudFile, "4", "2", 1))
	d.write("models/price.yaml", "task: regression\nfeatures: {size: number}\nlabel: price\n")
	out, errOut, status := d.run("", "config", "diff", "--days", "3", "--exit-code")
	if status != 1 || errOut != "" {
		t.Errorf("diff --exit-code: %d %s", status, errOut)
	}
	has("diff", out, "fraud is changed:", "guards.max_per_day: 4 → 2   tighter", "price is added.", "judged again")
	has("apply", d.ok("config", "apply", "--reason", "fewer runs"), "max_per_day: 4 → 2", "is in force. 1 model is added; 1 model is changed.")
	has("model", d.ok("model", "fraud"), "owner ada@example.com")
	has("status", d.ok("status"), "price has no champion yet", "owner ada@example.com")

	// What was compared with is no longer in force.
	d.write("models/price.yaml", "task: regression\nfeatures: {size: number, rooms: number}\nlabel: price\n")
	_, errOut, status = d.run("", "config", "apply", "--base", before.Base)
	if status != 1 {
		t.Errorf("a stale base was taken: %d", status)
	}
	has("stale", errOut, "is in force, which owner applied at", "hone config diff")

	history := d.ok("config", "history")
	has("history", history, "owner        applied  fewer runs", "owner        start")
	if n := strings.Count(history, "\n"); n != 3 {
		t.Errorf("%d lines of history:\n%s", n, history)
	}
	d.stop()

	// The folder knows what was in force, and the files differ from it.
	has("diff of the folder", d.ok("config", "diff"), "price is changed:", "features.rooms: (not set) → number")
	_, errOut, status = d.run("", "config", "apply")
	if status != 1 {
		t.Errorf("applied without a server: %d", status)
	}
	has("apply without a server", errOut, "no server is running")
	has("restore", d.ok("config", "show", "--applied", "--at", before.Base[:12], "--out", "DIR/restored"), "restored/models/fraud.yaml")
	if got, err := os.ReadFile(filepath.Join(d.dir, "restored", "models", "fraud.yaml")); err != nil || string(got) != fraudFile {
		t.Errorf("restored %q, %v", got, err)
	}
	if _, errOut, status = d.run("", "config", "show", "--applied", "--out", "DIR/restored"); status != 1 || !strings.Contains(errOut, "is there already") {
		t.Errorf("written over: %d %s", status, errOut)
	}
	if _, errOut, status = d.run("", "config", "show", "--at", "zz"); status != 1 || !strings.Contains(errOut, "no configuration \"zz\" was applied") {
		t.Errorf("at zz: %d %s", status, errOut)
	}

	// For a pipeline: a list of what is wrong, by file, on standard output.
	d.write("models/price.yaml", "task: regression\nfeatures: {size: numbr}\nlabel: price\n")
	out, errOut, status = d.run("", "config", "check", "--json")
	var said struct {
		OK       bool
		Problems []struct {
			File         string
			Line, Column int
		}
	}
	if err := json.Unmarshal([]byte(out), &said); err != nil || status != 2 || errOut != "" || said.OK || len(said.Problems) != 1 ||
		!strings.HasSuffix(said.Problems[0].File, "models/price.yaml") || said.Problems[0].Line != 2 || said.Problems[0].Column != 18 {
		t.Errorf("check: %d %s%s%v", status, out, errOut, err)
	}
	if _, _, status = d.run("", "config", "diff"); status != 2 {
		t.Errorf("diff of broken files: %d", status)
	}
	if _, _, status = d.run("", "config", "diff", "--server", "127.0.0.1:1", "--config", "DIR/restored"); status != 2 {
		t.Errorf("diff with no server at the address: %d", status)
	}
}
