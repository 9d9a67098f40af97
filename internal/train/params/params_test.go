package params_test

import (
	"strings"
	"testing"

	"hone/internal/train/params"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	f := func(trainer string, p map[string]any, want string) {
		t.Helper()
		err := params.Check(trainer, p)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s %v: got %v, want %q", trainer, p, err, want)
		}
	}
	f("linear", nil, "")
	f("linear", map[string]any{"epochs": 5.0, "chars": "3-5"}, "")
	f("linear", map[string]any{"epoch": 5.0}, `did you mean "epochs"`)
	f("gbdt", map[string]any{"num_leaves": 15.0, "warm_start": "refit", "refit_decay": 0.5}, "")
	f("gbdt", map[string]any{"num_leafs": 15.0}, `did you mean "num_leaves"`)
	f("gbdt", map[string]any{"warm_start": true}, "wants parameters, continue or refit")
	f("gbdt", map[string]any{"refit_decay": 2.0}, "wants a number from 0 to 1")
	f("gbdt", map[string]any{"warm_strat": "refit"}, `did you mean "warm_start"? It knows bagging_fraction, `)
	f("gbdt", map[string]any{"num_rounds": 5.0}, "num_leaves, refit_decay, seed, warm_start")
	f("command", map[string]any{"anything": 1.0}, "")
}

func TestKnows(t *testing.T) {
	t.Parallel()
	f := func(trainer, name string, want bool) {
		t.Helper()
		if got := params.Knows(trainer, name); got != want {
			t.Errorf("%s knows %s: %v", trainer, name, got)
		}
	}
	f("linear", "chars", true)
	f("linear", "num_leaves", false)
	f("gbdt", "num_leaves", true)
	f("gbdt", "warm_start", true)
	f("gbdt", "task", false)
	f("gbdt", "-", false)
	f("command", "anything", false)
}

func TestReadTrees(t *testing.T) {
	t.Parallel()
	p := map[string]any{"warm_start": "continue", "seed": 7.0}
	got, err := params.ReadTrees(p)
	if err != nil || got.Warm != params.Continue || got.Decay != 0.9 || !got.Seeded || got.Options.Seed != 7 || len(p) != 2 {
		t.Errorf("got %+v, %v; what was given is %v", got, err, p)
	}
}
