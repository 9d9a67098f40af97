package store_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/audit"
	"hone/internal/clock"
	"hone/internal/fault/power"
	"hone/internal/store"
)

// TestPowerCut tapes a small life of a folder, from its making on: rows and
// labels, artefacts, versions, a promotion and a rollback, a new day, another
// opening, an old day that goes. Then the power goes at any moment of it, and
// what was not brought to the disk is there, or not, or in part, in any order.
// Whatever was acknowledged by then is there, once; nothing else is that nobody
// asked for; and all goes on. Ten thousand times with HONE_TEST_LONG=1; one seed
// again with HONE_POWER_SEED.
func TestPowerCut(t *testing.T) {
	tape := taped(t)
	made := map[hone.VersionID]string{}
	for _, id := range []hone.VersionID{"v1", "v2", "v9"} {
		made[id] = artefact(t, string(id))
	}
	tape.Cuts(t, 100, 10_000, func(_ *testing.T, dir string, notes []string) error {
		k := read(notes)
		db, err := store.Open(dir, store.Options{Clock: clock.NewFake(noon.Add(96 * time.Hour))})
		if err != nil {
			return err
		}
		defer db.Close()
		return errors.Join(k.control(db), k.rows(db), goesOn(db, made))
	})
}

// taped is that life.
func taped(t *testing.T) *power.Tape {
	t.Helper()
	dir := quick(t)
	tape, err := power.Record(dir)
	if err != nil {
		t.Fatal(err)
	}
	l := &lifetime{t: t, tape: tape, dir: dir, clk: clock.NewFake(noon)}
	l.tell()
	if err := tape.Stop(); err != nil {
		t.Fatal(err)
	}
	return tape
}

type lifetime struct {
	t    *testing.T
	tape *power.Tape
	dir  string
	clk  *clock.Fake
	db   *store.DB
}

func (l *lifetime) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *lifetime) tell() {
	l.open()
	l.rows("a", 40)
	l.version("v1")
	l.crown("v1", promote)
	l.rows("b", 8)
	l.version("v2")
	l.crown("v2", promote)
	l.must(l.db.SaveSignals(context.Background(), []hone.Signal{{Model: "fraud", Name: "loss", At: noon, Value: 0.5, N: 10}}))
	l.must(l.db.SaveDecision(context.Background(), hone.Decision{ID: "d", Model: "fraud", At: noon, Sentence: "Nothing is to be done."}))
	l.clk.Advance(24 * time.Hour)
	l.rows("c", 30)
	l.crown("v1", func(db *store.DB, _ hone.VersionID) error { return back(db) })
	l.must(l.db.Close())
	l.open()
	l.version("v1x") // The same files again, under another name.
	l.rows("d", 8)
	l.clk.Advance(24 * time.Hour)
	l.rows("e", 20)
	l.tape.Note("dropping")
	_, err := l.db.Drop(context.Background(), noon.AddDate(0, 0, 1))
	l.must(err)
	l.tape.Note("dropped")
	l.version("v3")
	l.crown("v3", promote)
	l.rows("f", 8)
	l.must(l.db.Close())
	l.open()
	l.rows("g", 4)
	l.must(l.db.Close())
}

func (l *lifetime) open() {
	l.tape.Note("opening")
	var err error
	l.db, err = store.Open(l.dir, store.Options{Clock: l.clk})
	l.must(err)
	l.tape.Note(fmt.Sprint("fence ", l.db.Fence()))
}

// rows stores predictions and the labels of every second.
func (l *lifetime) rows(prefix string, n int) {
	var ps []hone.Prediction
	var fbs []hone.Feedback
	for i := range n {
		id := fmt.Sprint(prefix, i)
		ps = append(ps, prediction(id))
		l.tape.Note("sent " + id)
		if i%2 == 0 {
			fbs = append(fbs, label(id, prefix, i))
		}
	}
	_, err := l.db.AppendPredictions(context.Background(), "fraud", ps)
	l.must(err)
	for _, p := range ps {
		l.tape.Note("kept " + string(p.ID))
	}
	_, err = l.db.AppendFeedback(context.Background(), "fraud", fbs)
	l.must(err)
	for _, fb := range fbs {
		l.tape.Note("labelled " + string(fb.PredictionID))
	}
	l.must(l.db.AppendShadows(context.Background(), "fraud", []hone.ShadowScore{{ID: ps[0].ID, Time: noon, Version: "v2", Scores: []float64{0.25}}}))
	l.tape.Note("shadowed " + prefix)
}

func (l *lifetime) version(id hone.VersionID) {
	l.must(register(l.db, id, artefact(l.t, strings.TrimSuffix(string(id), "x"))))
	l.tape.Note("registered " + string(id))
}

func (l *lifetime) crown(id hone.VersionID, how func(*store.DB, hone.VersionID) error) {
	l.tape.Note("crowning " + string(id))
	l.must(how(l.db, id))
	head, hash, err := l.db.Head(context.Background())
	l.must(err)
	l.tape.Note("crowned " + string(id))
	l.tape.Note(fmt.Sprintf("event %d %s", head, hash))
}

// known is what the notes say.
type known struct {
	sent, kept, labelled map[string]bool
	registered, shadowed []string
	champion, next       string // Next may be champion already.
	fence                int64
	events               map[int64]string
	dropping, dropped    bool
}

func read(notes []string) known {
	k := known{sent: map[string]bool{}, kept: map[string]bool{}, labelled: map[string]bool{}, events: map[int64]string{}}
	for _, note := range notes {
		what, id, _ := strings.Cut(note, " ")
		switch what {
		case "sent":
			k.sent[id] = true
		case "kept":
			k.kept[id] = true
		case "labelled":
			k.labelled[id] = true
		case "registered":
			k.registered = append(k.registered, id)
		case "shadowed":
			k.shadowed = append(k.shadowed, id)
		case "crowning":
			k.next = id
		case "crowned":
			k.champion, k.next = id, ""
		case "fence":
			k.fence, _ = strconv.ParseInt(id, 10, 64)
		case "event":
			seq, hash, _ := strings.Cut(id, " ")
			n, _ := strconv.ParseInt(seq, 10, 64)
			k.events[n] = hash
		case "dropping":
			k.dropping = true
		case "dropped":
			k.dropped = true
		}
	}
	return k
}

// control: all that was committed is there, one champion, a whole chain.
func (k known) control(db *store.DB) error {
	ctx := context.Background()
	if int64(db.Fence()) <= k.fence {
		return fmt.Errorf("fence %d follows %d", db.Fence(), k.fence)
	}
	for _, id := range k.registered {
		if _, err := db.Version(ctx, "fraud", hone.VersionID(id)); err != nil {
			return fmt.Errorf("version %s: %w", id, err)
		}
	}
	versions, err := db.Versions(ctx, "fraud")
	if err != nil {
		return err
	}
	for _, v := range versions {
		if err := db.Blobs().VerifyDir(v.Artefact, v.Files); err != nil {
			return fmt.Errorf("version %s: %w", v.ID, err)
		}
		if _, err := db.Blobs().Get(v.Reference); err != nil {
			return fmt.Errorf("version %s: %w", v.ID, err)
		}
	}
	if c := string(champion(db)); c != k.champion && c != k.next {
		return fmt.Errorf("the champion is %q; %q was acknowledged, %q asked for", c, k.champion, k.next)
	}
	plan, err := db.Plan(ctx, "fraud")
	if e, ok := hone.AsError(err); ok && e.Code == hone.NotFound && champion(db) == "" {
		err = nil
	}
	if err != nil || plan.Champion != champion(db) {
		return fmt.Errorf("the plan serves %q, the champion is %q (%v)", plan.Champion, champion(db), err)
	}
	head, hash, err := db.Head(ctx)
	if err != nil {
		return err
	}
	if _, err := audit.Verify(db.Audit(ctx), audit.Head{Seq: head, Hash: hash}); err != nil {
		return err
	}
	events, err := db.Events(ctx, 0, "", 1000)
	for _, e := range events {
		if want, ok := k.events[e.Seq]; ok && e.Hash != want {
			return fmt.Errorf("event %d is not the one that was acknowledged", e.Seq)
		}
		delete(k.events, e.Seq)
	}
	if len(k.events) > 0 {
		return fmt.Errorf("%d events are lost", len(k.events))
	}
	return err
}

// rows: each that was acknowledged is there once, with its label.
func (k known) rows(db *store.DB) error {
	ctx := context.Background()
	p, f, _, err := db.LastSeq(ctx, "fraud")
	if err != nil {
		return err
	}
	seen, last := map[string]bool{}, int64(0)
	err = db.Scan(ctx, "fraud", p, f, func(o hone.Outcome) error {
		id := string(o.ID)
		switch {
		case seen[id] || !k.sent[id] || o.Seq <= last:
			return fmt.Errorf("%s, number %d after %d: seen %v, sent %v", id, o.Seq, last, seen[id], k.sent[id])
		case string(o.Features) != "abcd"+id:
			return fmt.Errorf("%s came back as %q", id, o.Features)
		case k.labelled[id] && o.Label != id[:1], o.Label != "" && o.Label != id[:1]:
			return fmt.Errorf("%s has the label %q (acknowledged: %v)", id, o.Label, k.labelled[id])
		}
		seen[id], last = true, o.Seq
		return nil
	})
	if err != nil {
		return err
	}
	for id := range k.kept {
		if old := id[0] == 'a' || id[0] == 'b'; !seen[id] && !(old && k.dropping) {
			return fmt.Errorf("%s was acknowledged and is lost", id)
		}
		if old := id[0] == 'a' || id[0] == 'b'; seen[id] && old && k.dropped {
			return fmt.Errorf("%s was dropped and is back", id)
		}
	}
	shadows, err := db.Shadows(ctx, "fraud", 0, 1000)
	if err == nil && len(shadows) < len(k.shadowed) && !k.dropping {
		err = fmt.Errorf("%d shadow scores of %d are there", len(shadows), len(k.shadowed))
	}
	return err
}

// goesOn: what comes after is taken, as if nothing had been.
func goesOn(db *store.DB, made map[hone.VersionID]string) error {
	if _, err := db.AppendPredictions(context.Background(), "fraud", []hone.Prediction{prediction("z")}); err != nil || !has(db, "z") {
		return fmt.Errorf("another row: %v", err)
	}
	for id, dir := range made {
		err := register(db, id, dir)
		if e, ok := hone.AsError(err); ok && e.Code == hone.Conflict && id != "v9" {
			err = nil // It is there already.
		}
		if err != nil {
			return fmt.Errorf("another version: %w", err)
		}
	}
	return promote(db, "v9")
}
