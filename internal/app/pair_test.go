package app_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"hone/internal/fault"
)

// decisive are the points that are passed when a version is published, promoted
// and rolled back.
var decisive = []fault.Point{
	fault.TrainFinish, fault.Collect, fault.Seal, fault.BlobCopy, fault.BlobWrite, fault.BlobSync, fault.BlobSyncDir, fault.BlobRename, fault.BlobRenamed,
	fault.BlobPut, fault.Sealed, fault.Profile, fault.OpenVersion,
	fault.BeforeEvaluating, fault.AfterDeciding, fault.AfterShadow, fault.BeforeCanary, fault.AfterCanary, fault.BeforeClosed, fault.AfterClosed,
	fault.Crown, fault.CrownBefore, fault.CrownAfter, fault.ApplyPlan, fault.AppliedPlan, fault.Reign,
	fault.PlanLoad, fault.PlanSwap, fault.PlanWrite, fault.PlanSync, fault.PlanRename, fault.PlanRenamed, fault.PlanRestore,
	fault.CommitBegin, fault.CommitApply, fault.CommitSeal, fault.CommitDone,
	fault.RollbackFirst, fault.RollbackAfter, fault.WatchBefore, fault.WatchAfter, fault.Resume,
}

// TestFaultPairs breaks the story at two points, both in a way that is drawn: a
// failure that hits the mending of another. A dozen pairs by default, all 861
// with HONE_TEST_LONG=1; HONE_PAIRS=100:200 are those of these numbers, and
// HONE_PAIRS=100:101 is one of them again.
func TestFaultPairs(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it tells a story many times")
	}
	type pair struct{ p, q fault.Point }
	var pairs []pair
	for i, p := range decisive {
		for _, q := range decisive[:i] {
			pairs = append(pairs, pair{q, p})
		}
	}
	from, to := 0, len(pairs)
	chosen := func(n int) bool { return n%77 == 5 }
	if os.Getenv("HONE_TEST_LONG") != "" {
		chosen = func(int) bool { return true }
	}
	if s := os.Getenv("HONE_PAIRS"); s != "" {
		if _, err := fmt.Sscanf(s, "%d:%d", &from, &to); err != nil {
			t.Fatal(err)
		}
		chosen = func(int) bool { return true }
	}
	for n := from; n < min(to, len(pairs)); n++ {
		if !chosen(n) {
			continue
		}
		r := rand.New(rand.NewPCG(uint64(n), 0xfa11))
		x := pairs[n]
		if r.IntN(2) == 0 {
			x.p, x.q = x.q, x.p
		}
		one, other := pick(r, fault.Error, fault.NoSpace, fault.Kill), pick(r, fault.Error, fault.NoSpace, fault.Kill)
		t.Run(strconv.Itoa(n)+"/"+string(x.p)+"="+string(one)+"/"+string(x.q)+"="+string(other), func(t *testing.T) {
			switch {
			case one == fault.Kill:
				dieThen(t, x.p, fault.Rule{Point: x.q, Mode: other, N: 1})
			case other == fault.Kill:
				dieThen(t, x.q, fault.Rule{Point: x.p, Mode: one, N: 1})
			default:
				breakAt(t, fault.Rule{Point: x.p, Mode: one, N: 1}, fault.Rule{Point: x.q, Mode: other, N: 1})
			}
		})
	}
}

// dieThen lets a process die at one point, and the one that goes on break at
// another, as far as it comes there.
func dieThen(t *testing.T, p fault.Point, next fault.Rule) {
	dir := memory(t)
	die := func(points string) error {
		child := exec.Command(os.Args[0], "-test.run=^TestFaultChild$")
		child.Env = append(os.Environ(), "HONE_FAULT_DIR="+dir, "HONE_FAILPOINTS_ALLOW=1", "HONE_FAILPOINTS="+points)
		out, err := child.CombinedOutput()
		if e, ok := errors.AsType[*exec.ExitError](err); ok && e.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
			return nil
		}
		return fmt.Errorf("%s: %v\n%s", points, err, out)
	}
	if err := die(string(p) + "=kill"); err != nil {
		t.Fatalf("the story never comes to %v", err)
	}
	var rules []fault.Rule
	if next.Mode == fault.Kill {
		// Where the story was beyond that point already, it is told to its end.
		if err := die(string(next.Point) + "=kill"); err != nil {
			t.Logf("the story does not come there again: %v", err)
		}
	} else {
		rules = append(rules, next)
	}
	s, err := newStory(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.ledger.Close()
	chapter := s.recall(t)
	disarm := fault.Arm(rules...)
	err = s.tell(chapter, func(chapter, _ int) { s.checkBeforeDrop(t, chapter) })
	disarm()
	if err != nil {
		t.Fatalf("the story does not go on from %s: %v", chapters[chapter].name, err)
	}
	s.check(t)
}
