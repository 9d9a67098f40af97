package dataset

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"hone"
)

// selectionRule names the check that says whether labels come for some cases only.
const selectionRule = "selected_labels"

// How different the shares of labelled cases must be between two groups to say
// that labels are selected: in points, by factor, and in standard errors. Of ten
// groups that are alike the two farthest apart are that far in fewer than one
// dataset of ten thousand.
const (
	selectedPoints = 0.1
	selectedFactor = 2
	selectedErrors = 6
	selectedRows   = 50 // Least of a group.
	scoreBins      = 128
)

// group counts predictions, and those of them that have a label.
type group struct {
	name        string
	n, labelled int
}

func (g group) share() float64 { return float64(g.labelled) / float64(max(1, g.n)) }

// Selection counts which predictions get labels: by their score, and by what was
// done on the answer. Labels that come only for loans that were granted say
// nothing of those refused.
type Selection struct {
	model   hone.Model
	scores  [scoreBins]group // On the scale of log odds.
	actions map[string]*group
	total   group
	weights int // Labelled predictions that have a propensity.
}

// NewSelection begins to count for a model.
func NewSelection(m hone.Model) *Selection {
	return &Selection{model: m, actions: map[string]*group{}}
}

// Add counts one prediction that is old enough to have its label.
func (s *Selection) Add(o hone.Outcome) {
	labelled := 0
	if o.Effect != "" {
		labelled = 1
	}
	add := func(g *group) { g.n, g.labelled = g.n+1, g.labelled+labelled }
	add(&s.total)
	if labelled == 1 && o.Propensity > 0 {
		s.weights++
	}
	if o.Action != "" && (s.actions[o.Action] != nil || len(s.actions) < 100) {
		if s.actions[o.Action] == nil {
			s.actions[o.Action] = &group{name: o.Action}
		}
		add(s.actions[o.Action])
	}
	if len(o.Scores) > 0 && s.model.Task != hone.Regression {
		p := math.Min(math.Max(slices.Max(o.Scores), 1e-4), 1-1e-4)
		at := int((math.Log(p/(1-p)) + 9.3) / 18.6 * scoreBins)
		add(&s.scores[min(max(at, 0), scoreBins-1)])
	}
}

// Check declares what was seen. It never stops a run: what labels say of the cases
// that get them is worth learning, as long as nobody takes it for more. Value is
// how far the shares of labelled cases are apart where that is more than chance.
func (s *Selection) Check() hone.Check {
	c := hone.Check{Rule: selectionRule, Passed: true, Limit: selectedPoints, Sentence: "labels come for all cases alike, as far as can be seen."}
	switch {
	case s.model.Label.Infers():
		c.Sentence = fmt.Sprintf("the lack of a label counts as %s, so that labels come for some cases only.", s.model.Label.AbsentMeans)
		return c
	case s.weights > 0 && s.weights*10 >= s.total.labelled*9:
		c.Sentence = "rows are weighted by how likely each was to get a label."
		return c
	}
	var actions []group
	for _, g := range s.actions {
		actions = append(actions, *g)
	}
	if low, high, ok := apart(actions); ok {
		c.Value = high.share() - low.share()
		c.Sentence = fmt.Sprintf("labels come for %.0f %% of %s cases and %.0f %% of %s ones: quality is known for those that get them alone.",
			100*high.share(), high.name, 100*low.share(), low.name)
		if names, only := s.only(actions, high); only {
			c.Sentence = fmt.Sprintf("labels come only for %s cases: quality is known for those alone.", names)
		}
		return c
	}
	if low, high, ok := apart(s.deciles()); ok {
		c.Value = high.share() - low.share()
		c.Sentence = fmt.Sprintf("labels come for %.0f %% of the cases with %s scores and %.0f %% of those with %s ones: quality is known for those that get them alone.",
			100*high.share(), high.name, 100*low.share(), low.name)
	}
	return c
}

// only tells whether cases of all other actions get next to no labels.
func (s *Selection) only(actions []group, high group) (string, bool) {
	var names []string
	for _, g := range actions {
		switch {
		case g.share() > high.share()/selectedFactor:
			names = append(names, g.name)
		case g.share() > high.share()/20:
			return "", false
		}
	}
	slices.Sort(names)
	return strings.Join(names, " and "), true
}

// deciles puts the scores into ten groups of about the same size.
func (s *Selection) deciles() []group {
	total := 0
	for _, g := range s.scores {
		total += g.n
	}
	var out []group
	next := group{}
	for i, g := range s.scores {
		next.n, next.labelled = next.n+g.n, next.labelled+g.labelled
		if next.n*10 >= total && next.n > 0 || i == scoreBins-1 && next.n > 0 {
			next.name = fmt.Sprintf("middling (decile %d)", len(out)+1)
			out = append(out, next)
			next = group{}
		}
	}
	if len(out) > 0 {
		out[0].name, out[len(out)-1].name = "the lowest", "the highest"
	}
	return out
}

// apart returns the groups with the smallest and largest share of labels, and
// whether these differ by more than chance, and enough to matter.
func apart(groups []group) (low, high group, ok bool) {
	groups = slices.DeleteFunc(groups, func(g group) bool { return g.n < selectedRows })
	if len(groups) < 2 {
		return low, high, false
	}
	order := func(a, b group) int {
		if a.share() != b.share() {
			if a.share() < b.share() {
				return -1
			}
			return 1
		}
		return strings.Compare(a.name, b.name)
	}
	low, high = slices.MinFunc(groups, order), slices.MaxFunc(groups, order)
	all := float64(low.labelled+high.labelled) / float64(low.n+high.n)
	se := math.Sqrt(all * (1 - all) * (1/float64(low.n) + 1/float64(high.n)))
	diff := high.share() - low.share()
	return low, high, diff >= selectedPoints && high.share() >= selectedFactor*low.share() && diff > selectedErrors*se
}

// Bias is what the checks of a dataset declare of its labels; empty where they
// show no sign of being selected.
func Bias(checks []hone.Check) string {
	for _, c := range checks {
		if c.Rule == selectionRule && c.Value > c.Limit {
			return c.Sentence
		}
	}
	return ""
}
