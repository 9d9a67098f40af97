package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"golang.org/x/sys/unix"

	"hone"
	"hone/internal/store"
)

// TestLinear lets three processes fight for a folder, round its lock: each opens
// it, moves the champion and reads who it is, until it is refused; they are
// stopped, let go on and killed at random, and others take their places. What
// they saw must be as if every opening, every move and every look had happened at
// one moment, with no move of a process after a later opening.
func TestLinear(t *testing.T) {
	const mark, name = "STORE_TEST_LINEAR", "STORE_TEST_NAME"
	if dir := os.Getenv(mark); dir != "" {
		contend(dir, os.Getenv(name))
		os.Exit(0)
	}
	if testing.Short() {
		t.Skip("-short: it starts processes")
	}
	t.Parallel()
	histories := 3
	if long() {
		histories = 50
	}
	for seed := 1; seed <= histories; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			dir := quick(t)
			db, err := store.Open(dir, store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range []hone.VersionID{"v0", "v1", "v2"} {
				if err := register(db, v, artefact(t, string(v))); err != nil {
					t.Fatal(err)
				}
			}
			if err := move(db, "v0", "begin"); err != nil {
				t.Fatal(err)
			}
			first := folder{fence: int64(db.Fence()), version: "v0", word: "begin"}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			r := &ring{t: t, rng: rand.New(rand.NewPCG(uint64(seed), 7)), env: func(n int) []string {
				return append(os.Environ(), mark+"="+dir, fmt.Sprintf("%s=p%d", name, n))
			}}
			ops := r.fight(filepath.Join(dir, "over"))
			kinds := map[string]int{}
			for _, o := range ops {
				kinds[o.Input.(deed).what+" "+o.Output.(string)[:2]]++
			}
			switch porcupine.CheckOperationsTimeout(first.model(), ops, time.Minute) {
			case porcupine.Illegal:
				t.Errorf("seed %d: no order explains what %d processes saw: %v", seed, r.started, ops)
			case porcupine.Unknown:
				t.Errorf("seed %d: no order was found in a minute", seed)
			}
			t.Logf("%d processes, %d deeds: %v", r.started, len(ops), kinds)
			if kinds["move ok"] < 10 || kinds["move no"] == 0 || kinds["look ok"] < 10 {
				t.Errorf("seed %d: too little was done: %v", seed, kinds)
			}
		})
	}
}

// deed is one thing that a process asked of the folder. Its output is "ok" and
// what it got, "no" where it was refused, and "??" where nobody heard the answer.
type deed struct {
	what  string // Open, move, look at the plan, look at the alias.
	fence int64
	word  string
}

// folder is all there is to know of one.
type folder struct {
	fence         int64
	version, word string
}

func (first folder) model() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return first },
		Step: func(state, input, output any) (bool, any) {
			s, d, out := state.(folder), input.(deed), output.(string)
			answer, got, _ := strings.Cut(out, " ")
			switch d.what {
			case "open":
				s.fence++
				return answer == "??" || got == fmt.Sprint(s.fence), s
			case "move":
				mine := s.fence == d.fence
				if mine && answer != "no" {
					s.version, s.word, _ = strings.Cut(d.word, "/")
				}
				return answer == "??" || mine == (answer == "ok"), s
			case "look":
				return answer == "??" || got == s.version+"/"+s.word, s
			}
			return answer == "??" || got == s.version, s
		},
	}
}

// contend opens the folder round its lock and works until it is refused, or all
// is over. It says what it asks, and when, and what it got, and when.
func contend(dir, name string) {
	now := func() int64 {
		var ts unix.Timespec
		if unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) != nil { // Of all processes.
			os.Exit(1)
		}
		return ts.Nano()
	}
	n := 0
	ask := func(what string, fence int64, word string, do func() string) string {
		n++
		fmt.Printf("ask %d %s %d %s %d\n", n, what, fence, word, now())
		got := do()
		fmt.Printf("got %d %d %s\n", n, now(), got)
		return got
	}
	if err := os.Remove(filepath.Join(dir, "lock")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		fmt.Println("odd", err)
		return
	}
	var db *store.DB
	ask("open", 0, "-", func() string {
		var err error
		if db, err = store.Open(dir, store.Options{}); err != nil {
			return "?? " + err.Error() // Another was quicker with the lock.
		}
		return fmt.Sprint("ok ", db.Fence())
	})
	if db == nil {
		return
	}
	fence := int64(db.Fence())
	for i := 0; ; i++ {
		if _, err := os.Stat(filepath.Join(dir, "over")); err == nil {
			return
		}
		word := fmt.Sprintf("v%d/%s-%d", i%3, name, i)
		version, salt, _ := strings.Cut(word, "/")
		got := ask("move", fence, word, func() string {
			err := move(db, hone.VersionID(version), salt)
			if e, ok := hone.AsError(err); ok && e.Code == hone.Conflict {
				return "no"
			}
			if err != nil {
				return "?? " + err.Error()
			}
			return "ok"
		})
		for range 2 {
			ask("look", fence, "-", func() string {
				p, err := db.Plan(context.Background(), "fraud")
				if err != nil {
					return "?? " + err.Error()
				}
				return fmt.Sprintf("ok %s/%s", p.Champion, p.Salt)
			})
		}
		ask("alias", fence, "-", func() string { return "ok " + string(champion(db)) })
		if got != "ok" {
			return
		}
	}
}

func move(db *store.DB, v hone.VersionID, word string) error {
	_, err := db.Commit(context.Background(), db.Fence(), hone.Change{Plan: &hone.Plan{Model: "fraud", Champion: v, Salt: word},
		Aliases: []hone.AliasMove{{Model: "fraud", Alias: hone.Champion, Version: v, At: noon}}, Event: hone.Event{Action: "moved", Model: "fraud"}})
	return err
}

// ring is where they fight.
type ring struct {
	t       *testing.T
	rng     *rand.Rand
	env     func(n int) []string
	started int
	said    []*bytes.Buffer
}

// fighter is one process, and whether it is stopped.
type fighter struct {
	*exec.Cmd
	stopped bool
	ended   chan struct{}
}

func (r *ring) enter() *fighter {
	r.t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestLinear$")
	c.Env = r.env(r.started)
	said := &bytes.Buffer{}
	c.Stdout = said
	if err := c.Start(); err != nil {
		r.t.Fatal(err)
	}
	f := &fighter{Cmd: c, ended: make(chan struct{})}
	r.started++
	r.said = append(r.said, said)
	go func() { c.Wait(); close(f.ended) }()
	return f
}

// fight stops, wakes and kills, and returns what all of them have said.
func (r *ring) fight(over string) []porcupine.Operation {
	r.t.Helper()
	fighters := []*fighter{r.enter(), r.enter(), r.enter()}
	for range 30 {
		<-time.After(time.Duration(10+r.rng.IntN(70)) * time.Millisecond)
		i := r.rng.IntN(3)
		f := fighters[i]
		select {
		case <-f.ended:
			fighters[i] = r.enter()
			continue
		default:
		}
		switch {
		case f.stopped:
			send(r.t, f.Cmd, syscall.SIGCONT)
			f.stopped = false
		case r.rng.IntN(3) == 0:
			send(r.t, f.Cmd, syscall.SIGKILL)
			<-f.ended
			fighters[i] = r.enter()
		default:
			send(r.t, f.Cmd, syscall.SIGSTOP)
			f.stopped = true
		}
	}
	if err := os.WriteFile(over, nil, 0o600); err != nil {
		r.t.Fatal(err)
	}
	for _, f := range fighters {
		send(r.t, f.Cmd, syscall.SIGCONT)
	}
	for _, f := range fighters {
		<-f.ended
	}
	var ops []porcupine.Operation
	for n, said := range r.said {
		ops = append(ops, r.heard(n, said.String())...)
	}
	return ops
}

// heard reads what one process said. What it asked and got no answer to may have
// happened at any time since.
func (r *ring) heard(client int, said string) (ops []porcupine.Operation) {
	r.t.Helper()
	at := map[int]int{}
	for line := range strings.Lines(said) {
		if !strings.HasSuffix(line, "\n") {
			break // It was killed while it said this.
		}
		var n int
		var d deed
		var when int64
		if _, err := fmt.Sscanf(line, "ask %d %s %d %s %d", &n, &d.what, &d.fence, &d.word, &when); err == nil {
			at[n] = len(ops)
			ops = append(ops, porcupine.Operation{ClientId: client, Input: d, Output: "??", Call: when, Return: math.MaxInt64})
			continue
		}
		if _, err := fmt.Sscanf(line, "got %d %d", &n, &when); err != nil {
			if strings.HasPrefix(line, "odd") {
				r.t.Error(line)
			}
			continue
		}
		_, rest, _ := strings.Cut(line, fmt.Sprint(when, " "))
		o := &ops[at[n]]
		if o.Output = strings.TrimSpace(rest); !strings.HasPrefix(rest, "??") {
			o.Return = when
		}
	}
	return ops
}
