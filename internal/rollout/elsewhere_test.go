package rollout_test

import (
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/rollout"
)

// TestUnseen: a step whose version no log names waits, says so, and ends as its owner
// wants.
func TestUnseen(t *testing.T) {
	t.Parallel()
	m := model("canary", hone.Step{Weight: 0.2, MinRequests: 50, MaxWait: hone.Duration(time.Hour), OnInsufficient: "ask"})
	r := rollout.Begin(m, "v4", hone.Decision{}, start, 0, "salt")
	h := hone.Health{Elsewhere: true, Control: hone.Arm{Requests: 900}, Champion: hone.Tally{Requests: 900}}
	_, action, said := rollout.Advance(m, r, h, start.Add(time.Minute), 900)
	if action != rollout.Stay || !strings.HasSuffix(said, "it was never seen in the logs.") {
		t.Errorf("%s: %s", action, said)
	}
	_, action, said = rollout.Advance(m, r, h, start.Add(2*time.Hour), 900)
	if action != rollout.Ask || !strings.Contains(said, "it was never seen in the logs.") {
		t.Errorf("%s: %s", action, said)
	}
}

// TestSplitElsewhere: a split that is not the plan's takes back where Hone splits, and
// is only told where the owner does.
func TestSplitElsewhere(t *testing.T) {
	t.Parallel()
	step := hone.Step{Weight: 0.5, MinRequests: 50}
	h := hone.Health{Canary: hone.Arm{Requests: 60}, Control: hone.Arm{Requests: 4000}, Champion: hone.Tally{Requests: 4000}}
	verdict := func() hone.Verdict {
		for _, v := range rollout.Judge(hone.Model{}, step, h) {
			if v.Gate == "sample_ratio" {
				return v
			}
		}
		return hone.Verdict{}
	}
	if v := verdict(); v.Result != hone.Fail {
		t.Errorf("by Hone: %+v", v)
	}
	h.Elsewhere = true
	if v := verdict(); v.Result != hone.Inconclusive || v.Need > 0 || !strings.Contains(v.Sentence, "not split as planned") {
		t.Errorf("elsewhere: %+v", v)
	}
}
