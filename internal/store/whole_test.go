package store_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/audit"
	"hone/internal/clock"
	"hone/internal/frame"
	"hone/internal/store"
)

// long tells whether the tests that take minutes are wanted.
func long() bool { return os.Getenv("HONE_TEST_LONG") != "" }

// quick is a folder for tests that open it hundreds of times.
func quick(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "hone-store-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// fill puts something of each kind into a folder: two days of rows, versions
// with artefacts, runs, a plan, a watch.
func fill(t testing.TB, db *store.DB, clk *clock.Fake) {
	t.Helper()
	ctx := context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	sum := sha256.Sum256([]byte("token"))
	_, err := db.Commit(ctx, db.Fence(), hone.Change{Event: hone.Event{Action: "principal.added"},
		Principal: &hone.Principal{Name: "owner", Role: "admin", Token: hex.EncodeToString(sum[:]), Created: noon}})
	must(err)
	must(db.SaveSchema(ctx, "fraud", frame.Schema{{Name: "amount", Kind: frame.Number}}))
	for _, id := range []hone.VersionID{"v1", "v2"} {
		must(register(db, id, artefact(t, string(id))))
	}
	must(promote(db, "v1"))
	for day := range 2 {
		for part := range 3 {
			var ps []hone.Prediction
			var fbs []hone.Feedback
			for i := range 30 {
				id := fmt.Sprintf("d%d-%d-%d", day, part, i)
				ps = append(ps, prediction(id))
				if i%2 == 0 {
					fbs = append(fbs, label(id, "1", i))
				}
			}
			_, err := db.AppendPredictions(ctx, "fraud", ps)
			must(err)
			_, err = db.AppendFeedback(ctx, "fraud", fbs)
			must(err)
			must(db.AppendShadows(ctx, "fraud", []hone.ShadowScore{{ID: ps[0].ID, Time: noon, Version: "v2", Scores: []float64{0.25}, Served: []float64{0.5}}}))
		}
		must(db.SaveSignals(ctx, []hone.Signal{{Model: "fraud", Name: "loss", At: noon.Add(time.Duration(day) * time.Hour), Value: 0.5, N: 10}}))
		must(db.SaveDecision(ctx, hone.Decision{ID: fmt.Sprint("d", day), Model: "fraud", At: noon, Sentence: "Nothing is to be done."}))
		clk.Advance(24 * time.Hour)
	}
}

// artefact makes a folder to be stored.
func artefact(t testing.TB, text string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"hone.json", "model.json"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat(name+text, 40)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// register stores an artefact, its reference and its version.
func register(db *store.DB, id hone.VersionID, dir string) error {
	digest, files, err := db.Blobs().PutDir(dir)
	if err != nil {
		return err
	}
	reference, err := db.Blobs().Put([]byte("reference of " + id))
	if err != nil {
		return err
	}
	v := hone.Version{ID: id, Model: "fraud", Format: "linear", Artefact: digest, Files: files, Reference: reference, Created: noon}
	_, err = db.Commit(context.Background(), db.Fence(), hone.Change{Version: &v,
		Aliases: []hone.AliasMove{{Model: "fraud", Alias: hone.Candidate, Version: id, At: noon}},
		Event:   hone.Event{Action: "registered", Model: "fraud", Version: id, Data: json.RawMessage(`{"why":"a test"}`)}})
	return err
}

// promote gives a version all traffic, as the loop does: in one change.
func promote(db *store.DB, id hone.VersionID) error {
	run := hone.Run{ID: hone.RunID("fraud-" + id), Model: "fraud", State: hone.Closed, Ending: hone.Promoted, Candidate: id, Started: noon, Sentence: "It is better."}
	_, err := db.Commit(context.Background(), db.Fence(), hone.Change{Run: &run,
		Plan:  &hone.Plan{Model: "fraud", Champion: id},
		Watch: &hone.Watch{Model: "fraud", Version: id, Run: run.ID, Since: noon},
		Aliases: []hone.AliasMove{{Model: "fraud", Alias: hone.Champion, Version: id, At: noon},
			{Model: "fraud", Alias: hone.Candidate, At: noon}},
		Event: hone.Event{Action: "run.promoted", Model: "fraud", Version: id}})
	return err
}

// answer asks a store all that it can be asked, and returns what it says.
func answer(db *store.DB) (string, error) {
	var out strings.Builder
	var errs []error
	say := func(v any, err error) {
		if told, ok := hone.AsError(err); ok && (told.Code == hone.NotFound || told.Code == hone.Unknown) {
			v, err = told, nil // That there is nothing is an answer, too.
		}
		b, e := json.Marshal(v)
		fmt.Fprintf(&out, "%s\n", b)
		errs = append(errs, err, e)
	}
	ctx := context.Background()
	control(ctx, db, say)
	ps, err := db.Predictions(ctx, "fraud", 0, 1e6)
	say(ps, err)
	ls, next, err := db.Labels(ctx, "fraud", 0, 1e6)
	say([]any{ls, next}, err)
	ss, err := db.Shadows(ctx, "fraud", 0, 1e6)
	say(ss, err)
	p, f, s, err := db.LastSeq(ctx, "fraud")
	say([]int64{p, f, s}, err)
	var rows []hone.Outcome
	err = db.Scan(ctx, "fraud", p, f, func(o hone.Outcome) error { rows = append(rows, o); return nil })
	say(rows, err)
	for _, id := range []hone.PredictionID{"d0-0-0", "d0-2-29", "d1-1-7", "d1-2-28"} {
		found, fbs, err := db.Find(ctx, "fraud", id)
		say([]any{found, fbs}, err)
	}
	return out.String(), errors.Join(errs...)
}

// control asks for control state and for the artefacts that it speaks of.
func control(ctx context.Context, db *store.DB, say func(any, error)) {
	aliases, err := db.Aliases(ctx, "fraud")
	say(aliases, err)
	versions, err := db.Versions(ctx, "fraud")
	say(versions, err)
	for _, v := range versions {
		say(nil, db.Blobs().VerifyDir(v.Artefact, v.Files))
		b, err := db.Blobs().Get(v.Reference)
		say(b, err)
	}
	plan, err := db.Plan(ctx, "fraud")
	say(plan, err)
	watch, err := db.Watch(ctx, "fraud")
	say(watch, err)
	runs, err := db.Runs(ctx, "fraud", 100)
	say(runs, err)
	decisions, err := db.Decisions(ctx, "fraud", 100)
	say(decisions, err)
	signals, err := db.Signals(ctx, "fraud", "loss", noon.Add(-time.Hour), 100)
	say(signals, err)
	latest, err := db.LatestSignals(ctx, "fraud")
	say(latest, err)
	schemas, err := db.Schemas(ctx, "fraud")
	say(len(schemas), err)
	owner, err := db.PrincipalByToken("token")
	say(owner, err)
	events, err := db.Events(ctx, 0, "", 1000)
	say(events, err)
	head, hash, err := db.Head(ctx)
	gaps, broken := audit.Verify(db.Audit(ctx), audit.Head{Seq: head, Hash: hash})
	say(gaps, errors.Join(err, broken))
}
