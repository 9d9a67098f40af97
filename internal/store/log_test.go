package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hone"
	"hone/internal/clock"
	"hone/internal/store"
)

const day = 24 * time.Hour

func prediction(id string) hone.Prediction {
	return hone.Prediction{ID: hone.PredictionID(id), Time: noon, Version: "v1", Route: hone.ByChampion, Features: []byte("abcd" + id),
		Scores: []float64{0.5, -1}}
}

func predict(t *testing.T, db *store.DB, want int, ids ...string) {
	t.Helper()
	var ps []hone.Prediction
	for _, id := range ids {
		ps = append(ps, prediction(id))
	}
	if n, err := db.AppendPredictions(context.Background(), "fraud", ps); err != nil || n != want {
		t.Errorf("%v: stored %d, want %d (%v)", ids, n, want, err)
	}
}

func label(id, value string, minute int) hone.Feedback {
	return hone.Feedback{PredictionID: hone.PredictionID(id), Kind: hone.Label, Value: value, Time: noon.Add(time.Duration(minute) * time.Minute)}
}

func tell(t *testing.T, db *store.DB, want hone.Effect, fb hone.Feedback) {
	t.Helper()
	got, err := db.AppendFeedback(context.Background(), "fraud", []hone.Feedback{fb})
	if err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("%v: got %v, want %s (%v)", fb, got, want, err)
	}
}

// labels reads the label stream in small pages, as id=label:effect.
func labels(t *testing.T, db *store.DB) string {
	t.Helper()
	var text []string
	for after := int64(0); ; {
		out, next, err := db.Labels(context.Background(), "fraud", after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range out {
			if o.Seq == 0 || string(o.Features) != "abcd"+string(o.ID) || o.LabelSeq <= after || o.LabelSeq > next || o.LabelTime.IsZero() {
				t.Errorf("after %d, next %d: incomplete outcome %+v", after, next, o)
			}
			text = append(text, fmt.Sprintf("%s=%s:%s", o.ID, o.Label, o.Effect))
		}
		if next == after {
			return strings.Join(text, " ")
		}
		after = next
	}
}

// scan returns all outcomes, as seq:id=label:effect.
func scan(t *testing.T, db *store.DB, predictions, feedback int64) string {
	t.Helper()
	var text []string
	err := db.Scan(context.Background(), "fraud", predictions, feedback, func(o hone.Outcome) error {
		text = append(text, fmt.Sprintf("%d:%s=%s:%s", o.Seq, o.ID, o.Label, o.Effect))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(text, " ")
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\ngot  %s\nwant %s", what, got, want)
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := open(t, t.TempDir(), store.Options{Clock: clock.NewFake(noon)})
	p := hone.Prediction{ID: "a", Model: "fraud", Seq: 1, Time: noon.Add(-time.Hour + 5), Received: noon, Version: "v7", Route: hone.ByFallback,
		Features: []byte{1, 2, 3}, Scores: []float64{0.25}, Unit: "u1", Latency: 17, Fault: "timed out"}
	bare := hone.Prediction{ID: "b", Model: "fraud", Seq: 2, Received: noon, Time: time.Unix(0, 0).UTC()}
	if _, err := db.AppendPredictions(ctx, "fraud", []hone.Prediction{p, bare}); err != nil {
		t.Fatal(err)
	}
	got, err := db.Predictions(ctx, "fraud", 0, 10)
	if diff := cmp.Diff([]hone.Prediction{p, bare}, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	shadow := hone.ShadowScore{ID: "a", Seq: 1, Time: noon, Version: "v8", Scores: []float64{1, 2}, Served: []float64{3}, Latency: 5, Fault: "x"}
	if err := db.AppendShadows(ctx, "fraud", []hone.ShadowScore{shadow, shadow}); err != nil {
		t.Fatal(err)
	}
	shadows, err := db.Shadows(ctx, "fraud", 0, 1)
	if diff := cmp.Diff([]hone.ShadowScore{shadow}, shadows); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	fb := hone.Feedback{PredictionID: "a", Kind: hone.Thumb, Value: "up", Received: noon, Time: noon, Source: "ada", Seq: 1, Effect: hone.Noted}
	sent := fb
	sent.Time = time.Time{}
	tell(t, db, hone.Noted, sent)
	tell(t, db, hone.Repeated, fb)
	_, fbs, err := db.Find(ctx, "fraud", "a")
	if diff := cmp.Diff([]hone.Feedback{fb}, fbs); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if p, _, err := db.FindAny(ctx, "b"); err != nil || p.Model != "fraud" {
		t.Errorf("got %v, %v", p, err)
	}
	_, _, err = db.FindAny(ctx, "c")
	wantCode(t, err, hone.NotFound)
	if a, b, c, err := db.LastSeq(ctx, "fraud"); a != 2 || b != 1 || c != 2 || err != nil {
		t.Errorf("last numbers are %d, %d, %d (%v)", a, b, c, err)
	}
	_, err = db.AppendPredictions(ctx, "fraud", []hone.Prediction{{}})
	wantCode(t, err, hone.Invalid)
	_, err = db.AppendFeedback(ctx, "fraud", []hone.Feedback{{PredictionID: "a", Kind: "shout"}})
	wantCode(t, err, hone.Invalid)
}

func TestEffects(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := open(t, dir, store.Options{Clock: clock.NewFake(noon)})
	predict(t, db, 2, "a", "b", "a")
	predict(t, db, 1, "b", "c", "a") // Repeated.
	predict(t, db, 0, "c")
	tell(t, db, hone.Joined, label("a", "1", 5))
	tell(t, db, hone.Repeated, label("a", "1", 9))
	tell(t, db, hone.Repeated, label("a", "1", 2)) // Earlier.
	tell(t, db, hone.Contradicted, label("a", "0", 6))
	correction := label("a", "0", 7)
	correction.Kind = hone.Correction
	tell(t, db, hone.Corrected, correction)
	tell(t, db, hone.Early, label("x", "1", 1))
	tell(t, db, hone.Repeated, label("x", "1", 1))
	tell(t, db, hone.Early, label("y", "1", 1))
	tell(t, db, hone.Early, label("y", "0", 1))
	same(t, "before x and y come", labels(t, db), "a=1:joined a=0:contradicted a=0:corrected")
	if _, fbs, err := db.Find(context.Background(), "fraud", "x"); len(fbs) != 1 || err == nil {
		t.Errorf("early feedback is %v, %v", fbs, err)
	}

	if err := db.Close(); err != nil { // What waits is found again.
		t.Fatal(err)
	}
	db = open(t, dir, store.Options{Clock: clock.NewFake(noon)})
	predict(t, db, 3, "x", "y", "z")
	tell(t, db, hone.Repeated, label("x", "1", 1))
	same(t, "labels", labels(t, db), "a=1:joined a=0:contradicted a=0:corrected x=1:joined y=1:contradicted")
	same(t, "scan", scan(t, db, 99, 99), "1:a=0:corrected 2:b=: 3:c=: 4:x=1:joined 5:y=:contradicted 6:z=:")
	same(t, "scan, cut", scan(t, db, 2, 1), "1:a=1:joined 2:b=:")
}

// TestOrderIndependent sends the same predictions and feedback in any order,
// with repetition and in batches of any size, over several days.
func TestOrderIndependent(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	var sent []any
	for i := range 30 {
		id := fmt.Sprint("p", i)
		sent = append(sent, prediction(id))
		for range r.IntN(4) {
			fb := label(id, fmt.Sprint(r.IntN(2)), r.IntN(3))
			if r.IntN(3) == 0 {
				fb.Kind = hone.Correction
			}
			sent = append(sent, fb)
		}
	}
	var want map[string]string
	for round := range 6 {
		clk := clock.NewFake(noon)
		db := open(t, t.TempDir(), store.Options{Clock: clk})
		again := append(append([]any(nil), sent...), sent[:20]...)
		r.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		for _, x := range again {
			var err error
			if p, ok := x.(hone.Prediction); ok {
				_, err = db.AppendPredictions(context.Background(), "fraud", []hone.Prediction{p})
			} else {
				_, err = db.AppendFeedback(context.Background(), "fraud", []hone.Feedback{x.(hone.Feedback)})
			}
			if err != nil {
				t.Fatal(err)
			}
			clk.Advance(time.Duration(r.IntN(60)) * time.Minute)
		}
		got := map[string]string{}
		err := db.Scan(context.Background(), "fraud", 1e9, 1e9, func(o hone.Outcome) error {
			got[string(o.ID)] = fmt.Sprint(o.Label, o.LabelTime, o.Effect)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" || len(got) != 30 {
			t.Fatalf("round %d: %d predictions; another order gives another truth: %s", round, len(got), diff)
		}
		// What the stream said last is what is true.
		last := map[string]string{}
		for _, s := range strings.Fields(labels(t, db)) {
			id, rest, _ := strings.Cut(s, "=")
			last[id], _, _ = strings.Cut(rest, ":")
			if strings.HasSuffix(s, ":contradicted") {
				last[id] = ""
			}
		}
		db.Scan(context.Background(), "fraud", 1e9, 1e9, func(o hone.Outcome) error {
			if last[string(o.ID)] != o.Label {
				t.Errorf("round %d: %s is %q, and the stream said %q last", round, o.ID, o.Label, last[string(o.ID)])
			}
			return nil
		})
	}
}

func TestDays(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	clk := clock.NewFake(noon)
	db := open(t, dir, store.Options{Clock: clk})
	predict(t, db, 2, "a", "b")
	tell(t, db, hone.Early, label("d", "1", 1))
	clk.Advance(day)
	predict(t, db, 1, "b", "c") // Known since yesterday.
	clk.Advance(2 * day)
	tell(t, db, hone.Joined, label("a", "1", 1)) // Of three days ago.
	predict(t, db, 2, "d", "e")
	tell(t, db, hone.Joined, label("e", "0", 1))
	clk.Advance(-2 * day) // A clock that goes back opens no older file.
	predict(t, db, 1, "f")
	clk.Advance(2 * day)
	want := "1:a=1:joined 2:b=: 3:c=: 4:d=1:joined 5:e=0:joined 6:f=:"
	check := func() {
		t.Helper()
		same(t, "labels", labels(t, db), "a=1:joined d=1:joined e=0:joined")
		same(t, "scan", scan(t, db, 99, 99), want)
		ps, err := db.Predictions(ctx, "fraud", 1, 3)
		if err != nil || len(ps) != 3 || ps[0].ID != "b" || ps[2].ID != "d" {
			t.Errorf("got %v, %v", ps, err)
		}
		files, err := filepath.Glob(filepath.Join(dir, "events", "*.db"))
		if err != nil || len(files) != 3 {
			t.Errorf("files are %v, %v; want 3", files, err)
		}
	}
	check()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir, store.Options{Clock: clk})
	check()

	if n, err := db.Drop(ctx, noon.Add(day)); n != 1 || err != nil {
		t.Errorf("dropped %d files, %v; want 1", n, err)
	}
	same(t, "scan after a drop", scan(t, db, 99, 99), "3:c=: 4:d=1:joined 5:e=0:joined 6:f=:")
	same(t, "labels after a drop", labels(t, db), "d=1:joined e=0:joined")
	if n, err := db.Drop(ctx, noon.Add(100*day)); n != 1 || err != nil {
		t.Errorf("dropped %d files, %v; want all but the newest, 1", n, err)
	}
	// Numbers go on even where every row of the model is gone.
	clk.Advance(day)
	if _, err := db.AppendPredictions(ctx, "other", []hone.Prediction{prediction("o")}); err != nil {
		t.Fatal(err)
	}
	if n, err := db.Drop(ctx, noon.Add(100*day)); n != 1 || err != nil {
		t.Errorf("dropped %d files, %v; want 1", n, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir, store.Options{Clock: clk})
	predict(t, db, 1, "a")
	same(t, "scan", scan(t, db, 99, 99), "7:a=:")
}

// TestDropWhileScanning keeps a file for as long as somebody reads it.
func TestDropWhileScanning(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	clk := clock.NewFake(noon)
	db := open(t, t.TempDir(), store.Options{Clock: clk})
	predict(t, db, 2, "a", "b")
	clk.Advance(day)
	predict(t, db, 1, "c")
	var seen int
	err := db.Scan(ctx, "fraud", 99, 99, func(o hone.Outcome) error {
		if seen++; seen == 1 {
			if n, err := db.Drop(ctx, clk.Now()); n != 1 || err != nil {
				t.Errorf("dropped %d files, %v", n, err)
			}
		}
		return nil
	})
	if err != nil || seen != 3 {
		t.Errorf("saw %d predictions, want 3 (%v)", seen, err)
	}
	same(t, "scan", scan(t, db, 99, 99), "3:c=:")
}

func TestOffer(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	clk := clock.NewFake(noon)
	db := open(t, t.TempDir(), store.Options{Clock: clk})
	changed := db.Changed("fraud")
	if !db.Offer("fraud", []hone.Prediction{prediction("a")}) {
		t.Fatal("shed")
	}
	tell(t, db, hone.Joined, label("a", "1", 1)) // What was offered before goes first.
	<-changed
	if !db.Offer("fraud", []hone.Prediction{prediction("a"), prediction("b")}) {
		t.Fatal("shed")
	}
	if err := db.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	stored, shed, pending, err := db.LogStats()
	if stored != 2 || shed != 0 || pending != 0 || err != nil {
		t.Errorf("stored %d, shed %d, pending %d (%v); want 2, 0, 0", stored, shed, pending, err)
	}
	if db.Offer("fraud", make([]hone.Prediction, 3)) {
		t.Error("predictions without ids are taken")
	}
	if db.Offer("fraud", many(100_001)) {
		t.Error("more than the bound is taken")
	}
	// The clock alone flushes too.
	changed = db.Changed("fraud")
	db.Offer("fraud", []hone.Prediction{prediction("c")})
	for waiting := true; waiting; {
		clk.Advance(100 * time.Millisecond)
		select {
		case <-changed:
			waiting = false
		default:
		}
	}
	if stored, shed, _, err = db.LogStats(); stored != 3 || shed != 100_004 || err == nil {
		t.Errorf("stored %d, shed %d (%v); want 3, 100004 and an error", stored, shed, err)
	}
	db.Offer("fraud", []hone.Prediction{prediction("d")})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if stored, _, pending, _ = db.LogStats(); stored != 4 || pending != 0 {
		t.Errorf("after closing stored %d, pending %d; want 4, 0", stored, pending)
	}
	if db.Offer("fraud", many(1)) {
		t.Error("a closed store takes offers")
	}
	_, err = db.AppendPredictions(ctx, "fraud", many(1))
	wantCode(t, err, hone.Unavailable)
}

func many(n int) []hone.Prediction {
	out := make([]hone.Prediction, n)
	for i := range out {
		out[i] = hone.Prediction{ID: hone.PredictionID(fmt.Sprint("many", i))}
	}
	return out
}

// TestManyWriters appends the same ids from many goroutines, for two models,
// while others read: each is stored once, without gaps.
func TestManyWriters(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	clk := clock.NewFake(noon)
	db := open(t, t.TempDir(), store.Options{Clock: clk})
	var mu sync.Mutex
	stored := 0
	var wg sync.WaitGroup
	for g := range 6 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 1))
			for i := range 30 {
				var ps []hone.Prediction
				for range 10 {
					ps = append(ps, prediction(fmt.Sprint("p", r.IntN(400))))
				}
				model := []string{"fraud", "churn"}[r.IntN(2)]
				n, err := db.AppendPredictions(ctx, model, ps)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				stored += n
				mu.Unlock()
				if _, err := db.AppendFeedback(ctx, model, []hone.Feedback{label(string(ps[0].ID), "1", i)}); err != nil {
					t.Error(err)
				}
				if _, _, err := db.Labels(ctx, model, 0, 100); err != nil {
					t.Error(err)
				}
				if i == 15 {
					clk.Advance(5 * time.Hour) // Twelve are midnight.
				}
			}
		})
	}
	wg.Wait()
	for _, model := range []string{"fraud", "churn"} {
		ps, err := db.Predictions(ctx, model, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[hone.PredictionID]bool{}
		for i, p := range ps {
			if p.Seq != int64(i+1) || seen[p.ID] {
				t.Fatalf("%s: prediction %d has number %d, id %s", model, i, p.Seq, p.ID)
			}
			seen[p.ID] = true
		}
		stored -= len(ps)
	}
	if stored != 0 {
		t.Errorf("%d more were acknowledged as stored than are there", stored)
	}
}

// TestOldDays looks for ids in files that are complete, at first without their
// filters and soon with them.
func TestOldDays(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	clk, dir := clock.NewFake(noon), t.TempDir()
	db := open(t, dir, store.Options{Clock: clk})
	var all []hone.Prediction
	for d := range 10 {
		var ps []hone.Prediction
		for i := range 150 {
			ps = append(ps, prediction(fmt.Sprintf("day%d-%d", d, i)))
		}
		if n, err := db.AppendPredictions(ctx, "fraud", ps); err != nil || n != len(ps) {
			t.Fatal(n, err)
		}
		all = append(all, ps...)
		clk.Advance(day)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir, store.Options{Clock: clk})
	for range 5 {
		if n, err := db.AppendPredictions(ctx, "fraud", all); err != nil || n != 0 {
			t.Fatalf("stored %d again (%v)", n, err)
		}
	}
	for round := range 3 {
		var fbs []hone.Feedback
		for _, p := range all {
			fbs = append(fbs, label(string(p.ID), "1", 1))
		}
		effects, err := db.AppendFeedback(ctx, "fraud", fbs)
		if err != nil {
			t.Fatal(err)
		}
		want := []hone.Effect{hone.Joined, hone.Repeated, hone.Repeated}[round]
		for i, e := range effects {
			if e != want {
				t.Fatalf("round %d: label of %s is %s, want %s", round, fbs[i].PredictionID, e, want)
			}
		}
		clk.Advance(day)
	}
	if n := len(strings.Fields(labels(t, db))); n != len(all) {
		t.Errorf("the stream has %d labels, want %d", n, len(all))
	}
}

// TestThumbsAgain: a thumb that is sent again is nothing new, one that turns is.
func TestThumbsAgain(t *testing.T) {
	t.Parallel()
	db := open(t, t.TempDir(), store.Options{})
	predict(t, db, 1, "a")
	thumb := func(value, source string) hone.Feedback {
		return hone.Feedback{PredictionID: "a", Kind: hone.Thumb, Value: value, Source: source}
	}
	tell(t, db, hone.Noted, thumb("up", "ada"))
	tell(t, db, hone.Repeated, thumb("up", "ada"))
	tell(t, db, hone.Noted, thumb("up", "bob"))
	tell(t, db, hone.Noted, thumb("down", "ada"))
	tell(t, db, hone.Noted, thumb("up", "ada"))
}
