package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"hone"
)

// logging serves a model of its own, and tells the server named what it answered and
// what came of it. It prints what became of that.
const logging = `
import json, sys, hone
log = hone.Log(sys.argv[1], "fraud", every=0.05)
for i in range(300):
    id = log.prediction({"amount": i, "country": "FR", "night": i % 2, "channel": "web"}, i / 300,
                        version="elsewhere-1", id="py-%d" % i, unit="u%d" % (i % 7), latency_ms=1.5)
    log.feedback(id, label=i % 2)
log.prediction({"amuont": 1}, 0.5)
log.feedback("py-0", thumb="sideways")
log.close(30)
print(json.dumps(log.counts().__dict__))
`

// TestE2EPythonLog logs from Python: all is stored, but what the server refuses.
func TestE2EPythonLog(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a server")
	}
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("NOT TESTED: the log of sdk/python; there is no python3")
	}
	data, err := filepath.Abs("../examples/first/data.csv")
	if err != nil {
		t.Fatal(err)
	}
	sdk, err := filepath.Abs("../sdk/python")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	initialise := exec.Command(binary, "init", "--from", data, "--label", "is_fraud", "--time", "ts", "--model", "fraud")
	initialise.Dir = dir
	if out, err := initialise.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	program := exec.Command(binary, "serve", "--listen", "127.0.0.1:0")
	program.Dir = dir
	s := &server{t: t, dir: dir, program: program}
	s.launch("hone-data")
	t.Cleanup(func() { s.end(os.Interrupt) })

	log := exec.Command(python, "-c", logging, s.base)
	log.Env = append(os.Environ(), "PYTHONPATH="+sdk, "PYTHONDONTWRITEBYTECODE=1")
	log.Stderr = os.Stderr
	out, err := log.Output()
	if err != nil {
		t.Fatal(err)
	}
	var counts struct {
		Sent, Waiting, Dropped, Refused int
		Error                           string
	}
	if err := json.Unmarshal(out, &counts); err != nil {
		t.Fatal(err)
	}
	if counts.Sent != 600 || counts.Refused != 2 || counts.Waiting != 0 || counts.Dropped != 0 {
		t.Errorf("got %s", out)
	}
	var trace struct {
		Prediction hone.Prediction
		Feedback   []hone.Feedback
	}
	s.must("GET", "/api/v1/trace/py-299?model=fraud", nil, &trace)
	if p := trace.Prediction; p.Version != "elsewhere-1" || p.Unit != "u5" || len(p.Scores) != 1 || p.Scores[0] != 299.0/300 {
		t.Errorf("the prediction is kept as %+v", p)
	}
	if len(trace.Feedback) != 1 || trace.Feedback[0].Value != "1" {
		t.Errorf("its feedback is kept as %+v", trace.Feedback)
	}
}
