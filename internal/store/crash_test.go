package store_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"hone"
	"hone/internal/clock"
	"hone/internal/store"
)

// TestKill starts this test again as another process, kills it while it
// appends, and looks for all that it was told is stored.
func TestKill(t *testing.T) {
	if dir := os.Getenv("STORE_TEST_DIR"); dir != "" {
		fmt.Println(appendUntilError(dir, func(*store.DB) {}))
		os.Exit(1)
	}
	t.Parallel()
	dir := t.TempDir()
	ctx := context.Background()
	acked := 0
	for round := range 4 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
		cmd.Env = append(os.Environ(), "STORE_TEST_DIR="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			if !strings.HasPrefix(lines.Text(), "ack ") {
				t.Fatal(lines.Text())
			}
			if n == 5+round {
				cmd.Process.Kill()
			}
			fmt.Sscanf(lines.Text(), "ack %d", &acked)
		}
		cmd.Wait()
		db, err := store.Open(dir, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		predictions, feedback, _, _ := db.LastSeq(ctx, "fraud")
		events, _, err := db.Head(ctx)
		if err != nil || predictions < int64(acked*10) || feedback < int64(acked) || events < int64(acked) {
			t.Errorf("round %d: acknowledged %d, found %d predictions, %d labels, %d events (%v)", round, acked, predictions, feedback, events, err)
		}
		ps, err := db.Predictions(ctx, "fraud", 0, 1e6)
		if err != nil || len(ps) != int(predictions) {
			t.Errorf("round %d: read %d predictions, want %d (%v)", round, len(ps), predictions, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// appendUntilError says on standard output what was acknowledged.
func appendUntilError(dir string, then func(db *store.DB)) error {
	db, err := store.Open(dir, store.Options{})
	if err != nil {
		return err
	}
	ctx := context.Background()
	events, _, _ := db.Head(ctx)
	for n := int(events) + 1; ; n++ {
		var ps []hone.Prediction
		for i := range 10 {
			ps = append(ps, prediction(fmt.Sprintf("%d-%d", n, i)))
		}
		_, err1 := db.AppendPredictions(ctx, "fraud", ps)
		_, err2 := db.AppendFeedback(ctx, "fraud", []hone.Feedback{label(fmt.Sprintf("%d-0", n), "1", 1), label(fmt.Sprintf("early-%d", n), "1", 1)})
		_, err3 := db.Commit(ctx, db.Fence(), hone.Change{Event: hone.Event{Action: "x"}})
		if err := errors.Join(err1, err2, err3); err != nil {
			then(db)
			return err
		}
		fmt.Println("ack", n)
	}
}

// TestFailedWrite lets the kernel refuse to let files grow, in another process:
// what was acknowledged is there, and after the failure nothing is taken.
func TestFailedWrite(t *testing.T) {
	if dir := os.Getenv("STORE_TEST_DIR"); dir != "" {
		signal.Ignore(unix.SIGXFSZ)
		// More than control state takes by then: the day's log is to be what cannot grow.
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 600_000, Max: 600_000}); err != nil {
			fmt.Println(err)
		}
		err := appendUntilError(dir, func(db *store.DB) {
			_, err := db.AppendPredictions(context.Background(), "fraud", []hone.Prediction{prediction("after")})
			e, ok := hone.AsError(err)
			fmt.Println("refused", ok && e.Code == hone.Unavailable)
		})
		fmt.Println("failed", err)
		os.Exit(0)
	}
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestFailedWrite$")
	cmd.Env = append(os.Environ(), "STORE_TEST_DIR="+dir)
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), "refused true") {
		t.Fatalf("%v\n%s", err, out)
	}
	acked := strings.Count("\n"+string(out), "\nack ")
	db := open(t, dir, store.Options{})
	predictions, _, _, err := db.LastSeq(context.Background(), "fraud")
	if err != nil || acked == 0 || predictions < int64(acked*10) || predictions > int64(acked*10+10) {
		t.Errorf("acknowledged %d predictions, found %d (%v)", acked*10, predictions, err)
	}
	if _, _, err := db.Find(context.Background(), "fraud", "after"); err == nil {
		t.Error("what was refused is stored")
	}
}

// TestFailedRound lets a trigger refuse rows for a while: all who waited are
// told, and later rounds go on without a gap.
func TestFailedRound(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	db := open(t, dir, store.Options{Clock: clock.NewFake(noon)})
	predict(t, db, 1, "a")
	raw, err := sql.Open("sqlite", filepath.Join(dir, "events", "2026-03-01.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.Exec("CREATE TRIGGER refuse BEFORE INSERT ON prediction_1 BEGIN SELECT RAISE(ABORT, 'refused'); END"); err != nil {
		t.Fatal(err)
	}
	db.Offer("fraud", []hone.Prediction{prediction("b")})
	if err := db.Flush(ctx); err == nil {
		t.Error("a failed round is acknowledged")
	}
	if _, err := db.AppendPredictions(ctx, "fraud", []hone.Prediction{prediction("c")}); err == nil {
		t.Error("a failed round is acknowledged")
	}
	if stored, shed, pending, err := db.LogStats(); stored != 1 || shed != 1 || pending != 0 || err == nil {
		t.Errorf("stored %d, shed %d, pending %d (%v); want 1, 1, 0 and an error", stored, shed, pending, err)
	}
	if _, err := raw.Exec("DROP TRIGGER refuse"); err != nil {
		t.Fatal(err)
	}
	predict(t, db, 1, "d")
	same(t, "scan", scan(t, db, 99, 99), "1:a=: 2:d=:")
}

// TestCopy opens a copy of a folder that nobody closed.
func TestCopy(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), t.TempDir()
	db := open(t, from, store.Options{Clock: clock.NewFake(noon)})
	predict(t, db, 2, "a", "b")
	tell(t, db, hone.Joined, label("a", "1", 1))
	commit(t, db, hone.Change{Event: hone.Event{Action: "x"}})
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	again := open(t, to, store.Options{Clock: clock.NewFake(noon)})
	same(t, "scan", scan(t, again, 99, 99), "1:a=1:joined 2:b=:")
	if n, _, err := again.Head(context.Background()); n != 1 || err != nil {
		t.Errorf("the copy has %d events, %v; want 1", n, err)
	}
	predict(t, again, 1, "a", "c")
}

// TestCopyOfMuch copies a log that is larger than SQLite's cache while it is open,
// and reads every page of the copy.
func TestCopyOfMuch(t *testing.T) {
	t.Parallel()
	ctx, to := context.Background(), t.TempDir()
	db := open(t, t.TempDir(), store.Options{Clock: clock.NewFake(noon)})
	rows := many(3000)
	for i := range rows {
		rows[i].Features = []byte(strings.Repeat(fmt.Sprint(i, "-"), 200))
	}
	if _, err := db.AppendPredictions(ctx, "fraud", rows); err != nil {
		t.Fatal(err)
	}
	if err := db.Copy(ctx, to); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"control.db", "events/2026-03-01.db"} {
		if err := store.CheckSQL(ctx, filepath.Join(to, name)); err != nil {
			t.Error(err)
		}
	}
	again := open(t, to, store.Options{Clock: clock.NewFake(noon)})
	n := 0
	if err := again.Scan(ctx, "fraud", 1<<40, 1<<40, func(hone.Outcome) error { n++; return nil }); err != nil || n != len(rows) {
		t.Errorf("the copy has %d rows of %d: %v", n, len(rows), err)
	}
}

func TestDamagedFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := open(t, dir, store.Options{Clock: clock.NewFake(noon)})
	predict(t, db, 1, "a")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	overwrite(t, filepath.Join(dir, "events", "2026-03-01.db"), strings.Repeat("no database ", 1000))
	_, err := store.Open(dir, store.Options{})
	if err == nil || !strings.Contains(err.Error(), "2026-03-01.db") {
		t.Errorf("opening a damaged file gives %v, which does not name it", err)
	}
}
