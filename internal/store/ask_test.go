package store_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/store"
)

// TestLabelRequests keeps what was asked for, the newest of a request in place of what
// it was, in a folder that an older program made; after a restart too.
func TestLabelRequests(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := old(t)
	clk := clock.NewFake(noon.Add(time.Hour))
	db := open(t, dir, store.Options{Clock: clk})
	first := hone.LabelRequest{ID: "fraud-2.1", Model: "fraud", Run: "fraud-2", Candidate: "v2", Champion: "v1", Seed: 1<<53 - 1, To: 9, Feedback: 3, Rows: 9,
		Order: []int64{3, 1}, Blocks: []int{0, 1}, Reach: []float64{1, 0.25}, Cap: 1, Grants: []hone.LabelGrant{{At: noon, By: "ada", Feedback: 3, Places: []int{0}, Controls: []int64{2}}}}
	second := first
	second.ID, second.Grants = "fraud-2.2", []hone.LabelGrant{}
	for _, r := range []hone.LabelRequest{first, second} {
		commit(t, db, hone.Change{Request: &r, Event: hone.Event{Action: "labels.asked"}})
	}
	first.Grants = append(first.Grants, hone.LabelGrant{At: noon, By: "bob", Feedback: 4, Places: []int{1}, Controls: []int64{2}})
	commit(t, db, hone.Change{Request: &first, Event: hone.Event{Action: "labels.asked"}})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir, store.Options{Clock: clk})
	got, err := db.LabelRequests(ctx, "fraud")
	if err != nil || !reflect.DeepEqual(got, []hone.LabelRequest{first, second}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if other, err := db.LabelRequests(ctx, "shop"); err != nil || len(other) != 0 {
		t.Errorf("another model: %+v, %v", other, err)
	}
}

// TestOutcomes says of single predictions what feedback up to a number does.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := old(t) // a has the label 1, b two that differ, c none.
	db := open(t, dir, store.Options{Clock: clock.NewFake(noon.Add(time.Hour))})
	tell(t, db, hone.Joined, label("c", "0", 1))
	_, last, _, err := db.LastSeq(ctx, "fraud")
	if err != nil {
		t.Fatal(err)
	}
	all := []int64{3, 1, 2, 3, 77}
	got, err := db.Outcomes(ctx, "fraud", all, last)
	if err != nil || len(got) != 3 || got[1].Label != "1" || got[2].Effect != hone.Contradicted || got[3].Label != "0" || got[3].ID != "c" || got[3].LabelSeq != last {
		t.Errorf("got %+v, %v", got, err)
	}
	before, err := db.Outcomes(ctx, "fraud", all, last-1)
	if err != nil || before[3].Effect != "" || before[3].Label != "" || before[1].Label != "1" {
		t.Errorf("before its label came: %+v, %v", before, err)
	}
	if _, err := db.Forget(ctx, "fraud", []hone.PredictionID{"c"}); err != nil {
		t.Fatal(err)
	}
	if got, err = db.Outcomes(ctx, "fraud", all, last); err != nil || len(got) != 2 {
		t.Errorf("after c was erased: %+v, %v", got, err)
	}
}
