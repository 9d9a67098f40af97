package gbdt_test

import (
	"strings"
	"testing"

	"hone/internal/learn/gbdt"
)

func TestOptionsFrom(t *testing.T) {
	t.Parallel()
	o, err := gbdt.OptionsFrom(gbdt.Defaults(), map[string]any{"num_leaves": 15.0, "learning_rate": 0.05, "max_depth": 4, "lambda_l2": 1e-7})
	want := gbdt.Defaults()
	want.Leaves, want.LearningRate, want.Depth, want.L2 = 15, 0.05, 4, 1e-7
	if err != nil || o != want {
		t.Errorf("got %+v, %v", o, err)
	}
	f := func(key string, v any, want string) {
		t.Helper()
		if _, err := gbdt.OptionsFrom(gbdt.Defaults(), map[string]any{key: v}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v: got %v, want %q", key, v, err, want)
		}
	}
	f("num_leafs", 3, `did you mean "num_leaves"?`)
	f("n_estimators", 3, `did you mean "num_iterations"?`)
	f("task", 3, `parameter "task" is not known to the trainer gbdt. It knows bagging_fraction, `)
	f("num_leaves", 15.5, `"num_leaves" wants a whole number that is not below 0, got 15.5`)
	f("num_leaves", 1, "num_leaves is 1; it is from 2 to 32768")
	f("num_leaves", "many", `"num_leaves" wants a number, got many`)
	f("learning_rate", 0, "learning_rate is 0")
	f("seed", -1, `"seed" wants a whole number`)
}
