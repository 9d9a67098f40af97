package loop

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"hone"
	"hone/internal/say"
	"hone/internal/train"
	"hone/internal/train/search"
)

// bill is what trainings took.
type bill struct {
	took   time.Duration // Of processors, by all of them.
	priced time.Duration // The same, without those whose trainer says what they cost.
	said   float64       // By trainers, in the currency.
}

func (b bill) and(o bill) bill { return bill{b.took + o.took, b.priced + o.priced, b.said + o.said} }

// cost is the bill in the model's currency.
func (b bill) cost(c hone.Costs) float64 { return b.said + b.priced.Hours()*c.CoreHour }

// bill adds up what the attempts at a part of a run took: of one that is finished what the
// trainer says that it cost, of the others, and where it says nothing, the time of
// processors. Where inputs are given, only attempts at these count. It also tells whether
// there was any attempt.
func (k *keeper) bill(ctx context.Context, engine train.Engine, n train.Name, inputs string) (out bill, begun bool, err error) {
	for ; ; begun = true {
		n.Attempt++
		s, err := engine.State(ctx, n)
		switch {
		case err != nil || s.State == train.Unknown:
			return out, begun, err
		case inputs != "" && s.Inputs != inputs: // Of another search, before the configuration was changed.
			continue
		}
		one := bill{took: s.Processor, priced: s.Processor}
		if s.State == train.Finished {
			made, err := engine.Result(ctx, n)
			if err != nil {
				return out, begun, err
			}
			if said, says := made.Metrics[train.CostMetric]; says {
				one.priced, one.said = 0, said
			}
		}
		out = out.and(one)
	}
}

// spend notes what the open run has cost as it moves on. What cannot be told now is told
// at its next move.
func (k *keeper) spend(ctx context.Context, c hone.Change) {
	switch {
	case c.Run == nil || k.run == nil || c.Run.ID != k.run.ID || c.Run.State == k.run.State:
		return
	case slices.Contains([]hone.State{hone.Collecting, hone.Validating, hone.Training}, c.Run.State):
		return // Nothing is trained yet.
	}
	spent, err := k.spent(ctx, *c.Run)
	if err != nil {
		k.log.WarnContext(ctx, "what the run cost is not known", "run_id", c.Run.ID, "error", err)
		return
	}
	c.Run.Spent = &spent
}

// spent adds up what a run has cost: its trainings, by the engine's record of them, and
// the labels that were asked for.
func (k *keeper) spent(ctx context.Context, run hone.Run) (hone.Spent, error) {
	engine, err := k.engine()
	if err != nil {
		return hone.Spent{}, err
	}
	parts, err := k.parts(ctx, run)
	if err != nil {
		return hone.Spent{}, err
	}
	all := bill{}
	for _, part := range parts {
		one, _, err := k.bill(ctx, engine, train.Name{Run: run.ID, Part: part}, "")
		if err != nil {
			return hone.Spent{}, err
		}
		all = all.and(one)
	}
	for i, missing := 0, 0; missing < search.MostParallel; i++ { // Trials have their numbers in turn, or nearly.
		one, begun, err := k.bill(ctx, engine, train.Name{Run: run.ID, Part: searchPart(i)}, "")
		if err != nil {
			return hone.Spent{}, err
		}
		if missing++; begun {
			missing = 0
		}
		all = all.and(one)
	}
	costs := k.model.Costs
	s := hone.Spent{CoreHours: all.took.Hours(), Said: all.said, Currency: costs.Currency}
	for _, r := range k.asked.byRun(run.ID) {
		s.Labels += len(handed(r))
	}
	s.LabelsCost = float64(s.Labels) * costs.Label
	s.Cost = all.cost(costs) + s.LabelsCost
	s.Sentence = saySpent(s, costs)
	return s, nil
}

// saySpent says what a run cost.
func saySpent(s hone.Spent, c hone.Costs) string {
	out := fmt.Sprintf("Its trainings took %s core hours", say.Num(s.CoreHours))
	if s.Labels > 0 {
		out += fmt.Sprintf(", and %s asked for", say.Count(s.Labels, "label was", "labels were"))
	}
	if c.CoreHour == 0 && s.Cost == 0 {
		return out + "; they have no price (costs.core_hour)."
	}
	return out + ": " + say.Amount(s.Cost, s.Currency) + "."
}

// parts name what is trained for a run, but for the trials of its search.
func (k *keeper) parts(ctx context.Context, run hone.Run) ([]string, error) {
	parts := []string{string(run.Twin), strings.TrimSuffix(string(run.Twin), twinMark)}
	if run.Twin == "" {
		id, err := k.o.Registry.NextID(ctx, k.model.Name)
		if err != nil {
			return nil, err
		}
		parts = []string{string(id) + twinMark, string(id)}
	}
	for i := range mostTwins {
		parts = append(parts, permutedPart(i))
	}
	slices.Sort(parts)
	return slices.Compact(parts), nil // Strict evidence trains no twin.
}
