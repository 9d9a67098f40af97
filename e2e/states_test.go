package e2e

import (
	"os"
	"slices"
	"syscall"
	"testing"

	"hone"
)

// TestE2ECrash kills the server in each state of a run, starts it again and
// holds what comes of the run against what would have come of it.
func TestE2ECrash(t *testing.T) {
	t.Run("collecting", crashCollecting)
	t.Run("validating", crashValidating)
	t.Run("training", crashTraining)
	t.Run("evaluating", crashEvaluating)
	t.Run("deciding", crashDeciding)
	t.Run("awaiting_approval", crashAwaitingApproval)
	t.Run("shadow", crashShadow)
	t.Run("canary", crashCanary)
	t.Run("probation", crashProbation)
}

// A pipe in the place of the anchor file holds the run in collecting.
func crashCollecting(t *testing.T) {
	x := newTrial(t, "    dataset: {anchor: anchors.jsonl}\n")
	if err := os.WriteFile(x.at("anchors.jsonl"), []byte(`{"f0": 9.5, "f1": 9.5, "f2": 5, "label": 1}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	back := x.pipe(x.at("anchors.jsonl"))
	x.start()
	x.retrain()
	x.await(hone.Collecting)
	x.crash(hone.Collecting)
	back()
	x.start()
	x.finish()
	x.check()
}

// A run that is cancelled while it trains leaves the dataset that the next one
// freezes again; with a pipe in the place of its rows that one stays in
// validating.
func crashValidating(t *testing.T) {
	x := newTrial(t, "")
	x.block("v2-twin")
	x.start()
	x.retrain()
	x.await(hone.Training)
	x.begun("v2-twin") // It has read the rows that the pipe is put in the place of.
	back := x.pipe(x.at("data", "datasets", string(x.run("m-2").Dataset), "holdout.parquet"))
	x.must("POST", "/api/v1/runs/m-2/cancel", map[string]any{}, nil)
	x.unblock("v2-twin")
	x.id = "m-3"
	x.retrain()
	x.await(hone.Validating)
	x.crash(hone.Validating)
	back()
	x.start()
	x.finish()
	x.check()
}

func crashTraining(t *testing.T) {
	x := newTrial(t, "")
	x.block("v2-twin")
	x.start()
	x.retrain()
	x.begun("v2-twin")
	x.crash(hone.Training)
	x.unblock("v2-twin")
	x.start()
	x.finish()
	x.check()
}

func crashEvaluating(t *testing.T) {
	x := newTrial(t, "")
	x.block("v2-twin")
	x.start()
	x.retrain()
	x.begun("v2-twin")
	back := x.pipe(x.at("data", "datasets", string(x.run("m-2").Dataset), "holdout.parquet"))
	x.unblock("v2-twin")
	x.await(hone.Evaluating)
	x.crash(hone.Evaluating)
	back()
	x.start()
	x.finish()
	x.check()
}

// The candidate that passed is trained again on all rows while it is decided on.
func crashDeciding(t *testing.T) {
	x := newTrial(t, "")
	x.block("v2")
	x.start()
	x.retrain()
	x.begun("v2")
	x.crash(hone.Deciding)
	x.unblock("v2")
	x.start()
	x.finish()
	x.check()
}

func crashAwaitingApproval(t *testing.T) {
	x := newTrial(t, "    approval: manual\n")
	x.start()
	x.retrain()
	x.await(hone.AwaitingApproval)
	x.crash(hone.AwaitingApproval)
	x.start()
	if got := x.run(x.id).State; got != hone.AwaitingApproval {
		t.Errorf("%s after the crash", got)
	}
	var list struct{ Versions []hone.Version }
	x.must("GET", "/api/v1/models/m/versions", nil, &list)
	candidate := slices.IndexFunc(list.Versions, func(v hone.Version) bool { return v.ID == x.run(x.id).Candidate })
	x.must("POST", "/api/v1/runs/m-2/approve", map[string]any{"reason": "looks right", "artefact": list.Versions[candidate].Artefact}, nil)
	x.finish()
	x.check()
}

func crashShadow(t *testing.T) {
	x := newTrial(t, "")
	x.start()
	x.retrain()
	x.await(hone.Shadowing)
	x.must("POST", "/api/v1/runs/m-2/pause", map[string]any{}, nil)
	x.crash(hone.Shadowing)
	x.start()
	x.resume(hone.Shadowing)
	x.finish()
	x.check()
}

func crashCanary(t *testing.T) {
	x := newTrial(t, "")
	x.start()
	x.retrain()
	x.await(hone.Shadowing)
	x.eventually("m-2 is in canary", func() bool {
		if err := x.send(1, &x.a); err != nil {
			t.Fatal(err)
		}
		return x.run(x.id).State == hone.Canary
	})
	x.must("POST", "/api/v1/runs/m-2/pause", map[string]any{}, nil)
	x.crash(hone.Canary)
	x.start()
	x.resume(hone.Canary)
	x.finish()
	x.check()
}

// resume checks that a paused rollout stands where it stood, and lets it go on.
func (x *trial) resume(state hone.State) {
	x.t.Helper()
	if r := x.run(x.id); r.State != state || r.Rollout == nil || !r.Rollout.Paused {
		x.t.Errorf("after the crash: %s, %+v", r.State, r.Rollout)
	}
	x.must("POST", "/api/v1/runs/"+x.id+"/resume", map[string]any{}, nil)
}

// The new champion is under probation: the watch goes on where it was.
func crashProbation(t *testing.T) {
	x := newTrial(t, "")
	x.start()
	x.retrain()
	x.finish()
	x.crash(hone.Closed)
	x.start()
	if w := x.model().Watch; w == nil || w.Over || w.Version != "v2" || w.Previous != "v1" {
		t.Errorf("the probation after the crash: %+v", w)
	}
	x.check()
	x.eventually("the probation is over", func() bool {
		if err := x.send(20, &x.a); err != nil {
			t.Fatal(err)
		}
		return x.model().Watch.Over
	})
	if got := x.champion(); got != "v2" {
		t.Errorf("champion %s after its probation", got)
	}
	x.end(syscall.SIGKILL)
	x.start()
	if w := x.model().Watch; !w.Over || x.champion() != "v2" {
		t.Errorf("after another crash: champion %s, probation %+v", x.champion(), w)
	}
	x.check()
}
