package store_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/store"
)

// TestTakenOver opens a folder twice, round the lock, as when the lock's file is
// removed or the folder lies on a disk whose locks do not work. Every write of
// the older process is refused, and it says that it steps down.
func TestTakenOver(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	var log bytes.Buffer
	clk := clock.NewFake(noon)
	old := open(t, dir, store.Options{Clock: clk, Log: slog.New(slog.NewTextHandler(&log, nil))})
	predict(t, old, 2, "a", "b")
	tell(t, old, hone.Joined, label("a", "1", 1))
	unlock(t, dir)
	now := open(t, dir, store.Options{Clock: clk})
	predict(t, old, 1, "c") // The log is not taken yet: this counts.
	predict(t, now, 1, "d")
	refused := map[string]error{}
	_, refused["predictions"] = old.AppendPredictions(ctx, "fraud", []hone.Prediction{prediction("e")})
	_, refused["feedback"] = old.AppendFeedback(ctx, "fraud", []hone.Feedback{label("b", "1", 1)})
	refused["shadows"] = old.AppendShadows(ctx, "fraud", []hone.ShadowScore{{ID: "a", Version: "v1"}})
	_, refused["drop"] = old.Drop(ctx, noon.AddDate(1, 0, 0))
	refused["signals"] = old.SaveSignals(ctx, []hone.Signal{{Model: "fraud", Name: "loss", At: noon}})
	refused["decision"] = old.SaveDecision(ctx, hone.Decision{ID: "d", Model: "fraud"})
	refused["schema"] = old.SaveSchema(ctx, "fraud", nil)
	_, refused["principal"] = old.Commit(ctx, old.Fence(), hone.Change{Principal: &hone.Principal{Name: "eve", Role: "admin", Token: strings.Repeat("0", 64), Created: noon}})
	refused["last use"] = old.SaveLastUsed(ctx)
	_, refused["prune"] = old.Prune(ctx, noon)
	_, refused["announcement"] = old.ReceiveEvent(ctx, hone.CloudEvent{Model: "fraud", Source: "s", ID: "1", Received: noon, Pending: true}, hone.Event{Action: "heard"})
	refused["version"] = register(old, "v9", artefact(t, "v9"))
	refused["champion"] = promote(old, "v1")
	for what, err := range refused {
		if e, ok := hone.AsError(err); !ok || e.Code != hone.Conflict {
			t.Errorf("%s of the older process: %v, want a conflict", what, err)
		}
	}
	old.Offer("fraud", []hone.Prediction{prediction("f")})
	if err := old.Flush(ctx); err == nil {
		t.Error("what the older process was offered is stored")
	}
	select {
	case <-old.Lost():
	default:
		t.Error("the older process does not know that it has lost")
	}
	if !strings.Contains(log.String(), "this one steps down") {
		t.Errorf("it does not say so: %s", log.String())
	}
	same(t, "scan", scan(t, now, 99, 99), "1:a=1:joined 2:b=: 3:c=: 4:d=:")
	// A new day is not for the older process to begin.
	clk.Advance(24 * time.Hour)
	if _, err := old.AppendPredictions(ctx, "fraud", []hone.Prediction{prediction("g")}); err == nil {
		t.Error("the older process begins a day")
	}
	predict(t, now, 1, "h")
}

// unlock takes the lock's file away: the next opener makes another one.
func unlock(t testing.TB, dir string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, "lock")); err != nil {
		t.Fatal(err)
	}
}

// TestStopped stops a process in the middle of its work, takes the folder over
// round the lock, and lets it go on. What either was told is stored is stored,
// once; what the older one was refused is not there.
func TestStopped(t *testing.T) {
	if dir := os.Getenv("STORE_TEST_DIR"); dir != "" {
		workUntilLost(dir)
		os.Exit(0)
	}
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: it starts processes")
	}
	n := 5
	if long() {
		n = 60
	}
	r := rand.New(rand.NewPCG(3, 3))
	for i := range n {
		t.Run(fmt.Sprint(i), func(t *testing.T) { takeOver(t, r) })
	}
}

// workUntilLost appends and commits, and says what was acknowledged, until it is
// refused.
func workUntilLost(dir string) {
	db, err := store.Open(dir, store.Options{Log: slog.New(slog.NewTextHandler(os.Stdout, nil))})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	for n := 1; ; n++ {
		id := fmt.Sprintf("old-%d", n)
		fmt.Println("try", id)
		_, err1 := db.AppendPredictions(ctx, "fraud", []hone.Prediction{prediction(id)})
		if err1 == nil {
			fmt.Println("row", id)
		}
		e, err2 := db.Commit(ctx, db.Fence(), hone.Change{Plan: &hone.Plan{Model: "fraud", Champion: "v1"}, Event: hone.Event{Action: "x"}})
		if err2 == nil {
			fmt.Println("event", e.Hash)
		}
		for _, err := range []error{err1, err2} {
			if err == nil {
				continue
			}
			if e, ok := hone.AsError(err); !ok || e.Code != hone.Conflict {
				fmt.Println("odd:", err)
			}
		}
		select {
		case <-db.Lost():
			fmt.Println("lost")
			return
		default:
		}
	}
}

func takeOver(t *testing.T, r *rand.Rand) {
	dir := quick(t)
	child := exec.Command(os.Args[0], "-test.run=^TestStopped$")
	child.Env = append(os.Environ(), "STORE_TEST_DIR="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Process.Kill()
	said := bufio.NewReader(out)
	rows, events, tried := map[string]bool{}, map[string]bool{}, map[string]bool{}
	take := func(line string) {
		what, word, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch what {
		case "row":
			rows[word] = true
		case "event":
			events[word] = true
		case "try":
			tried[word] = true
		case "odd:":
			t.Errorf("the older process was refused with %s", word)
		}
	}
	// It has the folder from its first row on; before, it may well be the later one.
	for n := 1 + r.IntN(20); n > 0; {
		line, err := said.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		take(line)
		if len(rows) > 0 {
			n--
		}
	}
	unlock(t, dir)
	send(t, child, syscall.SIGSTOP)
	db := openBeside(t, dir, child)
	defer db.Close()
	// A process that was stopped in the middle of a round holds the log, too.
	waking := time.AfterFunc(time.Duration(r.IntN(100))*time.Millisecond, func() { child.Process.Signal(syscall.SIGCONT) })
	defer waking.Stop()
	ctx := context.Background()
	for i := range 3 {
		id := fmt.Sprintf("new-%d", i)
		if _, err := db.AppendPredictions(ctx, "fraud", []hone.Prediction{prediction(id)}); err != nil {
			t.Fatal(err)
		}
		rows[id], tried[id] = true, true
		e, err := db.Commit(ctx, db.Fence(), hone.Change{Plan: &hone.Plan{Model: "fraud", Champion: "v2"}, Event: hone.Event{Action: "y"}})
		if err != nil {
			t.Fatal(err)
		}
		events[e.Hash] = true
	}
	late := time.AfterFunc(30*time.Second, func() { child.Process.Kill() })
	defer late.Stop()
	rest, err := io.ReadAll(said)
	if err := errors.Join(err, child.Wait()); err != nil {
		t.Fatalf("the older process does not end: %v, after %.2000s", err, rest)
	}
	for line := range strings.Lines(string(rest)) {
		take(line)
	}
	if !strings.Contains(string(rest), "this one steps down") || !strings.Contains(string(rest), "\nlost") {
		t.Errorf("the older process does not step down: %s", rest)
	}
	checkTaken(t, db, rows, events, tried)
}

func send(t *testing.T, p *exec.Cmd, s syscall.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
}

// openBeside opens the folder. A process that was stopped in the middle of a
// transaction holds the database: it is let go on then, for the kernel lets
// nobody pass.
func openBeside(t *testing.T, dir string, child *exec.Cmd) *store.DB {
	t.Helper()
	type opened struct {
		db  *store.DB
		err error
	}
	c := make(chan opened, 1)
	go func() {
		db, err := store.Open(dir, store.Options{})
		c <- opened{db, err}
	}()
	select {
	case o := <-c:
		if o.err != nil {
			t.Fatal(o.err)
		}
		return o.db
	case <-time.After(300 * time.Millisecond):
	}
	send(t, child, syscall.SIGCONT)
	o := <-c
	if o.err != nil {
		t.Fatal(o.err)
	}
	return o.db
}

// checkTaken looks for all that was acknowledged to either, once.
func checkTaken(t *testing.T, db *store.DB, rows, events, tried map[string]bool) {
	t.Helper()
	ps, err := db.Predictions(t.Context(), "fraud", 0, 1e6)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for i, p := range ps {
		seen[string(p.ID)]++
		if seen[string(p.ID)] > 1 || !tried[string(p.ID)] || i > 0 && ps[i-1].Seq >= p.Seq {
			t.Errorf("%s is there %d times; it was sent: %v", p.ID, seen[string(p.ID)], tried[string(p.ID)])
		}
	}
	for id := range rows {
		if seen[id] == 0 {
			t.Errorf("%s was acknowledged and is lost", id)
		}
	}
	chain, err := db.Events(t.Context(), 0, "", 1e6)
	if err != nil {
		t.Fatal(err)
	}
	prev := ""
	for _, e := range chain {
		delete(events, e.Hash)
		if e.Prev != prev {
			t.Errorf("event %d is not sealed onto the one before", e.Seq)
		}
		prev = e.Hash
	}
	if len(events) > 0 {
		t.Errorf("%d events were acknowledged and are lost", len(events))
	}
	if plan, err := db.Plan(t.Context(), "fraud"); err != nil || plan.Champion != "v2" {
		t.Errorf("the plan of the older process is in force: %+v, %v", plan, err)
	}
}
