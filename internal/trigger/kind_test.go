package trigger_test

import (
	"testing"

	"hone"
	"hone/internal/trigger"
)

// TestHas finds each kind of rule at any depth, and no other.
func TestHas(t *testing.T) {
	t.Parallel()
	rules := map[hone.TriggerKind]hone.Trigger{
		hone.OnLoss: {RecoverableLoss: &hone.RecoverableLoss{}}, hone.OnSchedule: {Schedule: &hone.Schedule{}}, hone.OnVolume: {DataVolume: 5},
		hone.OnDrift: {Drift: &hone.DriftTrigger{}}, hone.OnPerformance: {Performance: &hone.Performance{}}, hone.OnWhen: {When: "true"},
		hone.OnEvent: {Event: &hone.EventTrigger{}}, hone.OnPolicy: {PolicyChange: true},
	}
	for kind, rule := range rules {
		for name, m := range map[string]hone.Model{
			"alone": model(rule), "in any": model(hone.Trigger{Any: hone.Triggers{rule}}), "in all": model(hone.Trigger{All: hone.Triggers{rule}}),
			"deep": model(hone.Trigger{AtLeast: &hone.AtLeast{N: 1, Of: hone.Triggers{{All: hone.Triggers{rule}}}}}),
		} {
			for other := range rules {
				if got := trigger.Has(m, other); got != (other == kind) {
					t.Errorf("%s of %s %s: %v", other, kind, name, got)
				}
			}
		}
	}
	combined := model(hone.Trigger{AtLeast: &hone.AtLeast{N: 1, Of: hone.Triggers{{Any: hone.Triggers{{DataVolume: 1}}}}}}, hone.Trigger{All: hone.Triggers{{DataVolume: 1}}})
	for _, kind := range []hone.TriggerKind{hone.OnAtLeast, hone.OnAny, hone.OnAll} {
		if !trigger.Has(combined, kind) {
			t.Errorf("%s is not found", kind)
		}
	}
}

// TestPassing: what adds up, is due or waits is there at the next look too.
func TestPassing(t *testing.T) {
	t.Parallel()
	for kind, want := range map[hone.TriggerKind]bool{hone.OnDrift: true, hone.OnPerformance: true, hone.OnWhen: true, hone.OnAny: true,
		hone.OnAll: true, hone.OnAtLeast: true, hone.OnLoss: false, hone.OnSchedule: false, hone.OnVolume: false, hone.OnEvent: false,
		hone.OnPolicy: false, hone.OnManual: false, hone.OnFirst: false} {
		if got := trigger.Passing(kind); got != want {
			t.Errorf("%s: %v", kind, got)
		}
	}
}
