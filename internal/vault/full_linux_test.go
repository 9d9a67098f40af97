package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hone"
	"hone/internal/app"
	"hone/internal/clock"
	"hone/internal/config"
	"hone/internal/op"
	"hone/internal/store"
)

// smallDisk tells this test binary, started again in a mount namespace of its
// own, to go on.
const smallDisk = "HONE_TEST_SMALL_DISK"

// TestFullDisk fills a small disk under load: every prediction is answered, what
// is not stored is counted, a rollback works, training waits, and all goes on
// without a restart once there is room.
func TestFullDisk(t *testing.T) { onSmallDisk(t, "24m", fill) }

// TestMidnightOnFullDisk lets a day end on a full disk: the event log does not
// give up for good, and loses nothing of what it had.
func TestMidnightOnFullDisk(t *testing.T) { onSmallDisk(t, "8m", midnight) }

// onSmallDisk runs a test in a process of its own that sees a disk of so many
// bytes.
func onSmallDisk(t *testing.T, size string, test func(t *testing.T, disk string)) {
	if dir := os.Getenv(smallDisk); dir != "" {
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
			fmt.Println("mount refused:", err)
			os.Exit(77)
		}
		test(t, dir)
		return
	}
	if testing.Short() {
		t.Skip("-short: it waits for a disk to be found empty again")
	}
	c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=4m")
	c.Env = append(os.Environ(), smallDisk+"="+t.TempDir())
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}}
	out, err := c.CombinedOutput()
	var ended *exec.ExitError
	if errors.As(err, &ended) && ended.ExitCode() == 77 || err != nil && ended == nil {
		t.Skipf("SKIPPED, NOT PASSED: this kernel lets nobody mount a small disk (%v %s)", err, bytes.TrimSpace(out))
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "_test.go:") {
			t.Log(strings.TrimSpace(line))
		}
	}
}

func midnight(t *testing.T, disk string) {
	hands := clock.NewFake(made)
	db, err := store.Open(filepath.Join(disk, "data"), store.Options{Clock: hands})
	if err != nil {
		t.Fatal(err)
	}
	next := 0
	put := func(n int) error {
		ps := make([]hone.Prediction, n)
		for i := range ps {
			ps[i] = hone.Prediction{ID: hone.PredictionID(fmt.Sprint("p", next+i)), Time: made, Features: []byte("abcd")}
		}
		_, err := db.AppendPredictions(t.Context(), "fraud", ps)
		if err == nil {
			next += n
		}
		return err
	}
	if err := put(2000); err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(disk, "filler")
	top(t, filler)
	for range 1000 { // What is left in the files that are there.
		if err = put(100); err != nil {
			break
		}
	}
	refused(t, err, hone.Unavailable, "is full")
	hands.Advance(24 * time.Hour)
	if put(100) == nil {
		t.Error("a new day began on a full disk")
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := put(100); err != nil {
		t.Errorf("there is room, and still: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if db, err = store.Open(filepath.Join(disk, "data"), store.Options{Clock: hands}); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	got, err := db.Predictions(t.Context(), "fraud", 0, 1_000_000)
	if err != nil || len(got) != next || got[next-1].Seq != int64(next) {
		t.Errorf("%d predictions of %d are there (%v)", len(got), next, err)
	}
}

// load asks one request after the other until it is told to end.
type load struct {
	sent atomic.Int64
	stop chan struct{}
	wait sync.WaitGroup

	mu   sync.Mutex
	took []time.Duration
}

func (l *load) run(t *testing.T, a *app.App) {
	pace := time.NewTicker(2 * time.Millisecond)
	defer pace.Stop()
	for i := 0; ; i++ {
		select {
		case <-l.stop:
			return
		case <-pace.C:
		}
		began := time.Now()
		l.sent.Add(10)
		if _, err := a.Gateway().Predict(context.Background(), "fraud", rows(10*i, 10)); err != nil {
			t.Errorf("request %d: %v", i, err)
			return
		}
		l.mu.Lock()
		l.took = append(l.took, time.Since(began))
		l.mu.Unlock()
	}
}

// p99 of the requests since it was last asked.
func (l *load) p99() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	took := l.took
	l.took = nil
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}

func fill(t *testing.T, disk string) {
	dir := unpack(t, "schema-1")
	data := filepath.Join(disk, "data")
	if err := os.CopyFS(data, os.DirFS(filepath.Join(dir, "hone-data"))); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "hone.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.ReplaceAll(text, []byte("log: durable"), []byte("log: buffered"))
	c, err := config.Parse("hone.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	c.Server.Data, c.Dir = data, dir
	up := func() *app.App {
		a, err := app.New(t.Context(), app.Options{Config: c, Text: text, Listen: "127.0.0.1:0"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(a.Stop)
		if err := a.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		return a
	}
	a := up()
	db := a.Service().Control.(*store.DB)
	w := &world{App: a, t: t, dir: dir, data: data}
	before, _, _, err := db.LastSeq(t.Context(), "fraud")
	if err != nil {
		t.Fatal(err)
	}
	l := &load{stop: make(chan struct{})}
	l.wait.Go(func() { l.run(t, a) })
	serves := func(v hone.VersionID) bool {
		got, err := a.Loop().View("fraud")
		return err == nil && got.Champion.ID == v && got.Run == nil
	}
	// The plan from before says durable; the next one says buffered.
	w.approve("fraud-3")
	until(t, "v3 is champion", func() bool { return serves("v3") })
	lost := func() int64 { _, n, _, _ := db.LogStats(); return n }
	stored := func() int64 { n, _, _, _ := db.LogStats(); return n }
	until(t, "rows are stored", func() bool { return stored() > 1000 })
	idle := l.p99()

	filler := filepath.Join(disk, "filler")
	top(t, filler)
	until(t, "rows are shed", func() bool { top(t, filler); return lost() > 1000 })
	do[op.Done](w, "rollback", &op.RollbackIn{Model: "fraud", Reason: "the disk is full"})
	// v2 is under probation, so the rollback goes past it.
	until(t, "v1 serves after the rollback", func() bool { return serves("v1") })
	until(t, "a run starts", func() bool {
		_, err := w.try("run", &op.RetrainIn{Model: "fraud", Force: true, Reason: "on a full disk"})
		if e, told := hone.AsError(err); err != nil && (!told || !strings.Contains(e.Message, "still reads")) {
			t.Fatal(err)
		}
		return err == nil
	})
	until(t, "the run waits", func() bool {
		v, err := a.Loop().View("fraud")
		return err == nil && v.Run != nil && strings.Contains(v.Run.Sentence, "waits before collecting: the disk of the data folder is nearly full")
	})
	until(t, "control state takes the reserve", func() bool {
		top(t, filler)
		db.Commit(t.Context(), db.Fence(), hone.Change{Event: hone.Event{Action: "noise", Sentence: strings.Repeat("x", 4000)}})
		_, there := db.Reserve()
		return !there
	})
	if f := w.finding("reserve"); f.OK {
		t.Errorf("the doctor says %s", f.Sentence)
	}
	full := l.p99()
	shed := lost()

	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	freed, at := time.Now(), stored()
	until(t, "rows are stored again", func() bool { return stored() > at+1000 })
	back := time.Since(freed)
	if back > 5*time.Second { // It looks every second.
		t.Errorf("rows are stored again %v after there was room", back)
	}
	until(t, "the run goes on", func() bool {
		v, err := a.Loop().View("fraud")
		return err == nil && (v.Run == nil || v.Run.State != hone.Collecting)
	})
	close(l.stop)
	l.wait.Wait()
	if err := a.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	after, _, _, err := db.LastSeq(t.Context(), "fraud")
	if err != nil {
		t.Fatal(err)
	}
	kept, dropped, pending, _ := db.LogStats()
	if kept+dropped != l.sent.Load() || pending != 0 || after-before != kept {
		t.Errorf("%d sent; %d stored, %d shed, %d wait; %d are in the log", l.sent.Load(), kept, dropped, pending, after-before)
	}
	if f := w.finding("reserve"); !f.OK {
		t.Errorf("the doctor says %s", f.Sentence)
	}
	w.whole()
	a.Stop()
	top(t, filler)
	again := up()
	if _, err := again.Gateway().Predict(t.Context(), "fraud", rows(1_000_000, 10)); err != nil {
		t.Errorf("started on a full disk: %v", err)
	}
	t.Logf("%d sent, all answered: %d stored, %d shed (%d while full); p99 %v before, %v while full; storing again %v after there was room",
		l.sent.Load(), kept, dropped, shed, idle, full, back.Round(time.Millisecond))
}

// top fills the disk to its last byte.
func top(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 16
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func until(t *testing.T, what string, yes func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for !yes() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within a minute: %s", what)
		}
	}
}
