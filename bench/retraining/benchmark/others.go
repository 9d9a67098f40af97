package main

import (
	"errors"
	"fmt"

	"hone/bench/retraining"
)

// others plays streams that the benchmark does not have, and prints what it has of its
// own. Nothing is kept, and the page stays as it is.
func (b *bench) others(names []string) error {
	if len(b.recorded(names, "trees", hows[0])) < len(names) {
		return errors.New("play those streams that are there, or say with --data where the others are")
	}
	p := &page{bench: b}
	for _, learner := range []string{"trees", "linear"} {
		var cases []retraining.Case
		for _, h := range hows {
			cases = append(cases, b.recorded(names, learner, h)...)
		}
		all, err := b.run(where(cases, plain), retraining.Policies, true)
		if err != nil {
			return err
		}
		p.line("Champions of the learner *%s*, all labels at once:\n", learner)
		p.byPolicy(all)
		p.byStream(all)
		more, err := b.run(where(cases, func(c retraining.Case) bool { return !plain(c) }), retraining.Policies, false)
		if err != nil {
			return err
		}
		p.line("By how labels come:\n")
		p.byHow(append(all, more...), fewPolicies...)
	}
	fmt.Print(p.String())
	return nil
}

// plain tells whether all labels come at once.
func plain(c retraining.Case) bool { return c.Delay == 0 && c.Every <= 1 }
