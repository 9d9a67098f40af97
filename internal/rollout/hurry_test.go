package rollout_test

import (
	"strings"
	"testing"

	"hone"
	"hone/internal/rollout"
)

// Steps are cut by what waiting costs, and only where measured loss started the run.
func TestHurry(t *testing.T) {
	t.Parallel()
	byLoss := func(rate, limit float64) hone.Decision {
		return hone.Decision{Trigger: hone.OnLoss, LossRate: rate, Reasons: []hone.Reason{{Trigger: hone.OnLoss, Fired: true, Limit: limit}}}
	}
	schedule := hone.Decision{Trigger: hone.OnSchedule, LossRate: 1, Reasons: []hone.Reason{{Trigger: hone.OnSchedule, Fired: true}}}
	const never = 1
	for _, c := range []struct {
		what           string
		patience       float64
		by             hone.Decision
		shadow, canary int
	}{
		// 300 rows in the shadow and 200 at half: all lose 0.1, which is 50.
		{"it is worth the wait", 0.05, byLoss(0.1, 1000), 300, 200},
		{"half of it is", 0.05, byLoss(0.1, 500), 150, 100},
		{"a fifth of it is", 0.05, byLoss(0.25, 500), 60, 40},
		{"it is dear, and some are needed all the same", 0.05, byLoss(0.5, 30), 20, 20},
		{"twice the patience", 0.1, byLoss(0.1, 250), 150, 100},
		{"nothing is lost", 0.05, byLoss(0, 100), 300, 200},
		{"a schedule started it", 0.05, schedule, 300, 200},
		{"the owner waits", never, byLoss(0.5, 30), 300, 200},
	} {
		m := model("canary", hone.Step{Shadow: 300}, hone.Step{Weight: 0.5})
		m.Rollout.Patience = c.patience
		r := rollout.Begin(m, "v4", c.by, start, 0, "s")
		if r.Steps[0].Shadow != c.shadow || r.Steps[1].MinRequests != c.canary {
			t.Errorf("%s: %d in the shadow and %d after, want %d and %d", c.what, r.Steps[0].Shadow, r.Steps[1].MinRequests, c.shadow, c.canary)
		}
		if cut := c.shadow < 300; cut != (r.Hurry != "") || cut && !strings.Contains(r.Hurry, "instead of 300") {
			t.Errorf("%s: it says %q", c.what, r.Hurry)
		}
		if m.Rollout.Steps[0].Shadow != 300 {
			t.Errorf("%s: the configuration is changed", c.what)
		}
	}
}
