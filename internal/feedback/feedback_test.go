package feedback_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"hone"
	"hone/internal/feedback"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func item(kind hone.FeedbackKind, value string, minute int, seq int64) hone.Feedback {
	return hone.Feedback{Kind: kind, Value: value, Time: noon.Add(time.Duration(minute) * time.Minute), Seq: seq}
}

func TestFold(t *testing.T) {
	t.Parallel()
	f := func(want string, items ...hone.Feedback) {
		t.Helper()
		got := feedback.Fold(items)
		text := fmt.Sprintf("%q@%d #%d known=%v contradicted=%v corrected=%v",
			got.Label, int(got.Time.Sub(noon).Minutes()), got.Seq, got.Known, got.Contradicted, got.Corrected)
		if got.Time.IsZero() {
			text = fmt.Sprintf("known=%v contradicted=%v", got.Known, got.Contradicted)
		}
		if text != want {
			t.Errorf("got  %s\nwant %s", text, want)
		}
	}
	f("known=false contradicted=false")
	f("known=false contradicted=false", item(hone.Thumb, "up", 1, 1), item(hone.Score, "3", 2, 2))
	f(`"1"@2 #2 known=true contradicted=false corrected=false`,
		item(hone.Label, "1", 5, 1), item(hone.Label, "1", 2, 2), item(hone.Label, "1", 9, 3))
	f("known=false contradicted=true", item(hone.Label, "1", 5, 1), item(hone.Label, "0", 2, 2))
	f(`"0"@3 #3 known=true contradicted=false corrected=true`,
		item(hone.Label, "1", 5, 1), item(hone.Label, "0", 2, 2), item(hone.Correction, "0", 3, 3))
	f(`"b"@7 #2 known=true contradicted=false corrected=true`,
		item(hone.Correction, "a", 7, 1), item(hone.Correction, "b", 7, 2), item(hone.Correction, "c", 6, 3))
}

// TestFoldIgnoresOrder shuffles and repeats random feedback.
func TestFoldIgnoresOrder(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	kinds := []hone.FeedbackKind{hone.Label, hone.Label, hone.Correction, hone.Score, hone.Thumb}
	for round := range 5000 {
		items := make([]hone.Feedback, 1+r.IntN(6))
		for i := range items {
			items[i] = item(kinds[r.IntN(len(kinds))], string(rune('a'+r.IntN(3))), r.IntN(3), int64(i+1))
		}
		want := feedback.Fold(items)
		again := append([]hone.Feedback(nil), items...)
		for range r.IntN(5) {
			again = append(again, items[r.IntN(len(items))])
		}
		r.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		if got := feedback.Fold(again); got != want {
			t.Fatalf("round %d: %v gives %+v, in another order %+v", round, items, want, got)
		}
	}
}

func TestEffectOf(t *testing.T) {
	t.Parallel()
	f := func(want hone.Effect, known bool, items ...hone.Feedback) {
		t.Helper()
		before, after := feedback.Fold(items[:len(items)-1]), feedback.Fold(items)
		if got := feedback.EffectOf(before, after, known, items[len(items)-1]); got != want {
			t.Errorf("%v: got %s, want %s", items, got, want)
		}
	}
	one, zero := item(hone.Label, "1", 1, 1), item(hone.Label, "0", 2, 2)
	f(hone.Joined, true, one)
	f(hone.Early, false, one)
	f(hone.Repeated, true, one, item(hone.Label, "1", 0, 2)) // Earlier, but the same label.
	f(hone.Repeated, false, one, one)
	f(hone.Contradicted, true, one, zero)
	f(hone.Early, false, one, zero)
	f(hone.Repeated, true, one, zero, item(hone.Label, "2", 3, 3)) // Still set aside.
	f(hone.Corrected, true, one, item(hone.Correction, "0", 3, 2))
	f(hone.Corrected, true, one, zero, item(hone.Correction, "1", 3, 3))
	f(hone.Joined, true, item(hone.Correction, "1", 3, 1))
	f(hone.Repeated, true, one, item(hone.Correction, "1", 3, 2))                              // Confirms.
	f(hone.Repeated, true, item(hone.Correction, "1", 3, 1), zero)                             // A label never undoes one.
	f(hone.Repeated, true, item(hone.Correction, "1", 3, 1), item(hone.Correction, "0", 2, 2)) // An older one.
	f(hone.Noted, true, item(hone.Thumb, "up", 1, 1))
	f(hone.Noted, false, item(hone.Score, "0.3", 1, 1))
}

// TestSourceOfTheDecidingPiece holds that a truth names whoever said it first.
func TestSourceOfTheDecidingPiece(t *testing.T) {
	t.Parallel()
	from := func(source string, fb hone.Feedback) hone.Feedback {
		fb.Source, fb.Received = source, noon.Add(time.Duration(fb.Seq)*time.Hour)
		return fb
	}
	f := func(want string, seq int64, items ...hone.Feedback) {
		t.Helper()
		got := feedback.Fold(items)
		if got.Source != want || !got.Received.Equal(noon.Add(time.Duration(seq)*time.Hour)) {
			t.Errorf("got %q, stored %s; want %q, number %d", got.Source, got.Received, want, seq)
		}
	}
	early, late := from("a", item(hone.Label, "1", 1, 2)), from("b", item(hone.Label, "1", 2, 1))
	f("a", 2, early, late)
	f("a", 2, late, early)
	f("c", 1, from("c", item(hone.Label, "1", 1, 1)), early)
	f("c", 1, early, from("c", item(hone.Label, "1", 1, 1)))
	f("d", 5, early, from("d", item(hone.Correction, "0", 3, 5)))
}
