package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/store"
)

// TestOpinions holds that scores and thumbs are read in their order, page by page, each
// with its prediction, whichever day that came; what is of no prediction, and labels,
// are passed over.
func TestOpinions(t *testing.T) {
	t.Parallel()
	clk := clock.NewFake(noon)
	db := open(t, t.TempDir(), store.Options{Clock: clk})
	predict(t, db, 3, "a", "b", "c")
	say := func(id string, kind hone.FeedbackKind, value string) hone.Feedback {
		return hone.Feedback{PredictionID: hone.PredictionID(id), Kind: kind, Value: value, Time: noon}
	}
	tell(t, db, hone.Noted, say("a", hone.Thumb, "up"))
	tell(t, db, hone.Joined, label("a", "1", 0))
	tell(t, db, hone.Noted, say("b", hone.Score, "4.5"))
	tell(t, db, hone.Noted, say("nobody", hone.Thumb, "down"))
	clk.Advance(day)
	predict(t, db, 1, "d")
	tell(t, db, hone.Noted, say("a", hone.Thumb, "down"))
	tell(t, db, hone.Noted, say("d", hone.Thumb, "down"))
	want := "1 a thumb up, 3 b score 4.5, 5 a thumb down, 6 d thumb down, "
	for _, limit := range []int{1, 2, 100} {
		got := ""
		for after := int64(0); ; {
			out, next, err := db.Opinions(context.Background(), "fraud", after, limit)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range out {
				if string(o.Features) != "abcd"+string(o.ID) || o.Route != hone.ByChampion || o.Received.Before(noon) || o.Received.After(noon.Add(25*time.Hour)) {
					t.Errorf("incomplete: %+v", o)
				}
				got += fmt.Sprintf("%d %s %s %s, ", o.Journal, o.ID, o.Kind, o.Value)
			}
			if next == after {
				break
			}
			after = next
		}
		if got != want {
			t.Errorf("pages of %d: got %s, want %s", limit, got, want)
		}
	}
}
