package config

import (
	"cmp"

	"hone"
	"hone/internal/train/params"
	"hone/internal/train/search"
)

func (c *checker) trainer() {
	t := c.m.Train
	switch has := c.has(join(c.path, "train.command")); {
	case c.failedUnder("train.trainer") || c.failedUnder("train.command"):
	case t.Trainer == "command" && len(t.Command) == 0:
		c.fault("train.command", "add command: [python, train.py]", "the trainer command wants a command")
	case t.Trainer != "command" && has:
		c.fault("train.command", "write trainer: command, or take it out", "the trainer %s takes no command", t.Trainer)
	case t.Trainer != "command" && len(t.Env) > 0:
		c.fault("train.env", "write trainer: command, or take it out", "the trainer %s takes no environment", t.Trainer)
	}
	switch {
	case t.Calibration == "" || t.Calibration == hone.NoCalibration || c.failedUnder("train"):
	case c.m.Task != hone.Binary:
		c.fault("train.calibration", "take it out", "scores of the task %s are not calibrated", c.m.Task)
	case !t.BuiltIn():
		c.fault("train.calibration", "take it out; a program of yours calibrates itself, or writes calibration into hone.json", "the trainer command is not calibrated by Hone")
	}
	if !c.failedUnder("train") {
		for name, v := range t.Params {
			c.param(t.Trainer, name, "train.params."+name, "", v)
		}
	}
	c.texts()
	c.search()
}

// search holds what is chosen against what the trainer knows.
func (c *checker) search() {
	t := c.m.Train
	if t.Search == nil || c.failedUnder("train") {
		return
	}
	c.space(t)
	c.maxCost(t)
	if len(t.Search.Space) == 0 && !t.BuiltIn() {
		c.fault("train.search", "add space: {alpha: {from: 0.01, to: 1, log: true}}", "what is searched for a trainer of your own is not said")
	}
	if t.Search.Method == "halving" {
		c.resource(t)
	} else if t.Search.Resource != "" {
		c.fault("train.search.resource", "take it out, or write method: halving", "the method %s gives every trial all", t.Search.Method)
	}
}

// resource holds what halving gives little of against what the trainer knows, and how
// much of it there is.
func (c *checker) resource(t hone.TrainSpec) {
	usual, _ := search.Resource(t.Trainer)
	name := cmp.Or(t.Search.Resource, usual)
	switch x, ok := t.Params[name].(float64); {
	case name == "":
		c.fault("train.search", "add resource: epochs, or what your trainer calls it", "halving does not know of which param to give little")
	case t.BuiltIn() && !params.Knows(t.Trainer, name):
		c.fault("train.search.resource", "", "%v", params.Check(t.Trainer, map[string]any{name: 1.0}))
	case !ok && name != usual || ok && x < 2:
		c.fault("train.search", "write params: {"+name+": 100}", "halving needs to know the most of %q to give", name)
	}
}

// maxCost asks for the price of a trial, and holds what a search may cost against what a
// run is said to.
func (c *checker) maxCost(t hone.TrainSpec) {
	run := c.m.Guards.Budget.RunCost
	switch {
	case t.Search.MaxCost == 0:
	case c.m.Costs.CoreHour == 0 && !c.failedUnder("costs"):
		c.fault("train.search.max_cost", "add costs: {core_hour: 0.05} to the model: what an hour of one processor core costs", "what a trial costs is not known")
	case run > 0 && t.Search.MaxCost > run:
		c.fault("train.search.max_cost", "lower it, or raise guards.budget.run_cost", "a search may cost %v, and a run with all that it does is said to cost %v", t.Search.MaxCost, run)
	}
}

// space holds each param that is chosen against what the trainer knows, by the ends of
// what it is chosen from.
func (c *checker) space(t hone.TrainSpec) {
	for name, v := range t.Search.Space {
		key := "train.search.space." + name
		s, err := search.SpaceFrom(map[string]any{name: v})
		if err != nil {
			c.fault(key, "", "%v", err)
			continue
		}
		hint := ""
		for i, end := range s[0].Ends() {
			if i == 2 && len(s[0].Choices) == 0 {
				hint = "add whole: true" // It takes the ends, and nothing between.
			}
			if !c.param(t.Trainer, name, key, hint, end) {
				break
			}
		}
	}
}

// param tells whether a trainer takes a value of a param. One that it does not know is
// wrong by its name, and any other by its value.
func (c *checker) param(trainer, name, key, hint string, v any) bool {
	err := params.Check(trainer, map[string]any{name: v})
	switch {
	case err == nil:
		return true
	case !params.Knows(trainer, name):
		c.failKey(join(c.path, key), "", "%v", err)
	default:
		c.fault(key, hint, "%v", err)
	}
	return false
}
