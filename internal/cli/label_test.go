package cli_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/cli"
	"hone/internal/loop"
	"hone/internal/op"
)

// labeller answers `hone label` with two rows, and takes what is sent.
type labeller struct{ sent []op.FeedbackItem }

func (l *labeller) Close() error { return nil }
func (l *labeller) Call(_ context.Context, o op.Operation, in any) (any, error) {
	if f, ok := in.(*op.FeedbackIn); ok {
		l.sent = f.Items
		return op.FeedbackOut{Stored: len(f.Items), Counts: map[hone.Effect]int{hone.Joined: len(f.Items)}}, nil
	}
	if _, ok := in.(*op.RunIn); ok {
		return hone.Run{ID: "fraud-2", Model: "fraud", State: hone.Deciding, Sentence: "fraud-2 waits.",
			Verdicts: []hone.Verdict{{Gate: "quality", Result: hone.Inconclusive, Need: 40, N: 200, Sentence: "Not yet."}}}, nil
	}
	out := op.Labels{Handout: loop.Handout{Model: in.(*op.LabelIn).Model, Sentence: "Label these 2 rows.", Given: 3, Answered: 1}}
	for _, id := range []hone.PredictionID{"p,1", "p2"} {
		out.Open = append(out.Open, op.LabelRow{PredictionID: id, Time: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Features: map[string]any{"amount": 1.5, "note": `say "no"`}})
	}
	return out, nil
}

// The rows are named after the reason; as a sheet they come back as labels, once it
// is filled in.
func TestLabelSheet(t *testing.T) {
	t.Parallel()
	l := &labeller{}
	r := cli.Runner{Reach: func(context.Context, cli.Globals) (cli.Caller, error) { return l, nil }}
	run := func(want int, args ...string) string {
		t.Helper()
		var out, errOut bytes.Buffer
		if got := cli.Run(t.Context(), r, args, &out, &errOut); got != want {
			t.Fatalf("%v: status %d: %s", args, got, errOut.String())
		}
		return out.String() + errOut.String()
	}
	said := run(0, "label", "fraud")
	for _, want := range []string{"Label these 2 rows.\n1 of the 3", "p2  2026-03-01 00:00:00  amount=1.5 note=", "hone feedback fraud --id ID"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in %s", want, said)
		}
	}
	if said := run(0, "show", "fraud-2"); !strings.Contains(said, "`hone label fraud` names the rows") {
		t.Errorf("got %s", said)
	}
	path := filepath.Join(t.TempDir(), "rows.csv")
	if said := run(0, "label", "fraud", "--csv", path); !strings.Contains(said, "hone feedback fraud --csv "+path) {
		t.Errorf("got %s", said)
	}
	run(1, "label", "fraud", "--csv", path) // It may hold labels by now.
	sheet, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	filled := strings.Replace(string(sheet), `"p,1",2026-03-01T00:00:00Z,`, `"p,1",2026-03-01T00:00:00Z,1`, 1)
	if err := os.WriteFile(path, []byte(filled), 0o600); err != nil {
		t.Fatal(err)
	}
	run(0, "feedback", "fraud", "--csv", path)
	if len(l.sent) != 1 || l.sent[0].PredictionID != "p,1" || l.sent[0].Label != "1" {
		t.Errorf("sent %+v of\n%s", l.sent, filled)
	}
	run(2, "feedback", "fraud", "--csv", path, "--id", "p2", "--label", "1")
	if err := os.WriteFile(path, []byte("id,truth\np2,1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := run(1, "feedback", "fraud", "--csv", path); !strings.Contains(said, "no columns prediction_id and label") {
		t.Errorf("got %s", said)
	}
}
