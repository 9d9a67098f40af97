package vault_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/op"
	"hone/internal/store"
	"hone/internal/vault"
)

// TestBackupUnderLoad copies the folder again and again while predictions are
// served and labelled: none fails, and each copy is whole and has all that was
// acknowledged before it began.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	w := old(t, "log: durable", "log: durable")
	parent := t.TempDir()
	stop := make(chan struct{})
	var mu sync.Mutex
	var acked int
	var took []time.Duration
	var wait sync.WaitGroup
	wait.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			began := time.Now()
			if _, err := w.Gateway().Predict(t.Context(), "fraud", rows(i, 1)); err != nil {
				t.Errorf("prediction %d: %v", i, err)
				return
			}
			mu.Lock()
			acked, took = i+1, append(took, time.Since(began))
			mu.Unlock()
		}
	})
	known := []int{}
	for i := range 3 {
		mu.Lock()
		known = append(known, acked)
		mu.Unlock()
		b := do[hone.Backup](w, "backup", &op.BackupIn{Dest: filepath.Join(parent, fmt.Sprint("b", i))})
		if i > 0 && b.Shared < b.Files/2 {
			t.Errorf("backup %d shares %d of %d files with the one before", i, b.Shared, b.Files)
		}
	}
	close(stop)
	wait.Wait()
	slices.Sort(took)
	t.Logf("%d predictions, slowest %v, p99 %v", len(took), took[len(took)-1], took[len(took)*99/100])
	for i, n := range known {
		at := filepath.Join(parent, fmt.Sprint("b", i))
		if _, err := vault.Verify(t.Context(), at); err != nil {
			t.Error(err)
		}
		data := filepath.Join(t.TempDir(), "data")
		if _, err := vault.Restore(t.Context(), at, data, clock.NewFake(made), "ada"); err != nil {
			t.Fatal(err)
		}
		again := start(t, w.dir, data)
		for _, k := range []int{0, n / 2, n - 1} {
			if k < 0 || k >= n {
				continue
			}
			if got, err := again.try("trace", &op.TraceIn{Prediction: fmt.Sprint("n", k)}); err != nil {
				t.Errorf("backup %d has not n%d of %d: %v", i, k, n, err)
			} else if got.(op.Trace).Version == nil {
				t.Errorf("n%d has no version: %+v", k, got)
			}
		}
	}
}

// TestVerify damages each file of a backup in each way: all of it is found, and
// nothing is restored of it.
func TestVerify(t *testing.T) {
	t.Parallel()
	w := old(t)
	at := filepath.Join(t.TempDir(), "b")
	do[hone.Backup](w, "backup", &op.BackupIn{Dest: at})
	m, err := vault.Verify(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"backup.json"}
	for _, f := range m.Files {
		names = append(names, f.Name)
	}
	broken := func(what string) {
		t.Helper()
		if _, err := vault.Verify(t.Context(), at); err == nil {
			t.Errorf("%s: the backup counts as sound", what)
		} else if e, ok := hone.AsError(err); !ok || e.Hint == "" {
			t.Errorf("%s: %v has no hint", what, err)
		}
		data := filepath.Join(t.TempDir(), "data")
		if _, err := vault.Restore(t.Context(), at, data, clock.NewFake(made), "ada"); err == nil {
			t.Errorf("%s: it was restored", what)
		}
		for _, left := range []string{data, data + ".restoring"} {
			if _, err := os.Lstat(left); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %s is left", what, left)
			}
		}
	}
	for _, name := range names {
		path := filepath.Join(at, name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		replace := func(b []byte) {
			t.Helper()
			if err := errors.Join(os.Remove(path), os.WriteFile(path, b, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		bad := slices.Clone(good)
		bad[len(bad)/2] ^= 4
		replace(bad)
		broken("a flipped bit in " + name)
		replace(good[:len(good)-1])
		broken("a cut end of " + name)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		broken("no " + name)
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	extra := filepath.Join(at, "events", "2020-01-01.db")
	if err := os.WriteFile(extra, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	broken("a file too many")
	if err := os.Remove(extra); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.Verify(t.Context(), at); err != nil {
		t.Errorf("all is mended: %v", err)
	}
}

// TestRestoreLeaps restores yesterday's backup: no number that was given since
// is given again, and what comes from that time is kept.
func TestRestoreLeaps(t *testing.T) {
	t.Parallel()
	w := old(t)
	at := filepath.Join(t.TempDir(), "b")
	do[hone.Backup](w, "backup", &op.BackupIn{Dest: at})
	w.serve(0, 50)
	do[op.Done](w, "rollback", &op.RollbackIn{Model: "fraud"})
	later := w.marks()
	w.Stop()

	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := vault.Restore(t.Context(), at, full, clock.NewFake(made), "ada")
	refused(t, err, hone.Conflict, "not empty")
	data := t.TempDir() // Empty is as good as not there.
	if _, err := vault.Restore(t.Context(), at, data, clock.NewFake(made), "ada"); err != nil {
		t.Fatal(err)
	}
	again := start(t, w.dir, data)
	champion, run := again.view()
	if champion != "v2" || run.State != hone.AwaitingApproval {
		t.Errorf("%s serves and %s is %s", champion, run.ID, run.State)
	}
	now := again.marks()
	if now.Fence <= later.Fence || now.PlanToken <= later.PlanToken {
		t.Errorf("the numbers ran back: %+v after %+v", now, later)
	}
	again.serve(50, 10)
	gone := again.marks().Log["fraud"]
	for k, n := range gone[:2] {
		if n <= later.Log["fraud"][k] {
			t.Errorf("table %d of the log goes on at %d, and was at %d", k, n, later.Log["fraud"][k])
		}
	}
	in := &op.LoggedIn{Model: "fraud", Items: []op.LoggedItem{{PredictionID: "elsewhere", Version: "v77", Score: new(float64), Features: map[string]any{"amount": 4.0}}}}
	do[op.Stored](again, "log", in)
	do[op.FeedbackOut](again, "feedback", &op.FeedbackIn{Model: "fraud", Items: []op.FeedbackItem{{PredictionID: "elsewhere", Label: "1"}, {PredictionID: "n7", Label: "1"}}})
	if got := do[op.Trace](again, "trace", &op.TraceIn{Prediction: "elsewhere"}); got.Label != "1" || got.Prediction.Version != "v77" {
		t.Errorf("a prediction of an unknown version: %+v", got)
	}
	again.step(3)
	events := do[op.AuditList](again, "export", &op.AuditIn{Model: ""}).Events
	if i := slices.IndexFunc(events, func(e hone.Event) bool { return e.Action == "restored" }); i < 0 || len(events[i].Data) == 0 {
		t.Error("the audit does not tell of the restore")
	}
	again.whole()
}

func (w *world) marks() store.Marks {
	w.t.Helper()
	m, err := w.Service().Control.(*store.DB).Marks(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

func TestBackupRefuses(t *testing.T) {
	t.Parallel()
	w := old(t)
	f := func(dest string, code hone.Code, says string) {
		t.Helper()
		_, err := w.try("backup", &op.BackupIn{Dest: dest})
		refused(t, err, code, says)
	}
	f("", hone.Invalid, "no place")
	f("here", hone.Invalid, "no absolute path")
	f(t.TempDir(), hone.Conflict, "there already")
	f(filepath.Join(w.data, "b"), hone.Invalid, "in the data folder")
	f("/dev/null/b", hone.Invalid, "cannot be written")
	_, err := vault.ReadManifest(t.TempDir())
	refused(t, err, hone.NotFound, "is no backup")
}

// TestDamagedPrevious spoils the files of the version to go back to: the doctor
// says so before a rollback needs it, and the rollback goes one further.
func TestDamagedPrevious(t *testing.T) {
	t.Parallel()
	w := old(t)
	do[op.Done](w, "reject", &op.ActIn{Run: "fraud-3"})
	if f := w.finding("artefacts"); !f.OK {
		t.Fatal(f.Sentence)
	}
	w.spoil("v1")
	if f := w.finding("artefacts"); f.OK {
		t.Error("the doctor does not see that v1 is damaged")
	}
	_, err := w.try("rollback", &op.RollbackIn{Model: "fraud"})
	refused(t, err, hone.Unavailable, "no former champion")
	if champion, _ := w.view(); champion != "v2" {
		t.Errorf("%s serves", champion)
	}
}

// TestDamagedPreviousPassed spoils the files of the champion that a rollback goes to,
// the last that is proven on labels: it goes to the previous one, which is whole.
func TestDamagedPreviousPassed(t *testing.T) {
	t.Parallel()
	w := old(t)
	w.approve("fraud-3")
	do[op.Done](w, "promote", &op.ActIn{Run: "fraud-3"})
	w.spoil("v1")
	if f := w.finding("artefacts"); f.OK || !strings.Contains(f.Sentence, "v1 of fraud") {
		t.Errorf("the doctor says %s", f.Sentence)
	}
	said := do[op.Done](w, "rollback", &op.RollbackIn{Model: "fraud"})
	if champion, _ := w.view(); champion != "v2" || !strings.Contains(said.Sentence, "The files of v1 are damaged, so it went to the champion before, v2.") {
		t.Errorf("%s serves: %s", champion, said.Sentence)
	}
	w.serve(0, 10)
	w.whole()
}

// spoil damages the files of a version.
func (w *world) spoil(id hone.VersionID) {
	w.t.Helper()
	for _, v := range do[op.VersionList](w, "versions", &op.ModelIn{Model: "fraud"}).Versions {
		if v.ID == id {
			path := filepath.Join(w.data, "artefacts", "tree", v.Artefact, v.Files[0].Name)
			if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, []byte("x"), 0o600)); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}
