package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"hone"
	"hone/internal/audit"
	"hone/internal/fault"
	"hone/internal/store"
)

// TestE2EPoints lets the real server die at one point after the other of a whole
// round: start, retrain, shadow, canary, promotion, rollback. Then it goes on.
// One point of each kind; HONE_TEST_LONG=1 takes every point that the round
// passes.
func TestE2EPoints(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it starts and kills servers")
	}
	t.Parallel()
	x := &trial{server: prepared(t, ""), id: "m-2", a: acknowledged{labels: map[string]string{}}}
	x.env = []string{"HONE_FAILPOINTS_ALLOW=1", "HONE_FAILPOINTS_HITS=" + x.at("hits")}
	x.start()
	x.eventually("the round is over", x.nudge)
	x.end(syscall.SIGTERM)
	passed := x.passed()
	if len(passed) < 40 {
		t.Errorf("the round passes %d points: %s", len(passed), passed)
	}
	if os.Getenv("HONE_TEST_LONG") == "" {
		passed = []string{string(fault.CommitSeal), string(fault.CrownAfter)}
	}
	t.Logf("%d points", len(passed))
	for _, p := range passed {
		t.Run(p, func(t *testing.T) {
			t.Parallel()
			dieAt(t, p)
		})
	}
}

// passed are the points that the server came to.
func (x *trial) passed() []string {
	x.t.Helper()
	raw, err := os.ReadFile(x.at("hits"))
	if err != nil {
		x.t.Fatal(err)
	}
	return strings.Fields(string(raw))
}

// nudge takes the model a little further: from one champion to the next, and
// back. It tells whether that is done. The server may die meanwhile.
func (x *trial) nudge() bool {
	var m state
	if x.do("GET", "/api/v1/models/m", nil, &m) != nil {
		return false
	}
	begun := x.do("GET", "/api/v1/runs/m-2", nil, nil) == nil
	switch {
	case m.Open != nil:
		_ = x.send(5, &x.a)
		return false
	case !begun:
		_ = x.do("POST", "/api/v1/models/m/runs", map[string]any{"force": true, "reason": "a test"}, nil)
		return false
	case m.Champion == "v2":
		_ = x.do("POST", "/api/v1/models/m/rollback", map[string]any{"reason": "a test"}, nil)
		return false
	}
	return x.send(5, &x.a) == nil
}

// dieAt breaks the server at a point, starts it again, and looks at what is left.
func dieAt(t *testing.T, p string) {
	x := &trial{server: prepared(t, ""), id: "m-2", a: acknowledged{labels: map[string]string{}}}
	x.env = []string{"HONE_FAILPOINTS_ALLOW=1", "HONE_FAILPOINTS_HITS=" + x.at("hits"), "HONE_FAILPOINTS=" + p + "=kill"}
	x.die()
	if !slices.Contains(x.passed(), p) {
		t.Fatalf("it died before it came to %s: %s", p, x.said)
	}
	x.env = nil
	x.start()
	x.eventually("the round is over", x.nudge)
	x.end(syscall.SIGTERM)
	x.whole()
}

// die runs the server until it dies.
func (x *trial) die() {
	x.t.Helper()
	os.Remove(x.at("data", "address"))
	x.said = &bytes.Buffer{}
	program := exec.Command(binary, "serve", "--config", x.at("hone.yaml"))
	program.Env = append(os.Environ(), x.env...)
	program.Stdout, program.Stderr = x.said, x.said
	if err := program.Start(); err != nil {
		x.t.Fatal(err)
	}
	dead := make(chan error, 1)
	go func() { dead <- program.Wait() }()
	tick, late := time.NewTicker(10*time.Millisecond), time.After(patience)
	defer tick.Stop()
	for {
		select {
		case <-dead:
			return
		case <-late:
			program.Process.Kill()
			<-dead
			x.t.Fatalf("it does not die: %s", x.said)
		case <-tick.C:
		}
		token, err := os.ReadFile(x.at("data", "token"))
		address, err2 := os.ReadFile(x.at("data", "address"))
		if err != nil || err2 != nil || len(address) == 0 {
			continue
		}
		x.base, x.token = string(address), string(token)
		x.nudge()
	}
}

// whole opens the folder and holds it against what was acknowledged.
func (x *trial) whole() {
	t := x.t
	t.Helper()
	ctx := t.Context()
	db, err := store.Open(x.at("data"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	head, hash, err := db.Head(ctx)
	if err == nil {
		_, err = audit.Verify(db.Audit(ctx), audit.Head{Seq: head, Hash: hash})
	}
	if err != nil {
		t.Error(err)
	}
	aliases, err := db.Aliases(ctx, "m")
	plan, err2 := db.Plan(ctx, "m")
	if err != nil || err2 != nil || aliases[hone.Champion] == "" || plan.Champion != aliases[hone.Champion] {
		t.Errorf("aliases %v, plan %+v (%v, %v)", aliases, plan, err, err2)
	}
	for a, id := range aliases {
		v, err := db.Version(ctx, "m", id)
		if err == nil {
			err = db.Blobs().VerifyDir(v.Artefact, v.Files)
		}
		if err != nil {
			t.Errorf("%s is %s: %v", a, id, err)
		}
	}
	runs, err := db.Runs(ctx, "m", 100)
	for _, r := range runs {
		if r.State != hone.Closed || r.Ending == "" || r.Sentence == "" {
			t.Errorf("%s is %s, %s: %q", r.ID, r.State, r.Ending, r.Sentence)
		}
	}
	seen := map[string]string{}
	err = errors.Join(err, db.Scan(ctx, "m", 1<<60, 1<<60, func(o hone.Outcome) error {
		if _, twice := seen[string(o.ID)]; twice {
			t.Errorf("%s is there twice", o.ID)
		}
		seen[string(o.ID)] = o.Label
		return nil
	}))
	if err != nil {
		t.Error(err)
	}
	for _, id := range x.a.predictions {
		if label, there := seen[id]; !there || x.a.labels[id] != "" && label != x.a.labels[id] {
			t.Errorf("%s was acknowledged: there %v, label %q, want %q", id, there, label, x.a.labels[id])
		}
	}
}
