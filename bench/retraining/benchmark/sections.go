package main

import (
	"fmt"
	"strings"

	"hone/bench/retraining"
)

const intro = `# When to retrain: the benchmark

Policies of when to retrain, held against each other and against the best that hindsight could
have done. This page is written by

    go run ./bench/retraining/benchmark

which plays everything (about an hour and a half on two cores, most of it River's;
` + "`--only PART`" + ` plays one part) and keeps what came of it in ` + "`bench/results/benchmark`" + `. Cases that the same
sources played before are known from the user's cache folder, so that what was cut off goes on. Streams
of your own are played, and their tables printed, by ` + "`--data FOLDER --streams NAME,…`" + `: NAME.csv.gz with a head,
rows of numbers in the order of time, and a label in the last column that is positive from 1 on.

**A stream** is rows in the order of time, cut into batches. For each batch one champion is
trained, on the newest rows whose labels had come by then, and is asked about all rows that
follow. A policy then only says which champion answers which batch; it sees a label no earlier
than it comes. **Cost** is the errors of all answers, and the price of a retrain for each, in
errors. **The optimum** knows all labels beforehand and chooses when to retrain, by dynamic
programming; figures are cost over that of the optimum which never goes back to a former
champion, so that going back can come below 1. Going back costs a twentieth of a retrain.

**Policies.** *Hone* is the product's rule, with its defaults, called as the product calls it:
the probe, which is first tested by planted losses and joined by small trees where it is blind;
the best suffix; receipts; the last five former champions. The best period in hindsight retrains
every k batches, with the k that turned out best: it cheats. Avoidable errors is the rule of
Modyn (Böther et al., SIGMOD 2025): retrain once the errors beyond those of the new champion add
up to the price. CUSUM was tuned for each price; the other settings are usual ones.

**What chose, and what reports.** The rule's constants and CUSUM's settings were chosen on worlds
with the seeds 0 to 2, on elec2, agrawal_abrupt, agrawal_stationary and noaa_weather, and on streams
made by generators with seeds of their own. Everything below is of seeds from 1000 on, and of other
streams. Two of these, agrawal_gradual and transient_chess, had been seen by an earlier prototype.
`

func (p *page) worldSection() error {
	all, err := readPart[[]retraining.Outcome](p, "worlds")
	if err != nil {
		return err
	}
	p.line(`
## Worlds whose drift is known

72,000 rows of ten numbers, half of which tell something; the log odds are linear in them, and
the best possible error is about 15 %%. *none*; *abrupt*: the concept changes three times;
*gradual*: it turns through half a circle; *recurring*: three concepts take turns; *covariate*:
features that tell nothing move; *noise*: bursts of labels turned round; *mixed*. Champions are
the built-in linear learner on the newest 3,000 labels, 240 batches of 300 rows, labels and swaps
at once, twenty seeds. Mean, and the mean of the worst world, by the price of a retrain in errors:
`)
	p.byPolicy(all)
	p.line("By world: Hone with its retrains and returns, the best period with its retrains, and what the optimum\nwith former champions lies between: a bound below it, and the best that was found.\n")
	p.byStream(all)
	return nil
}

var fewPolicies = []string{"hone", "hone_no_reuse", "best_period", "avoidable", "never"}

func (p *page) labelSection() error {
	all, err := readPart[[]retraining.Outcome](p, "labels")
	if err != nil {
		return err
	}
	p.line(`
## Labels that come late, or for one row in ten

The same worlds and learner, five seeds, each against the optimum with the same labels. With one
label in ten champions learn from 300, and the errors of all rows count.
`)
	p.byHow(all, fewPolicies...)
	return nil
}

func (p *page) treeSection() error {
	all, err := readPart[[]retraining.Outcome](p, "trees")
	if err != nil {
		return err
	}
	p.line(`
## Champions of trees

The same worlds with champions of 40 trees of 15 leaves; two seeds with all labels at once, else
one.
`)
	p.byHow(all, fewPolicies...)
	return nil
}

func (p *page) streamSection() error {
	all, err := readPart[[]retraining.Outcome](p, "streams")
	if err != nil {
		return err
	}
	p.line(`
## Recorded streams

The first 40,000 rows of each, 120 batches, champions from the newest twelve. The label of
transient_chess is whether it is 4 or more. The streams are not part of this project. Two are
made by generators; one run each, so that differences of a few hundredths mean little.
`)
	p.byLearner(all)
	return nil
}

// byLearner are the tables of streams, for each learner of champions.
func (p *page) byLearner(all []retraining.Outcome) {
	for _, learner := range []string{"trees", "linear"} {
		these := where(all, func(o retraining.Outcome) bool { return o.Learner == learner })
		atOnce := where(these, func(o retraining.Outcome) bool { return plain(o.Case) })
		p.line("Champions of the learner *%s*, all labels at once:\n", learner)
		p.byPolicy(atOnce)
		p.byStream(atOnce)
		p.line("By how labels come:\n")
		p.byHow(these, fewPolicies...)
	}
}

func (p *page) loopSection() error {
	all, err := readPart[[]retraining.Loop](p, "loop")
	if err != nil {
		return err
	}
	p.line(`
## The whole loop

So far every candidate was swapped in at once. Here it goes through the product's gate, rollout
and probation as a configuration has them that says nothing of them, a row at a time, with labels
500 rows late: the gate holds a twin, trained a batch earlier, against the champion on the labels
that came since; the candidate answers unseen, then half of the traffic, then all; probation holds
it against the champion before for 3,000 labels. Until then the stale champion answers. *Bad* is
one candidate in ten that has gone wrong, in one of five ways: 5, 10 or 20 points more errors,
15 %% of its answers turned round, or an old model in its place; which, is drawn four times. Cost over
the optimum's with sound candidates.
`)
	rows := []column[retraining.Loop]{
		{"sound: swapped in at once", func(l retraining.Loop) float64 { return l.Decision }},
		{"sound: gate, rollout, probation", func(l retraining.Loop) float64 { return l.Balanced.Ratio }},
		{"sound: the same, strict evidence", func(l retraining.Loop) float64 { return l.Strict.Ratio }},
		{"bad: swapped in at once", func(l retraining.Loop) float64 { return l.NoGate }},
		{"bad: gate, rollout, probation", func(l retraining.Loop) float64 { return l.BalancedBad.Ratio }},
		{"bad: the same, strict evidence", func(l retraining.Loop) float64 { return l.StrictBad.Ratio }},
	}
	byPrice(p, all, "ten", func(l retraining.Loop) float64 { return l.Price }, rows)
	p.line("Strict evidence is for owners who must prove that a candidate is better before it serves more than\n1, 5, 25 and 50 %% of the traffic: the price of that proof, where concepts change every 20,000 rows, is in\nthe table.\n")
	return nil
}

func (p *page) learningSection() error {
	all, err := readPart[[]retraining.Learning](p, "learning")
	if err != nil {
		return err
	}
	p.line(`
### Learning as labels come

Beside sound champions; everything else as above.
`)
	rows := []column[retraining.Learning]{
		{"retrained alone", func(l retraining.Learning) float64 { return l.Without.Ratio }},
		{"learning as labels come", func(l retraining.Learning) float64 { return l.With.Ratio }},
	}
	byPrice(p, all, "five", func(l retraining.Learning) float64 { return l.Price }, rows)
	p.line("What learns as labels come is linear whatever the champions are, and each of its snapshots that takes\nover costs a twentieth of a retrain. Where retrains are dear it saves many; but what retraining would win\nback is measured anew for each snapshot, so that a retrain comes later. It is off unless\n`train.continuous` asks for it.\n")
	return nil
}

func (p *page) riverSection() error {
	all, err := readPart[[]Online](p, "river")
	if err != nil {
		return err
	}
	p.line(`
## Beside learners that never stop

River's (%s) adaptive random forest and Hoeffding adaptive tree answer each row and learn its label
at once; Hone decides at a price of %d. Errors in 100 rows, and processor seconds for all of it: for
Hone the trainings, all answers and the probe. River is Python and Hone is Go: that is part of the
difference.
`, strings.TrimPrefix(riverVersion, "river=="), riverPrice)
	p.head("stream", "never: errors", "Hone: errors", "ARF: errors", "HAT: errors", "Hone: CPU s", "ARF: CPU s", "HAT: CPU s")
	for _, o := range all {
		cells := []string{fmt.Sprintf("%s (%s)", o.Stream, o.Learner)}
		for _, name := range []string{"never", "hone", "arf", "hat"} {
			cells = append(cells, fmt.Sprintf("%.2f", 100*o.By[name].Errors))
		}
		for _, name := range []string{"hone", "arf", "hat"} {
			cells = append(cells, fmt.Sprintf("%.1f", o.By[name].CPU))
		}
		p.row(cells...)
	}
	p.line("")
	return nil
}

func (p *page) receiptSection() error {
	if _, _, err := read[[]retraining.Outcome](p.bench, "streams"); err != nil {
		return err
	}
	p.line(`
## What was foretold of retrains

Before each retrain Hone says what it will win back over the rows that its evidence rests on, with
an interval of 80 %%; the receipt says what it did. Of the retrains at all prices that answered as
many rows, with all labels at once:
`)
	p.head("", "retrains", "in the interval", "below it", "above it")
	for _, part := range []string{"worlds", "trees", "streams"} {
		all, _, err := read[[]retraining.Outcome](p.bench, part)
		if err != nil {
			return err
		}
		var c retraining.Coverage
		for _, o := range where(all, func(o retraining.Outcome) bool { return o.Delay == 0 && o.Every <= 1 }) {
			for _, at := range o.By {
				c = c.Plus(at.Receipts)
			}
		}
		share := func(n int) string { return fmt.Sprintf("%.0f %%", 100*float64(n)/float64(max(1, c.Of()))) }
		p.row(part, fmt.Sprint(c.Of()), share(c.Held), share(c.Below), share(c.Above))
	}
	p.line("")
	return nil
}

func (p *page) tuningSection() error {
	all, err := readPart[[]retraining.Outcome](p, "tuning")
	if err != nil {
		return err
	}
	p.line(`
## How CUSUM was tuned

The mean over the seven worlds with the seeds 0 and 1 and over the three choosing streams, each half
of it, for each k (errors allowed for in 100 rows) and limit h; the best is what is played above.
`)
	p.head(priceHeads("setting")...)
	for _, s := range retraining.Settings() {
		cells := []string{s.String()}
		for _, price := range retraining.Prices {
			cell := fmt.Sprintf("%.3f", tuned(all, s, price))
			if retraining.Tuned[price] == s {
				cell = "**" + cell + "**"
			}
			cells = append(cells, cell)
		}
		p.row(cells...)
	}
	p.line("")
	return nil
}

// tuned is what a setting cost: half of it in worlds, half on streams.
func tuned(all []retraining.Outcome, s retraining.Setting, price float64) float64 {
	of := retraining.Ratio(s.String(), price)
	streams := where(all, func(o retraining.Outcome) bool { return !o.IsWorld() })
	if len(streams) == 0 {
		return retraining.Mean(all, of)
	}
	return (retraining.Mean(where(all, retraining.Outcome.IsWorld), of) + retraining.Mean(streams, of)) / 2
}

func (p *page) madeSection() error {
	p.line("\n## What it was made of\n")
	p.row("part", "commit", "on", "machine")
	p.line("|---|---|---|---|")
	for _, part := range p.parts {
		p.line("%s", part)
	}
	p.line("\nNot covered: regression and several classes, models whose answers change what comes next, and the\nprice of a wrong answer that is not the same for all rows. The optimum knows when the stream ends, which\nmakes it look better at high prices.")
	return nil
}
