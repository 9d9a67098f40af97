package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"hone"
)

// trial is a run that is killed in one of its states.
type trial struct {
	*server
	id string // Of the run.
	a  acknowledged
}

func newTrial(t *testing.T, change string) *trial {
	t.Helper()
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: it starts and kills servers")
	}
	s := prepared(t, change)
	return &trial{server: s, id: "m-2", a: acknowledged{labels: map[string]string{}}}
}

// retrain starts a run by hand.
func (x *trial) retrain() {
	x.t.Helper()
	x.must("POST", "/api/v1/models/m/runs", map[string]any{"force": true, "reason": "a test"}, nil)
}

func (x *trial) await(state hone.State) {
	x.t.Helper()
	x.eventually(fmt.Sprintf("%s is %s", x.id, state), func() bool { return x.run(x.id).State == state })
}

// block makes the training of a version wait, and unblock lets it go on.
func (x *trial) block(version string) {
	x.t.Helper()
	if err := os.WriteFile(x.at("control", "block-"+version), nil, 0o600); err != nil {
		x.t.Fatal(err)
	}
}

func (x *trial) unblock(version string) {
	x.t.Helper()
	if err := os.Remove(x.at("control", "block-"+version)); err != nil {
		x.t.Fatal(err)
	}
}

func (x *trial) begun(version string) {
	x.t.Helper()
	x.eventually("the training of "+version+" begins", func() bool {
		begun, err := filepath.Glob(x.at("data", "runs", "*", version+".*", "tmp", "begun"))
		return err == nil && len(begun) > 0
	})
}

// pipe puts a pipe in the place of a file: whoever reads it waits for ever. It
// returns what puts the file back.
func (x *trial) pipe(path string) func() {
	x.t.Helper()
	if err := os.Rename(path, path+".kept"); err != nil {
		x.t.Fatal(err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		x.t.Fatal(err)
	}
	return func() {
		if err := os.Rename(path+".kept", path); err != nil {
			x.t.Fatal(err)
		}
	}
}

// crash kills the server while it answers, and checks that it was in the state.
func (x *trial) crash(in hone.State) {
	x.t.Helper()
	if got := x.run(x.id).State; got != in {
		x.t.Fatalf("%s is %s before the crash, want %s", x.id, got, in)
	}
	enough, dead := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(dead)
		for i := 0; x.send(5, &x.a) == nil; i++ {
			if i == 5 {
				close(enough)
			}
		}
	}()
	select {
	case <-enough:
	case <-dead:
		x.t.Fatalf("the server gave up by itself: %s", x.said)
	}
	if got := x.run(x.id).State; got != in {
		x.t.Fatalf("%s is %s just before the crash, want %s", x.id, got, in)
	}
	x.end(syscall.SIGKILL)
	<-dead
}

// finish lets the run go on to its end, under traffic.
func (x *trial) finish() {
	x.t.Helper()
	x.eventually(x.id+" is over", func() bool {
		if err := x.send(5, &x.a); err != nil {
			x.t.Fatalf("%v\n%s", err, x.said)
		}
		return x.run(x.id).State == hone.Closed
	})
}

// check holds the end against what it would have been without a crash.
func (x *trial) check() {
	x.t.Helper()
	r := x.run(x.id)
	if r.Ending != hone.Promoted || r.Candidate != "v2" {
		x.t.Errorf("%s ended %s with %s: %s", x.id, r.Ending, r.Candidate, r.Sentence)
	}
	x.eventually("the model shows the end", func() bool { return x.model().Open == nil })
	m := x.model()
	want := map[hone.Alias]hone.VersionID{hone.Champion: "v2", hone.Previous: "v1"}
	if m.Champion != "v2" || fmt.Sprint(live(m.Aliases)) != fmt.Sprint(want) {
		x.t.Errorf("champion %s, aliases %v", m.Champion, m.Aliases)
	}
	x.history(r)
	x.kept()
	var audit struct {
		Whole    bool
		Sentence string
	}
	x.must("GET", "/api/v1/audit/verify", nil, &audit)
	if !audit.Whole {
		x.t.Error(audit.Sentence)
	}
	var built struct {
		Same     bool
		Sentence string
	}
	x.must("GET", "/api/v1/datasets/"+string(r.Dataset)+"/rebuild", nil, &built)
	if !built.Same {
		x.t.Error(built.Sentence)
	}
}

// history checks that each state was entered once, and that the versions that
// the aliases moved over were one at a time.
func (x *trial) history(r hone.Run) {
	x.t.Helper()
	var list struct{ Events []hone.Event }
	x.must("GET", "/api/v1/audit?model=m", nil, &list)
	entered := map[string]int{}
	for _, e := range list.Events {
		if e.Run == r.ID {
			entered[e.Action]++
		}
	}
	for _, state := range []hone.State{hone.Collecting, hone.Validating, hone.Training, hone.Evaluating, hone.Deciding, hone.Shadowing, hone.Canary} {
		if n := entered["run."+string(state)]; n != 1 {
			x.t.Errorf("%s entered %s %d times: %v", r.ID, state, n, entered)
		}
	}
	if entered["run.promoted"] != 1 {
		x.t.Errorf("%s was promoted %d times", r.ID, entered["run.promoted"])
	}
	var versions struct {
		Versions []hone.Version
		History  []hone.AliasMove `json:"alias_history"`
	}
	x.must("GET", "/api/v1/models/m/versions", nil, &versions)
	crowned := ""
	for _, move := range versions.History {
		if move.Alias == hone.Champion {
			crowned += string(move.Version) + " "
		}
	}
	if crowned != "v1 v2 " {
		x.t.Errorf("the champions were %s", crowned)
	}
	seen := map[hone.VersionID]int{}
	for _, v := range versions.Versions {
		seen[v.ID]++
	}
	if len(seen) != 4 || seen["v2"] != 1 || seen["v2-twin"] != 1 {
		x.t.Errorf("versions %v", seen)
	}
}

// live leaves out the aliases that point nowhere.
func live(all map[hone.Alias]hone.VersionID) map[hone.Alias]hone.VersionID {
	out := map[hone.Alias]hone.VersionID{}
	for a, v := range all {
		if v != "" {
			out[a] = v
		}
	}
	return out
}

// kept checks that nothing is lost that was acknowledged.
func (x *trial) kept() {
	x.t.Helper()
	lost := 0
	for _, id := range x.a.predictions {
		var got struct{ Label string }
		if err := x.do("GET", "/api/v1/trace/"+id, nil, &got); err != nil || got.Label != x.a.labels[id] && x.a.labels[id] != "" {
			if lost++; lost < 5 {
				x.t.Errorf("%s: %v, label %q, want %q", id, err, got.Label, x.a.labels[id])
			}
		}
	}
	if lost > 0 || len(x.a.labels) < 25 {
		x.t.Errorf("%d of %d acknowledged predictions are lost; %d labels were sent", lost, len(x.a.predictions), len(x.a.labels))
	}
}
