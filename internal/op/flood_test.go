package op_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/op"
)

const flooded = `version: 1
server: {data: %q}
models:
  fraud:
    task: binary
    features: {amount: number}
    label: {name: is_fraud}
    loss: zero_one
    triggers: [{schedule: "* * * * *"}, {event: {}}, {recoverable_loss: {retrain_cost: 100}}]
    guards: {cooldown: 0m, max_per_day: 4, min_new_labels: 0, budget: {run_cost: 100, per_day: 600}}
`

// TestTriggerFlood has an operator's token do its worst for a day: a schedule of
// every minute, events that are all new, and forced runs in a loop. Runs stay
// within their budget and one at a time, and the folder does not fill. By default
// it is an hour and 1,500 events; HONE_TEST_LONG=1 makes it a day and 10,000.
func TestTriggerFlood(t *testing.T) {
	t.Parallel()
	minutes, each := 60, 25
	if os.Getenv("HONE_TEST_LONG") != "" {
		minutes, each = 24*60, 7
	}
	dir := filepath.Join(t.TempDir(), "data")
	w := startWith(t, fmt.Appendf(nil, flooded, dir))
	r := rand.New(rand.NewPCG(7, 8))
	in := &op.HistoryIn{Model: "fraud"}
	for i := range 600 {
		x := r.NormFloat64()
		in.Items = append(in.Items, op.HistoryItem{PredictionID: hone.PredictionID(fmt.Sprint("h", i)), Time: now.Add(time.Duration(i-700) * time.Minute), Features: map[string]any{"amount": x}, Label: fmt.Sprint(map[bool]int{true: 1}[x > 0])})
	}
	must[op.Stored](t, w, "history", in)
	operator := op.Caller{Name: "mallory", Role: op.Operator}
	do := func(name string, in any) error {
		o, _ := op.Find(name)
		_, err := o.Call(t.Context(), w.Service(), operator, in)
		return err
	}
	before, taken, refusals := weight(t, dir), 0, map[hone.Code]int{}
	payload := []byte(`"` + strings.Repeat("x", 60_000) + `"`)
	for minute := range minutes {
		w.hands.Advance(time.Minute)
		for i := range each {
			err := do("event", &op.EventIn{Model: "fraud", Type: "t", ID: fmt.Sprintf("%d-%d", minute, i), Source: "/flood", Data: payload[:len(payload)*(i%2)]})
			if err == nil {
				taken++
			} else if e, ok := hone.AsError(err); ok {
				refusals[e.Code]++
			} else {
				t.Fatal(err)
			}
		}
		for range 3 {
			if err := do("run", &op.RetrainIn{Model: "fraud", Reason: "again", Force: true}); err != nil {
				e, ok := hone.AsError(err)
				if !ok || e.Code != hone.Conflict {
					t.Fatal(err)
				}
				refusals[e.Code]++
			}
			if err := w.Loop().Step(t.Context(), "fraud"); err != nil {
				t.Fatal(err)
			}
		}
		open := 0
		for _, run := range must[op.RunList](t, w, "runs", &op.ListIn{Model: "fraud", Limit: 1000}).Runs {
			if run.State != hone.Closed {
				open++
			}
		}
		if open > 1 {
			t.Fatalf("minute %d: %d runs at a time", minute, open)
		}
	}
	runs := must[op.RunList](t, w, "runs", &op.ListIn{Model: "fraud", Limit: 1000}).Runs
	after := weight(t, dir)
	t.Logf("%d minutes: %d events taken, refused %v, %d runs; the folder grew from %d KiB to %d KiB", minutes, taken, refusals, len(runs), before>>10, after>>10)
	if len(runs) > 7 || len(runs) < 3 { // The first version's, and six that the budget pays.
		t.Errorf("%d runs", len(runs))
	}
	if refusals[hone.Conflict] == 0 {
		t.Errorf("nothing was refused: %v", refusals)
	}
	if after > 400<<20 {
		t.Errorf("the folder has %d MiB", after>>20)
	}
}

// weight is the bytes of all files under a folder.
func weight(t *testing.T, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // Files come and go meanwhile.
		}
		if info, err := d.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
