package app_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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

// sampled are the points that are broken in every test run. HONE_TEST_LONG=1
// breaks all of them.
var sampled = map[fault.Point]bool{fault.CommitSeal: true, fault.RoundDone: true, fault.BlobRename: true, fault.PlanWrite: true, fault.CrownAfter: true}

// TestFaults breaks the story at one point after the other, in each way that a
// point can break, and looks at what is left: one champion, whole versions, a
// chain without a gap, and every row that was acknowledged, once.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it tells a story hundreds of times")
	}
	long := os.Getenv("HONE_TEST_LONG") != ""
	for _, p := range fault.Points() {
		if !long && !sampled[p] {
			continue
		}
		for _, mode := range fault.Modes() {
			t.Run(string(p)+"/"+string(mode), func(t *testing.T) {
				if mode == fault.Kill {
					dieAt(t, p)
					return
				}
				breakAt(t, fault.Rule{Point: p, Mode: mode, N: 1})
			})
		}
		if long {
			t.Run(string(p)+"/stays full", func(t *testing.T) { breakAt(t, fault.Rule{Point: p, Mode: fault.NoSpace, N: 1, Stay: true}) })
		}
	}
}

// TestTrainedOnce kills the process at the points between the end of a training and
// the commit of what came of it. No training is done a second time.
func TestTrainedOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it tells a story four times")
	}
	for _, p := range []fault.Point{fault.TrainFinish, fault.Sealed, fault.Profile, fault.BeforeEvaluating} {
		t.Run(string(p), func(t *testing.T) { dieAt(t, p) })
	}
}

// breakAt tells the story in this process.
func breakAt(t *testing.T, rules ...fault.Rule) {
	r := rules[0]
	s, err := newStory(t.Context(), memory(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.ledger.Close()
	disarm := fault.Arm(rules...)
	healed := false
	heal := func() {
		hits := disarm()
		for _, r := range rules {
			if !healed && hits[r.Point] == 0 {
				t.Errorf("the story never comes to %s", r.Point)
			}
		}
		healed = true
	}
	err = s.tell(0, func(chapter, try int) {
		s.checkBeforeDrop(t, chapter)
		if r.Stay && try == 3 {
			heal() // Someone made room.
		}
	})
	heal()
	if err != nil {
		t.Fatalf("the story does not go on: %v", err)
	}
	for _, err := range s.errs {
		t.Log(err)
	}
	if s.restarts > 0 && len(rules) == 1 && !r.Stay && strings.HasPrefix(string(r.Point), "loop.") {
		t.Errorf("the loop went on only after %d restarts", s.restarts)
	}
	s.check(t)
	s.checkTrainings(t)
}

// dieAt tells the story in another process, which dies, and goes on with it in
// this one.
func dieAt(t *testing.T, p fault.Point) {
	dir := memory(t)
	child := exec.Command(os.Args[0], "-test.run=^TestFaultChild$")
	child.Env = append(os.Environ(), "HONE_FAULT_DIR="+dir, "HONE_FAILPOINTS_ALLOW=1", "HONE_FAILPOINTS="+string(p)+"=kill")
	out, err := child.CombinedOutput()
	if e, ok := errors.AsType[*exec.ExitError](err); !ok || e.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the story never comes to %s: %v\n%s", p, err, out)
	}
	s, err := newStory(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.ledger.Close()
	chapter := s.recall(t)
	if err := s.tell(chapter, func(chapter, _ int) { s.checkBeforeDrop(t, chapter) }); err != nil {
		t.Fatalf("the story does not go on from %s: %v", chapters[chapter].name, err)
	}
	s.check(t)
	s.checkTrainings(t)
}

// TestFaultChild is the process that dies.
func TestFaultChild(t *testing.T) {
	dir := os.Getenv("HONE_FAULT_DIR")
	if dir == "" {
		t.Skip("it is started by TestFaults")
	}
	if err := fault.FromEnv(os.Getenv); err != nil {
		t.Fatal(err)
	}
	s, err := newStory(context.Background(), dir)
	if err == nil {
		chapter := 0
		if len(s.lines(t)) > 0 { // Another process died here.
			chapter = s.recall(t)
		}
		err = s.tell(chapter, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// recall finds out how far the story was told.
func (s *story) recall(t *testing.T) (chapter int) {
	var now int64
	for _, line := range s.lines(t) {
		if strings.HasPrefix(line, "chapter ") {
			if _, err := fmt.Sscanf(line, "chapter %d %d %d %t", &chapter, &s.next, &now, &s.second); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, line := range s.lines(t) {
		var n int
		if _, err := fmt.Sscanf(line, "sent p%d", &n); err == nil {
			s.next = max(s.next, n+1) // Its rows of that chapter were sent already.
		}
	}
	s.clock.Advance(time.Unix(0, now).Add(time.Minute).Sub(s.clock.Now()))
	return chapter
}

func (s *story) lines(t *testing.T) (out []string) {
	f, err := os.Open(filepath.Join(s.dir, "ledger"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		out = append(out, in.Text())
	}
	return out
}

// check opens the folder and holds it against the ledger.
func (s *story) check(t *testing.T) {
	t.Helper()
	db, err := store.Open(filepath.Join(s.dir, "data"), store.Options{Clock: s.clock})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx := t.Context()
	head, hash, err := db.Head(ctx)
	if err == nil {
		_, err = audit.Verify(db.Audit(ctx), audit.Head{Seq: head, Hash: hash})
	}
	if err != nil {
		t.Errorf("the chain up to %d %.12s: %v", head, hash, err)
	}
	s.checkVersions(t, db)
	s.checkRuns(t, db)
	s.checkRows(t, db)
}

// checkVersions looks for one champion, and that each alias leads to a whole
// artefact that is served.
func (s *story) checkVersions(t *testing.T, db *store.DB) {
	t.Helper()
	aliases, err := db.Aliases(t.Context(), model)
	if err != nil || aliases[hone.Champion] == "" {
		t.Errorf("aliases %v (%v)", aliases, err)
	}
	all, err := db.Versions(t.Context(), model)
	if err != nil {
		t.Error(err)
	}
	for _, v := range all {
		if err := db.Blobs().VerifyDir(v.Artefact, v.Files); err != nil {
			t.Errorf("%s: %v", v.ID, err)
		}
		if _, err := db.Blobs().Get(v.Reference); err != nil {
			t.Errorf("%s: %v", v.ID, err)
		}
	}
	for a, id := range aliases {
		if _, err := db.Version(t.Context(), model, id); err != nil && id != "" {
			t.Errorf("%s is %s: %v", a, id, err)
		}
	}
	plan, err := db.Plan(t.Context(), model)
	if err != nil || plan.Champion != aliases[hone.Champion] {
		t.Errorf("the plan serves %s, the champion is %s (%v)", plan.Champion, aliases[hone.Champion], err)
	}
	raw, err := os.ReadFile(filepath.Join(s.dir, "data", "plans", model+".json"))
	if err != nil || !strings.Contains(string(raw), fmt.Sprintf(`"token":%d,`, plan.Token)) {
		t.Errorf("the plan on disk is not plan %d (%v): %s", plan.Token, err, raw)
	}
}

// checkRuns looks that every run is over and says why, and that the champions
// of the alias' history came one after the other.
func (s *story) checkRuns(t *testing.T, db *store.DB) {
	t.Helper()
	runs, err := db.Runs(t.Context(), model, 100)
	if err != nil || len(runs) < 3 {
		t.Errorf("%d runs (%v)", len(runs), err)
	}
	for _, r := range runs {
		if r.State != hone.Closed || r.Ending == "" || r.Sentence == "" {
			t.Errorf("%s is %s, %s: %q", r.ID, r.State, r.Ending, r.Sentence)
		}
	}
	events, err := db.Events(t.Context(), 0, model, 10_000)
	if err != nil {
		t.Error(err)
	}
	crowned := map[hone.RunID]int{}
	for _, e := range events {
		if e.Action == "run.promoted" {
			crowned[e.Run]++
		}
	}
	for id, n := range crowned {
		if n != 1 {
			t.Errorf("%s was promoted %d times", id, n)
		}
	}
}

// checkTrainings looks for trainings that were done twice.
func (s *story) checkTrainings(t *testing.T) {
	t.Helper()
	times := map[string]int{}
	for _, line := range s.lines(t) {
		if what, found := strings.CutPrefix(line, "trained "); found {
			times[what]++
		}
	}
	for what, n := range times {
		if n > 1 {
			t.Errorf("%s was trained %d times", what, n)
		}
	}
	if len(times) < 4 {
		t.Errorf("trained were %v", times)
	}
}

// checkRows looks for every row that was acknowledged, once, and for rows that
// nobody sent.
func (s *story) checkRows(t *testing.T, db *store.DB) {
	t.Helper()
	everything := true // Until retention has dropped the first day.
	sent, kept, labelled := map[string]bool{}, map[string]bool{}, map[string]bool{}
	midnight := false
	for _, line := range s.lines(t) {
		what, id, _ := strings.Cut(line, " ")
		switch what {
		case "sent":
			sent[id] = true
		case "kept":
			kept[id] = midnight
		case "labelled":
			labelled[id] = true
		case "midnight":
			midnight = true
		case "dropped":
			everything = false
		}
	}
	seen, last := map[string]int{}, int64(0)
	predictions, feedback, _, err := db.LastSeq(t.Context(), model)
	if err != nil {
		t.Error(err)
	}
	err = db.Scan(t.Context(), model, predictions, feedback, func(o hone.Outcome) error {
		id := string(o.ID)
		seen[id]++
		if !sent[id] || seen[id] > 1 || o.Seq <= last {
			t.Errorf("%s was sent: %v, is there %d times, as %d after %d", id, sent[id], seen[id], o.Seq, last)
		}
		last = o.Seq
		var n int
		fmt.Sscanf(id, "p%d", &n)
		if labelled[id] && o.Label != s.labels[n] || o.Label != "" && o.Label != s.labels[n] {
			t.Errorf("%s has the label %q, want %q (acknowledged: %v)", id, o.Label, s.labels[n], labelled[id])
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	lost := 0
	for id, recent := range kept {
		if seen[id] == 0 && (recent || everything) {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d acknowledged rows are lost", lost, len(kept))
	}
}

// checkBeforeDrop looks at the rows of the first day while they are there.
func (s *story) checkBeforeDrop(t *testing.T, chapter int) {
	t.Helper()
	if chapters[chapter].name != "retention" || slices.Contains(s.lines(t), "dropped") {
		return
	}
	s.stop()
	db, err := store.Open(filepath.Join(s.dir, "data"), store.Options{Clock: s.clock})
	if err != nil {
		return // Broken on purpose, perhaps: the chapter will tell.
	}
	defer db.Close()
	s.checkRows(t, db)
}
