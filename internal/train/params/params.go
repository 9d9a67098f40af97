// Package params reads the parameters of the built-in trainers, so that a wrong one is
// told when the configuration is read and not when a training begins. What the
// parameters do is left to the learners.
package params

import (
	"fmt"
	"slices"

	"hone/internal/learn/gbdt"
	"hone/internal/learn/linear"
)

// Warm says how a training of trees begins from the champion.
type Warm string

// By the champion's found parameters alone, by more trees after its own, or by new
// answers in the leaves of its own.
const (
	Parameters Warm = "parameters"
	Continue   Warm = "continue"
	Refit      Warm = "refit"
)

// refitDecay is the share of its answer that a leaf keeps when it is refitted.
const refitDecay = 0.9

// Trees are the parameters of the trainer gbdt.
type Trees struct {
	Options gbdt.Options
	Warm    Warm
	// Decay is the share of its answer that a leaf keeps when it is refitted.
	Decay float64
	// Seeded is set where the parameters name a seed.
	Seeded bool
}

// own are the parameters of gbdt that are about more than one training.
var own = []string{"refit_decay", "warm_start"}

// Knows tells whether a built-in trainer has a parameter of the name.
func Knows(trainer, name string) bool {
	switch trainer {
	case "linear":
		return slices.Contains(linear.Names(), name)
	case "gbdt":
		return slices.Contains(gbdt.Names(), name) || slices.Contains(own, name)
	}
	return false
}

// Check tells what is wrong with the parameters of a trainer, if anything: each is right
// or wrong whatever the others are. Those of a trainer that is not built in are its own.
func Check(trainer string, params map[string]any) (err error) {
	switch trainer {
	case "linear":
		_, err = linear.OptionsFrom(params)
	case "gbdt":
		_, err = ReadTrees(params)
	}
	return err
}

// ReadTrees reads the parameters of gbdt: those of gbdt.OptionsFrom, warm_start and
// refit_decay.
func ReadTrees(params map[string]any) (t Trees, err error) {
	t = Trees{Warm: Parameters, Decay: refitDecay}
	if v, ok := params["warm_start"]; ok {
		s, _ := v.(string)
		if t.Warm = Warm(s); t.Warm != Parameters && t.Warm != Continue && t.Warm != Refit {
			return t, fmt.Errorf("parameter \"warm_start\" wants %s, %s or %s, got %v", Parameters, Continue, Refit, v)
		}
	}
	if v, ok := params["refit_decay"]; ok {
		if t.Decay, ok = v.(float64); !ok || !(t.Decay >= 0 && t.Decay <= 1) {
			return t, fmt.Errorf("parameter \"refit_decay\" wants a number from 0 to 1, got %v", v)
		}
	}
	_, t.Seeded = params["seed"]
	t.Options, err = gbdt.OptionsFrom(gbdt.Defaults(), params, own...)
	return t, err
}
