package loop

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"hone"
	"hone/internal/dataset"
	"hone/internal/frame"
	"hone/internal/trigger"
	"hone/internal/validate"
)

// sampled is how many of the newest rows, imported or as served, are compared.
const sampled = 5000

// survey is what is seen of all rows on the way to a dataset.
type survey struct {
	selected *dataset.Selection
	days     map[int64]int        // Labelled rows, by days since 1970.
	heard    map[string]time.Time // When each source of labels was first heard.
	newest   time.Time            // Of the labelled rows.
	imported newestRows
	served   newestRows
}

func newSurvey(m hone.Model) *survey {
	return &survey{selected: dataset.NewSelection(m), days: map[int64]int{}, heard: map[string]time.Time{}}
}

// add sees a prediction, with or without a label.
func (s *survey) add(o hone.Outcome) {
	switch o.Route {
	case hone.Imported:
		s.imported.add(o)
	default:
		s.served.add(o)
	}
	if o.Effect == "" || o.Source == "" {
		return
	}
	if at, ok := s.heard[o.Source]; !ok || o.LabelReceived.Before(at) {
		s.heard[o.Source] = o.LabelReceived
	}
}

// count sees a labelled row that counts.
func (s *survey) count(o hone.Outcome) {
	s.days[o.Time.Unix()/86400]++
	if o.Time.After(s.newest) {
		s.newest = o.Time
	}
}

// newestRows are the features of the newest rows in the order of the log.
type newestRows struct {
	rows  [][]byte
	times []time.Time
	next  int
}

func (r *newestRows) add(o hone.Outcome) {
	if len(r.rows) < sampled {
		r.rows, r.times = append(r.rows, o.Features), append(r.times, o.Time)
		return
	}
	r.rows[r.next], r.times[r.next] = o.Features, o.Time
	r.next = (r.next + 1) % sampled
}

// since decodes the rows of a moment or later; nil where they are few.
func (r *newestRows) since(d frame.Decoder, at time.Time) (*frame.Frame, error) {
	var rows [][]byte
	for i := range r.rows {
		if k := (r.next + i) % len(r.rows); !r.times[k].Before(at) {
			rows = append(rows, r.rows[k])
		}
	}
	if len(rows) < sampled/25 {
		return nil, nil
	}
	return d.Frame(rows)
}

// suspicions gathers what the checks of a dataset rest on. What cannot be read of
// the champion's is left out: the rows are then held against themselves.
func (k *keeper) suspicions(ctx context.Context, c dataset.Collected, seen *survey, now time.Time) validate.Input {
	all := dataset.Join(c.Train, c.Holdout)
	in := validate.Input{Model: k.model, Rows: rowsOf(all), Holdout: c.Holdout.Len(), Anchor: rowsOf(c.Anchor), Days: seen.days, Age: k.ageOf(seen.newest, now)}
	if len(all.Times) > 0 {
		d := k.decoder()
		var err1, err2 error
		in.Imported, err1 = seen.imported.since(d, all.Times[0])
		in.Served, err2 = seen.served.since(d, time.Time{})
		if err1 != nil || err2 != nil {
			in.Imported, in.Served = nil, nil
		}
	}
	if k.champion.ID == "" {
		return in
	}
	for in.New < all.Len() && all.Times[all.Len()-1-in.New].After(k.champion.TrainedUntil) {
		in.New++
	}
	before, known, err := k.schema(ctx)
	if err != nil {
		k.log.WarnContext(ctx, "champion's rows not read", "version_id", k.champion.ID, "error", err)
		return in
	}
	in.Before, in.Known = before, known
	fresh := all.Slice(all.Len()-in.New, all.Len())
	if scores, err := k.ask(k.champion.ID)(ctx, fresh.Frame); err == nil && in.New > 0 {
		in.Answers = &validate.Answers{Scores: scores, Classes: k.champion.Signature.Classes}
	}
	return in
}

func rowsOf(r dataset.Rows) validate.Rows {
	return validate.Rows{Frame: r.Frame, Labels: r.Labels, Times: r.Times, Units: r.Units, Sources: r.Sources}
}

// ageOf is how old the newest labelled row is, beyond the label delay.
func (k *keeper) ageOf(newest, now time.Time) time.Duration {
	return max(0, now.Sub(newest)-time.Duration(max(k.model.Label.Delay, k.model.Label.After)))
}

// schema infers what the champion's rows were like, and returns what was found in
// them.
func (k *keeper) schema(ctx context.Context) (*validate.Schema, []hone.Check, error) {
	ds, err := k.o.Control.Dataset(ctx, k.champion.Dataset)
	if err != nil {
		return nil, nil, err
	}
	c, err := dataset.Thaw(k.datasetDir(ds.ID), ds, k.model)
	if err != nil {
		return nil, nil, err
	}
	rows := c.Train
	if !c.Holdout.Times[c.Holdout.Len()-1].After(k.champion.TrainedUntil) {
		rows = dataset.Join(c.Train, c.Holdout)
	}
	s := validate.Infer(k.model, rowsOf(rows))
	s.Age = hone.Duration(k.ageOf(c.Holdout.Times[c.Holdout.Len()-1], ds.Created))
	return s, ds.Checks, nil
}

// Schema says what the rows of a model's champion were like.
func (l *Loop) Schema(ctx context.Context, model string) (*validate.Schema, error) {
	k, err := l.keeper(model)
	if err != nil {
		return nil, err
	}
	v := k.view.Load()
	if v.Champion.Dataset == "" {
		return nil, &hone.Error{Code: hone.NotFound, Message: model + " has no champion whose rows could be looked at", Hint: "`hone status` says what it waits for"}
	}
	s, _, err := (&keeper{o: l.o, model: v.Model, champion: v.Champion}).schema(ctx)
	return s, err
}

// forced tells whether a person asked for the run whatever it is worth.
func forced(run hone.Run) bool {
	return slices.ContainsFunc(run.Decision.Reasons, func(r hone.Reason) bool { return r.Guard == trigger.Forced })
}

// remarks say how many checks were not passed, and what a forced run passed over.
func remarks(checks []hone.Check) string {
	var over []string
	warned := 0
	for _, c := range checks {
		switch {
		case c.Over:
			over = append(over, strings.TrimSuffix(c.Sentence, "."))
		case !c.Passed:
			warned++
		}
	}
	out := ""
	if warned > 0 {
		out = fmt.Sprintf("; %d checks are not passed", warned)
		if warned == 1 {
			out = "; one check is not passed"
		}
	}
	if len(over) > 0 {
		out += "; the force passes over that " + strings.Join(over, ", and that ")
	}
	return out
}
