package store_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"hone"
	"hone/internal/audit"
	"hone/internal/clock"
	"hone/internal/frame"
	"hone/internal/store"
)

func wantCode(t *testing.T, err error, want hone.Code) {
	t.Helper()
	if e, ok := hone.AsError(err); !ok || e.Code != want {
		t.Errorf("got %v, want an error of code %s", err, want)
	}
}

func commit(t *testing.T, db *store.DB, c hone.Change) hone.Event {
	t.Helper()
	e, err := db.Commit(context.Background(), db.Fence(), c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestSecondOpener(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a b%20#?*[c")
	db := open(t, dir, store.Options{Clock: clock.NewFake(noon)})
	_, err := store.Open(dir, store.Options{})
	wantCode(t, err, hone.Conflict)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("process %d, since 2026-03-01T12:00:00Z", os.Getpid())) {
		t.Errorf("%v does not say who holds the folder since when", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir, store.Options{})
	if again.Fence() <= db.Fence() {
		t.Errorf("fence %d follows %d", again.Fence(), db.Fence())
	}
	_, err = again.Commit(context.Background(), db.Fence(), hone.Change{Event: hone.Event{Action: "x"}})
	wantCode(t, err, hone.Conflict)
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v, want 0700 (%v)", info.Mode(), err)
	}
}

func TestNewerSchema(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := open(t, dir, store.Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "control.db")+"?vfs=hone")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := raw.Exec("INSERT INTO schema_version VALUES (99, 0)"); err != nil {
		t.Fatal(err)
	}
	if err := raw.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(dir, store.Options{})
	wantCode(t, err, hone.Conflict)
	if err == nil || !strings.Contains(err.Error(), "schema 99") {
		t.Errorf("%v does not name the schema", err)
	}
}

func TestRuns(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := open(t, t.TempDir(), store.Options{})
	try := func(r hone.Run) error {
		_, err := db.Commit(ctx, db.Fence(), hone.Change{Event: hone.Event{Action: "run", Run: r.ID, Model: r.Model}, Run: &r})
		return err
	}
	ok := func(r hone.Run) {
		t.Helper()
		if err := try(r); err != nil {
			t.Error(err)
		}
	}
	first := hone.Run{ID: "fraud-1", Model: "fraud", State: hone.Collecting, Started: noon}
	ok(first)
	first.State = hone.Training
	ok(first)
	wantCode(t, try(hone.Run{ID: "fraud-2", Model: "fraud", State: hone.Collecting}), hone.Conflict)
	ok(hone.Run{ID: "churn-1", Model: "churn", State: hone.Collecting})
	first.State, first.Ending = hone.Closed, hone.Promoted
	ok(first)
	ok(first) // The same again.
	changed := first
	changed.Candidate = "v9"
	wantCode(t, try(changed), hone.Conflict)
	changed = first
	changed.State = hone.Training
	wantCode(t, try(changed), hone.Conflict)
	first.Receipt = &hone.Receipt{Rows: 500, Gain: 40, Over: true}
	ok(first) // It gets its receipt once.
	changed = first
	changed.Receipt = &hone.Receipt{Rows: 500, Gain: 90, Over: true}
	wantCode(t, try(changed), hone.Conflict)
	first.Ending, first.Sentence = hone.RolledBack, "It was worse."
	ok(first)
	first.Ending = hone.Promoted
	wantCode(t, try(first), hone.Conflict)
	ok(hone.Run{ID: "fraud-2", Model: "fraud", State: hone.Collecting})

	runs, err := db.Runs(ctx, "fraud", 10)
	if err != nil || len(runs) != 2 || runs[0].ID != "fraud-2" || runs[1].Ending != hone.RolledBack {
		t.Errorf("got runs %v, %v", runs, err)
	}
	openRuns, err := db.OpenRuns(ctx)
	if err != nil || len(openRuns) != 2 || openRuns[0].ID != "churn-1" {
		t.Errorf("got open runs %v, %v", openRuns, err)
	}
	_, err = db.Run(ctx, "fraud-9")
	wantCode(t, err, hone.NotFound)
	// What was refused left no event behind.
	if n, _, err := db.Head(ctx); err != nil || n != 8 {
		t.Errorf("the head is at %d, want 8 (%v)", n, err)
	}
}

func TestRegistry(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	db := open(t, dir, store.Options{Clock: clock.NewFake(noon)})
	v1 := hone.Version{ID: "v1", Model: "fraud", Format: "linear", Artefact: "aa"}
	move := hone.AliasMove{Model: "fraud", Alias: hone.Champion, Version: "v1", At: noon, By: "ada"}
	_, err := db.Commit(ctx, db.Fence(), hone.Change{Aliases: []hone.AliasMove{move}})
	wantCode(t, err, hone.NotFound)
	plan := &hone.Plan{Model: "fraud", Champion: "v1"}
	commit(t, db, hone.Change{Version: &v1, Aliases: []hone.AliasMove{move}, Plan: plan,
		Dataset:  &hone.Dataset{ID: "d1", Model: "fraud"},
		Decision: &hone.Decision{ID: "x1", Model: "fraud", Start: true},
		Watch:    &hone.Watch{Model: "fraud", Version: "v1", Run: "fraud-1"},
		Config:   &hone.Applied{SHA256: "c1", Text: "version: 1"}})
	other := &hone.Plan{Model: "churn", Champion: "v1"}
	commit(t, db, hone.Change{Version: &v1, Plan: other, Watch: &hone.Watch{Model: "fraud", Version: "v1", Run: "fraud-1", Over: true}})
	if plan.Token != 1 || other.Token != 2 {
		t.Errorf("plan tokens are %d and %d, want 1 and 2", plan.Token, other.Token)
	}
	v1.Artefact = "bb"
	_, err = db.Commit(ctx, db.Fence(), hone.Change{Version: &v1})
	wantCode(t, err, hone.Conflict)
	v1.Artefact, v1.Tested = "aa", "dd" // Its probe was tested since: that comes once, and alone.
	commit(t, db, hone.Change{Version: &v1})
	if got, err := db.Version(ctx, "fraud", "v1"); err != nil || got.Tested != "dd" || got.Artefact != "aa" {
		t.Errorf("a tested version is %+v, %v", got, err)
	}
	for _, other := range []hone.Version{{Tested: "ee", Artefact: "aa"}, {Artefact: "aa"}, {Tested: "dd", Artefact: "bb"}} {
		other.ID, other.Model, other.Format = "v1", "fraud", "linear"
		_, err = db.Commit(ctx, db.Fence(), hone.Change{Version: &other})
		wantCode(t, err, hone.Conflict)
	}
	if err := db.SaveDecision(ctx, hone.Decision{ID: "x2", Model: "fraud", Sentence: "It waits."}); err != nil {
		t.Error(err)
	}

	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir, store.Options{})
	aliases, err := db.Aliases(ctx, "fraud")
	if err != nil || len(aliases) != 1 || aliases[hone.Champion] != "v1" {
		t.Errorf("aliases are %v, %v", aliases, err)
	}
	v, err := db.Version(ctx, "fraud", "v1")
	if err != nil || v.Artefact != "aa" {
		t.Errorf("version is %v, %v", v, err)
	}
	if ds, err := db.Decisions(ctx, "fraud", 5); err != nil || len(ds) != 2 || ds[0].ID != "x2" {
		t.Errorf("decisions are %v, %v", ds, err)
	}
	if w, err := db.Watch(ctx, "fraud"); err != nil || w == nil || !w.Over {
		t.Errorf("watch is %v, %v", w, err)
	}
	if w, err := db.Watch(ctx, "churn"); err != nil || w != nil {
		t.Errorf("watch is %v, %v; want none", w, err)
	}
	if c, err := db.Config(ctx); err != nil || c == nil || c.SHA256 != "c1" {
		t.Errorf("configuration is %v, %v", c, err)
	}
	if ps, err := db.Plans(ctx); err != nil || len(ps) != 2 || ps[0].Model != "churn" || ps[0].Token != 2 {
		t.Errorf("plans are %v, %v", ps, err)
	}
	commit(t, db, hone.Change{Aliases: []hone.AliasMove{{Model: "fraud", Alias: hone.Champion, At: noon}}})
	if aliases, err := db.Aliases(ctx, "fraud"); err != nil || len(aliases) != 0 {
		t.Errorf("aliases are %v, %v; want none", aliases, err)
	}
	if h, err := db.AliasHistory(ctx, "fraud"); err != nil || len(h) != 2 || h[0] != move {
		t.Errorf("alias history is %v, %v", h, err)
	}
	_, err = db.Dataset(ctx, "d2")
	wantCode(t, err, hone.NotFound)
	_, err = db.Plan(ctx, "x")
	wantCode(t, err, hone.NotFound)
}

// TestAuditIsGapless commits from many goroutines, some of which are refused.
func TestAuditIsGapless(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := open(t, t.TempDir(), store.Options{})
	hints, end := db.Subscribe()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 12 {
				fence := db.Fence()
				if i%4 == 3 {
					fence--
				}
				db.Commit(ctx, fence, hone.Change{Event: hone.Event{Actor: "ada", Action: "x", Model: fmt.Sprint("m", g),
					Sentence: "Said.", Data: json.RawMessage(`{"a": "<b>"}`)}})
			}
		})
	}
	wg.Wait()
	seq, hash, err := db.Head(ctx)
	if err != nil || seq != 8*9 {
		t.Fatalf("the head is at %d, want %d (%v)", seq, 8*9, err)
	}
	if _, err := audit.Verify(db.Audit(ctx), audit.Head{Seq: seq, Hash: hash}); err != nil {
		t.Error(err)
	}
	events, err := db.Events(ctx, 10, "m3", 5)
	if err != nil || len(events) != 5 || events[0].Seq <= 10 || events[4].Model != "m3" {
		t.Errorf("got events %v, %v", events, err)
	}
	if e := <-hints; e.Seq == 0 || e.Hash == "" {
		t.Errorf("the hint is %v", e)
	}
	end()
	end()
	for range hints {
	}
}

func TestSignalsAndSchemas(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := open(t, t.TempDir(), store.Options{})
	var list []hone.Signal
	for i := range 10 {
		list = append(list, hone.Signal{Model: "fraud", Name: "loss", At: noon.Add(time.Duration(i) * time.Hour), Value: float64(i)})
	}
	list = append(list, hone.Signal{Model: "fraud", Name: "drift.share", At: noon})
	if err := db.SaveSignals(ctx, list); err != nil {
		t.Fatal(err)
	}
	got, err := db.Signals(ctx, "fraud", "loss", noon.Add(2*time.Hour), 3)
	if err != nil || len(got) != 3 || got[0].Value != 7 || got[2].Value != 9 {
		t.Errorf("signals are %v, %v", got, err)
	}
	if got, err := db.Signals(ctx, "fraud", "loss", time.Time{}, 100); err != nil || len(got) != 10 {
		t.Errorf("signals are %v, %v", got, err)
	}
	if got, err := db.LatestSignals(ctx, "fraud"); err != nil || len(got) != 2 || got[1].Value != 9 {
		t.Errorf("latest signals are %v, %v", got, err)
	}

	schema := frame.Schema{{Name: "amount", Kind: frame.Number}}
	if err := db.SaveSchema(ctx, "fraud", schema); err != nil {
		t.Fatal(err)
	}
	if err := db.SaveSchema(ctx, "fraud", schema); err != nil {
		t.Error(err)
	}
	if m, err := db.Schemas(ctx, "fraud"); err != nil || len(m) != 1 || m[schema.Fingerprint()][0].Name != "amount" {
		t.Errorf("schemas are %v, %v", m, err)
	}
}

func TestBlobs(t *testing.T) {
	t.Parallel()
	dir, src := t.TempDir(), t.TempDir()
	b := open(t, dir, store.Options{}).Blobs()
	write := func(name, text string) {
		t.Helper()
		p := filepath.Join(src, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("hone.json", "{}")
	write("sub/weights.bin", "0123456789")
	digest, files, err := b.PutDir(src)
	if err != nil || len(files) != 2 || files[1].Name != "sub/weights.bin" || files[1].Bytes != 10 {
		t.Fatalf("got %s, %v, %v", digest, files, err)
	}
	if again, _, err := b.PutDir(src); err != nil || again != digest {
		t.Errorf("the same folder again is %s, %v", again, err)
	}
	if err := b.VerifyDir(digest, files); err != nil {
		t.Error(err)
	}
	stored, err := b.Dir(digest)
	if err != nil {
		t.Fatal(err)
	}
	reader := store.ReadBlobs(dir)
	if got, err := reader.Verified(digest); err != nil || got != stored {
		t.Errorf("read without the store: %s, %v", got, err)
	}
	weights := filepath.Join(stored, "sub/weights.bin")
	overwrite(t, weights, "0123456788")
	if err := b.VerifyDir(digest, files); err == nil || !strings.Contains(err.Error(), "sub/weights.bin is not what") {
		t.Errorf("a changed file gives %v", err)
	}
	if _, err := reader.Verified(digest); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("a changed file, read without the store, gives %v", err)
	}
	if _, _, err := b.PutDir(src); err != nil || b.VerifyDir(digest, files) != nil {
		t.Errorf("storing the folder again does not mend it: %v", err)
	}
	overwrite(t, filepath.Join(stored, "more"), "x")
	if err := b.VerifyDir(digest, files); err == nil || !strings.Contains(err.Error(), "more was added") {
		t.Errorf("an added file gives %v", err)
	}
	if _, err := reader.Verified(digest); err == nil {
		t.Error("an added file passes without the store")
	}
	os.Remove(filepath.Join(stored, "more"))
	os.Remove(weights)
	if err := b.VerifyDir(digest, files); err == nil || !strings.Contains(err.Error(), "weights.bin is missing") {
		t.Errorf("a missing file gives %v", err)
	}
	files[0].SHA256 = digest
	if err := b.VerifyDir(digest, files); err == nil {
		t.Error("another list of files verifies")
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(src, "link")); err != nil {
		t.Fatal(err)
	}
	_, _, err = b.PutDir(src)
	wantCode(t, err, hone.Invalid)
	if left, err := fs.Glob(os.DirFS(dir), "artefacts/tmp/*"); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestBlobBytes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, dir, store.Options{}).Blobs()
	one, err := b.Put([]byte("profile"))
	if err != nil {
		t.Fatal(err)
	}
	if data, err := b.Get(one); err != nil || string(data) != "profile" {
		t.Errorf("got %q, %v", data, err)
	}
	overwrite(t, filepath.Join(dir, "artefacts", "blob", one), "profilf")
	if _, err := b.Get(one); err == nil {
		t.Error("a damaged blob is returned")
	}
	if _, err := b.Put([]byte("profile")); err != nil {
		t.Error(err)
	}
	if data, err := b.Get(one); err != nil || string(data) != "profile" {
		t.Errorf("storing the blob again does not mend it: %q, %v", data, err)
	}
	for _, bad := range []string{"", "..", "../../control.db", strings.Repeat("A", 64), strings.Repeat("/", 64), strings.Repeat("0", 65)} {
		_, err := b.Get(bad)
		wantCode(t, err, hone.Invalid)
		_, err = b.Dir(bad)
		wantCode(t, err, hone.Invalid)
	}
	_, err = b.Get(strings.Repeat("0", 64))
	wantCode(t, err, hone.NotFound)
}

func overwrite(t *testing.T, path, text string) {
	t.Helper()
	os.Remove(path)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestLooks reads what others would have done apart from the evidence, and the last
// event of an action.
func TestLooks(t *testing.T) {
	t.Parallel()
	db := open(t, t.TempDir(), store.Options{})
	at := time.Date(2026, 3, 1, 0, 0, 0, 1, time.UTC)
	save := func(model, id string, at time.Time, others ...hone.Other) {
		t.Helper()
		d := hone.Decision{ID: id, Model: model, At: at, Others: others, Ticks: []hone.Tick{{N: 7}}}
		for range 2 { // The same again is harmless.
			if err := db.SaveDecision(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
	}
	save("m", "a", at, hone.Other{Kind: "psi", Fired: true})
	save("m", "b", at.Add(time.Hour), hone.Other{Kind: "psi", Unknown: true})
	save("m", "none", at.Add(time.Hour))
	save("n", "c", at, hone.Other{Kind: "psi"})
	f := func(since time.Time, want string) {
		t.Helper()
		got, err := db.Looks(t.Context(), "m", since)
		said := ""
		for _, d := range got {
			said += fmt.Sprintf("%s %v %v %d; ", d.ID, d.At.Sub(at), d.Others, len(d.Ticks))
		}
		if err != nil || said != want {
			t.Errorf("since %s: got %q, %v; want %q", since, said, err, want)
		}
	}
	f(time.Time{}, "a 0s [{psi true false}] 0; b 1h0m0s [{psi false true}] 0; ")
	f(at, "a 0s [{psi true false}] 0; b 1h0m0s [{psi false true}] 0; ")
	f(at.Add(1), "b 1h0m0s [{psi false true}] 0; ")
	if d, err := db.Decision(t.Context(), "a"); err != nil || len(d.Ticks) != 1 {
		t.Errorf("the whole decision: %+v, %v", d, err)
	}
	_, err := db.Decision(t.Context(), "z")
	wantCode(t, err, hone.NotFound)
	if n, err := db.Prune(t.Context(), at.Add(time.Minute)); err != nil || n == 0 {
		t.Fatalf("pruned %d, %v", n, err)
	}
	f(time.Time{}, "b 1h0m0s [{psi false true}] 0; ")
	if e, err := db.LastEvent(t.Context(), "m", "report.week"); err != nil || e.Seq != 0 {
		t.Errorf("the last of none: %+v, %v", e, err)
	}
	for i, action := range []string{"report.week", "report.week", "other"} {
		if _, err := db.Commit(t.Context(), db.Fence(), hone.Change{Event: hone.Event{Model: "m", Action: action, Sentence: fmt.Sprint(i), At: at}}); err != nil {
			t.Fatal(err)
		}
	}
	if e, err := db.LastEvent(t.Context(), "m", "report.week"); err != nil || e.Sentence != "1" {
		t.Errorf("the last of two: %+v, %v", e, err)
	}
}

func TestPrune(t *testing.T) {
	t.Parallel()
	db := open(t, t.TempDir(), store.Options{})
	old := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	save := func(at time.Time, id string, start bool) {
		t.Helper()
		if err := db.SaveSignals(t.Context(), []hone.Signal{{Model: "m", Name: "loss", At: at, Value: 1}}); err != nil {
			t.Fatal(err)
		}
		if err := db.SaveDecision(t.Context(), hone.Decision{ID: id, Model: "m", At: at, Start: start}); err != nil {
			t.Fatal(err)
		}
	}
	save(old, "a", false)
	save(old, "b", true)
	save(old.Add(48*time.Hour), "c", false)
	n, err := db.Prune(t.Context(), old.Add(24*time.Hour))
	if err != nil || n != 3 {
		t.Fatalf("pruned %d rows, %v; want two old signals and the old decision to wait", n, err)
	}
	ds, err := db.Decisions(t.Context(), "m", 10)
	if err != nil || len(ds) != 2 || ds[0].ID != "c" || ds[1].ID != "b" {
		t.Errorf("decisions left: %+v, %v", ds, err)
	}
	if s, err := db.Signals(t.Context(), "m", "loss", time.Time{}, 10); err != nil || len(s) != 1 {
		t.Errorf("signals left: %+v, %v", s, err)
	}
}

func TestConfigs(t *testing.T) {
	t.Parallel()
	db := open(t, t.TempDir(), store.Options{})
	if list, err := db.Configs(t.Context(), 10); err != nil || len(list) != 0 {
		t.Errorf("there are %v, %v", list, err)
	}
	for i, sha := range []string{"aa11", "ab22", "aa11"} {
		commit(t, db, hone.Change{Event: hone.Event{Action: "config.applied"}, Config: &hone.Applied{SHA256: sha, By: fmt.Sprint("person ", i), Text: "version: 1"}})
	}
	list, err := db.Configs(t.Context(), 2)
	if err != nil || len(list) != 2 || list[0].By != "person 2" || list[1].SHA256 != "ab22" || list[0].Text != "" {
		t.Errorf("the newest two are %+v, %v", list, err)
	}
	f := func(sha, by string) {
		t.Helper()
		c, err := db.ConfigAt(t.Context(), sha)
		if e, ok := hone.AsError(err); by == "" && (!ok || e.Code != hone.NotFound || e.Hint == "") || by != "" && (err != nil || c.By != by || c.Text == "") {
			t.Errorf("%q: %+v, %v", sha, c, err)
		}
	}
	f("aa", "person 2") // The newest of those that are the same.
	f("ab22", "person 1")
	f("a", "person 2")
	f("aa111", "")
	f("%", "")
	f("_b", "")
}
