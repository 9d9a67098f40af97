package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"hone"
	"hone/internal/config"
)

func TestParseReadsTriggers(t *testing.T) {
	t.Parallel()
	m := good(t, "triggers", "fraud")
	want := []hone.Trigger{
		{When: "drift.max > 0.3 && labels.mature > 2000", Consecutive: 3},
		{Event: &hone.EventTrigger{Type: "com.acme.catalogue.changed"}},
		{Event: &hone.EventTrigger{Type: "com.acme.prices.*", Source: "/prices*"}, WarmUp: 2 * day},
		{Event: &hone.EventTrigger{}},
		{RecoverableLoss: &hone.RecoverableLoss{RetrainCost: 100, Reuse: 5, Blind: &hone.Schedule{Cron: "0 6 * * 1", TimeZone: "UTC"}}},
		{RecoverableLoss: &hone.RecoverableLoss{RetrainCost: 100, Reuse: 5, Blind: &hone.Schedule{Cron: "0 6 1 * *", TimeZone: "Europe/Paris"}}},
		{PolicyChange: true},
		{Any: hone.Triggers{
			{All: hone.Triggers{{Drift: &hone.DriftTrigger{Features: 0.3}, Consecutive: 2}, {DataVolume: 500}}},
			{AtLeast: &hone.AtLeast{N: 2, Of: hone.Triggers{
				{Performance: &hone.Performance{Metric: "auc", Below: ptr(0.8)}},
				{Schedule: &hone.Schedule{Cron: "0 3 * * 1", TimeZone: "UTC"}},
				{RecoverableLoss: &hone.RecoverableLoss{RetrainCost: 100, Reuse: 5}},
			}}},
		}},
	}
	if diff := cmp.Diff(want, m.Triggers); diff != "" {
		t.Error(diff)
	}
	if g := m.Guards; g.MaxPerMonth != 20 || g.Budget != (hone.Budget{RunCost: 100, PerDay: 1200, PerMonth: 9000}) {
		t.Errorf("guards %+v", g)
	}
	often := hone.Model{Guards: hone.Guards{MaxPerDay: 100}}
	if config.Defaults(&often); often.Guards.MaxPerMonth != 100 {
		t.Errorf("who allows 100 runs a day and says nothing of the month gets %d", often.Guards.MaxPerMonth)
	}
	if g := good(t, "minimal", "churn").Guards; g.MaxPerMonth != 40 || g.Budget != (hone.Budget{}) {
		t.Errorf("guards %+v", g)
	}
}
