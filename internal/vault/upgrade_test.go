package vault_test

import (
	"strings"
	"testing"

	"hone"
	"hone/internal/op"
)

// TestUpgrade opens a folder of schema 1 and layout 1: it answers as before, and
// its open run goes on to its end.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	w := old(t)
	champion, last := w.view()
	if champion != "v2" || last.ID != "fraud-3" || last.State != hone.AwaitingApproval || last.Candidate != "v3" {
		t.Fatalf("champion %s, %s is %s with %s", champion, last.ID, last.State, last.Candidate)
	}
	if f := w.finding("schema"); !f.OK || strings.Contains(f.Sentence, "schema 1,") {
		t.Errorf("the schema: %+v", f)
	}
	if v := w.whole(); v.Events != 23 {
		t.Errorf("the chain has %d events, want the 23 it had", v.Events)
	}
	got := do[op.Trace](w, "trace", &op.TraceIn{Prediction: "p1001"})
	if got.Sentence != "v1 answered 0." || got.Label != "0" || got.Features["country"] == "" || len(got.Steps) != 12 {
		t.Errorf("p1001: %+v", got)
	}
	built := do[op.Rebuilt](w, "dataset rebuild", &op.DatasetIn{Dataset: string(last.Dataset)})
	if !built.Same {
		t.Error(built.Sentence)
	}
	w.approve("fraud-3")
	for i := 0; last.State != hone.Closed && i < 30; i++ {
		w.serve(100*i, 20)
		w.step(3)
		_, last = w.view()
	}
	if champion, _ = w.view(); last.State != hone.Closed || last.Ending == hone.Failed || last.Rollout == nil {
		t.Errorf("fraud-3 is %s as %s: %s", last.State, last.Ending, last.Sentence)
	}
	w.whole()
	t.Logf("%s serves: %s", champion, last.Sentence)
}
