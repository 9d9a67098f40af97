package gbdt

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"hone/internal/say"
)

// aliases are names by which options are known elsewhere.
var aliases = map[string]string{
	"n_estimators": "num_iterations", "num_boost_round": "num_iterations", "num_trees": "num_iterations",
	"eta": "learning_rate", "min_child_samples": "min_data_in_leaf", "min_child_weight": "min_sum_hessian_in_leaf",
	"reg_alpha": "lambda_l1", "reg_lambda": "lambda_l2", "subsample": "bagging_fraction", "subsample_freq": "bagging_freq",
	"colsample_bytree": "feature_fraction", "early_stopping_rounds": "early_stopping_round",
	"min_split_gain": "min_gain_to_split", "random_state": "seed",
}

// Names are those of the params that OptionsFrom knows: each is what Options calls it in
// JSON. The task and the classes are none.
func Names() []string {
	var names []string
	for f := range reflect.TypeFor[Options]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "-" && name != "task" && name != "classes" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// OptionsFrom returns o changed by params, by their Names, but for the others, which are
// the caller's own. Any other key, type or range is an error that says what would do.
func OptionsFrom(o Options, params map[string]any, others ...string) (Options, error) {
	names := Names()
	for _, key := range slices.Sorted(maps.Keys(params)) {
		if slices.Contains(others, key) {
			continue
		}
		if !slices.Contains(names, key) {
			return o, unknown(key, append(names, others...))
		}
		x, ok := asNumber(params[key])
		if !ok {
			return o, fmt.Errorf("parameter %q wants a number, got %v", key, params[key])
		}
		if err := o.set(key, x); err != nil {
			return o, err
		}
	}
	return o, o.check()
}

func unknown(key string, known []string) error {
	slices.Sort(known)
	meant := aliases[key]
	if meant == "" {
		meant = say.Nearest(key, known)
	}
	hint := "."
	if meant != "" {
		hint = fmt.Sprintf("; did you mean %q?", meant)
	}
	return fmt.Errorf("parameter %q is not known to the trainer gbdt%s It knows %s", key, hint, strings.Join(known, ", "))
}

// set writes one number where its name says.
func (o *Options) set(key string, x float64) error {
	text := strconv.FormatFloat(x, 'f', -1, 64) // Whole numbers read it too.
	if err := json.Unmarshal(fmt.Appendf(nil, "{%q:%s}", key, text), o); err != nil {
		return fmt.Errorf("parameter %q wants a whole number that is not below 0, got %s", key, text)
	}
	return nil
}

func asNumber(v any) (float64, bool) {
	switch x := v.(type) {
	case float64:
		return x, !math.IsNaN(x) && !math.IsInf(x, 0)
	case int:
		return float64(x), true
	}
	return 0, false
}
