package op

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"hone"
	"hone/internal/loop"
	"hone/internal/stat"
)

// sightSample is how many predictions a sight is read from.
const sightSample = 2000

// Sampler draws predictions from the log.
type Sampler interface {
	// Sample returns about n kept predictions, evenly spread over the log, oldest
	// first, with what is known of each.
	Sample(ctx context.Context, model string, n int) ([]hone.Outcome, error)
}

// Sight is what Hone can see of a model, and what it cannot.
type Sight struct {
	Model    string    `json:"model"`
	At       time.Time `json:"at"`
	Sentence string    `json:"sentence"`
	// Sampled is the number of predictions that this was read from.
	Sampled int `json:"sampled"`
	// Unknown says why nothing can be said.
	Unknown  string     `json:"unknown,omitempty"`
	Coverage []Coverage `json:"coverage"`
	// DelayP50 and DelayP95 are the time from answer to label, of those that came.
	DelayP50 hone.Duration `json:"delay_p50"`
	DelayP95 hone.Duration `json:"delay_p95"`
	// Inferred is the share of the rows that count that have no label, whose absence
	// stands for one.
	Inferred float64 `json:"inferred"`
	// LabelsPerDay counts what comes to count, at the present rate.
	LabelsPerDay float64 `json:"labels_per_day"`
	// Smallest is how much more loss a row a version must have for that to be found
	// in 4 of 5 cases, at an error of 5 %, over as many labels as a probation lasts.
	Smallest float64 `json:"smallest_regression"`
	Labels   int     `json:"labels_needed"`
	Days     float64 `json:"days_needed"`
	// Spread says where the variance of the difference comes from.
	Spread string `json:"spread"`
	// Bias says which cases alone the quality is known for.
	Bias string `json:"bias,omitempty"`
}

// Coverage is the share of the predictions of at least an age that have a label.
type Coverage struct {
	Age   hone.Duration `json:"age"`
	Share float64       `json:"share"`
	N     int           `json:"n"`
}

func sight(ctx context.Context, s *Service, _ Caller, in ModelIn) (Sight, error) {
	v, err := s.Loop.View(in.Model)
	if err != nil {
		return Sight{}, err
	}
	return s.sight(ctx, v)
}

func (s *Service) sight(ctx context.Context, v loop.View) (Sight, error) {
	sample, err := s.Samples.Sample(ctx, v.Model.Name, sightSample)
	if err != nil {
		return Sight{}, err
	}
	asked, err := s.Loop.Asked(ctx, v.Model.Name)
	if err != nil {
		return Sight{}, err
	}
	sample = slices.DeleteFunc(sample, func(o hone.Outcome) bool { return asked[o.Seq] }) // They get labels as others do not.
	return Look(v, sample, s.Clock.Now()), nil
}

// sights keeps the newest sight of each model, for who asks again and again.
type sights struct {
	mu sync.Mutex
	by map[string]*Sight
}

// freshSight is how old a sight may be that is shown with a model.
const freshSight = time.Minute

// lastSight is a sight that is at most a minute old.
func (s *Service) lastSight(ctx context.Context, v loop.View) (*Sight, error) {
	s.sights.mu.Lock()
	defer s.sights.mu.Unlock()
	if old := s.sights.by[v.Model.Name]; old != nil && s.Clock.Now().Sub(old.At) < freshSight {
		return old, nil
	}
	got, err := s.sight(ctx, v)
	if err != nil {
		return nil, err
	}
	if s.sights.by == nil {
		s.sights.by = map[string]*Sight{}
	}
	s.sights.by[v.Model.Name] = &got
	return &got, nil
}

// Look reads from a sample of a model's predictions what Hone sees of its quality.
func Look(v loop.View, sample []hone.Outcome, now time.Time) Sight {
	out := Sight{Model: v.Model.Name, At: now, Coverage: []Coverage{}, Bias: v.Bias}
	sample = slices.DeleteFunc(slices.Clone(sample), func(o hone.Outcome) bool { return o.Route == hone.Imported })
	out.Sampled = len(sample)
	var delays []time.Duration
	for _, o := range sample {
		if o.Effect != "" {
			delays = append(delays, max(0, o.LabelReceived.Sub(o.Time)))
		}
	}
	slices.Sort(delays)
	switch {
	case len(sample) < 50:
		out.Unknown = "too few predictions were served to say what is seen of them."
	case len(delays) < 20:
		out.Unknown = "next to none of its predictions have a label."
	}
	if len(delays) > 0 {
		out.DelayP50, out.DelayP95 = hone.Duration(quantile(delays, 0.5)), hone.Duration(quantile(delays, 0.95))
	}
	for _, age := range []hone.Duration{out.DelayP50, out.DelayP95} {
		if len(delays) > 0 {
			out.Coverage = append(out.Coverage, covered(sample, age, now))
		}
	}
	out.lacks(v, sample, now)
	if out.Unknown == "" {
		out.reach(v, sample, now)
	}
	out.Sentence = out.say(v)
	return out
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[int(q*float64(len(sorted)-1))]
}

func covered(sample []hone.Outcome, age hone.Duration, now time.Time) Coverage {
	c, labelled := Coverage{Age: age}, 0
	for _, o := range sample {
		if now.Sub(o.Time) < time.Duration(age) {
			continue
		}
		if c.N++; o.Effect != "" {
			labelled++
		}
	}
	c.Share = float64(labelled) / float64(max(1, c.N))
	return c
}

// lacks finds the share of the rows that count for having no label.
func (out *Sight) lacks(v loop.View, sample []hone.Outcome, now time.Time) {
	spec := v.Model.Label
	if !spec.Infers() {
		return
	}
	none, all := 0, 0
	for _, o := range sample {
		due := spec.Presumed(o.Prediction)
		switch {
		case due.After(v.Heard), due.After(now), o.Effect == hone.Contradicted:
		case o.Effect != "":
			all++
		default:
			none, all = none+1, all+1
		}
	}
	out.Inferred = float64(none) / float64(max(1, all))
}

// reach finds the smallest regression that a probation would find, and how long
// that takes.
func (out *Sight) reach(v loop.View, sample []hone.Outcome, now time.Time) {
	span := now.Sub(sample[0].Time).Hours() / 24
	share := out.Coverage[len(out.Coverage)-1].Share
	wait := max(time.Duration(out.DelayP95), time.Duration(v.Model.Label.Delay))
	if v.Model.Label.Infers() {
		share, wait = 1, max(wait, time.Duration(v.Model.Label.After))
	}
	first, last := sample[0].Seq, sample[len(sample)-1].Seq
	if span > 0 {
		out.LabelsPerDay = share * float64(last-first+1) / span
	}
	square, from := spread(v)
	if square <= 0 || out.LabelsPerDay <= 0 {
		return
	}
	out.Labels, out.Spread = v.Model.Rollout.Probation.Labels, from
	out.Smallest = Detectable(square, out.Labels)
	out.Days = wait.Hours()/24 + float64(out.Labels)/out.LabelsPerDay
}

// assumed is the share of rows on which two versions are taken to disagree while
// none were compared.
const assumed = 0.1

// spread is the mean square of the difference of two versions' losses on a row, and
// where it is known from.
func spread(v loop.View) (square float64, from string) {
	var p hone.Paired
	if v.Last != nil && v.Last.Evaluation != nil && v.Last.Evaluation.Champion != "" {
		p, from = v.Last.Evaluation.Loss, fmt.Sprintf("the comparison in %s", v.Last.ID)
	}
	if v.Watch != nil && v.Watch.Quality.N >= 100 {
		p, from = v.Watch.Quality, fmt.Sprintf("the probation of %s", v.Watch.Version)
	}
	if half := (p.Upper - p.Lower) / 2; p.N >= 100 && half > 0 && half-half == 0 {
		se := half / stat.NormalQuantile(0.975)
		return se*se*float64(p.N) + p.Diff*p.Diff, from
	}
	bound := v.Model.Loss.Bound()
	return assumed * bound * bound, fmt.Sprintf("an assumed disagreement on %.0f %% of the rows", 100*assumed)
}

// Detectable is the smallest mean difference that a one-sided paired test at 5 %
// finds in n rows with 80 % power, where the differences have the mean square
// given: the inverse of the number of rows that stat.NeedForMean says.
func Detectable(square float64, n int) float64 {
	low, high := 0.0, math.Sqrt(square)
	for range 60 {
		mid := (low + high) / 2
		if stat.NeedForMean(mid, square-mid*mid) <= n {
			high = mid
		} else {
			low = mid
		}
	}
	return high
}

// about says a length of time that is an estimate.
func about(d time.Duration) string {
	if d < time.Minute {
		return age(d)
	}
	return "about " + age(d)
}

// say puts the sight in one plain sentence, and the bias in a second.
func (out *Sight) say(v loop.View) string {
	name := v.Model.Name
	if out.Unknown != "" {
		return name + " cannot be judged yet: " + out.Unknown
	}
	seen := out.Coverage[len(out.Coverage)-1]
	parts := []string{fmt.Sprintf("%s sees the labels of %.0f %% of its predictions, half of them within %s and nearly all within %s",
		name, 100*seen.Share, age(time.Duration(out.DelayP50)), age(time.Duration(out.DelayP95)))}
	if v.Model.Label.Infers() {
		parts = append(parts, fmt.Sprintf("%.0f %% of the rows that count have none and count as %s", 100*out.Inferred, v.Model.Label.AbsentMeans))
	}
	if out.Smallest > 0 {
		parts = append(parts, fmt.Sprintf("a version that loses %.2g more a row would be found out after %s",
			out.Smallest, about(time.Duration(out.Days*24*float64(time.Hour)))))
	}
	s := strings.Join(parts, "; ") + "."
	if out.Bias != "" {
		s += " But " + out.Bias
	}
	return s
}
