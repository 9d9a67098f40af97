package monitor

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/stat"
	"hone/internal/stat/text"
)

// MinWindow is the least number of predictions that drift is judged on.
const MinWindow = 200

// windowAlpha is the chance of an alarm on a window without drift.
const windowAlpha = 0.001

// calmWindows is how many windows in a row without an alarm end a drift.
const calmWindows = 2

// FeatureDrift is how one feature moved in one window.
type FeatureDrift struct {
	Feature string `json:"feature"`
	stat.Comparison
	// Drifted is set when the feature is named by Holm's rule.
	Drifted bool `json:"drifted"`
	// New are values that the reference never saw, the most frequent first. They
	// are told whether or not the feature drifted.
	New []NewValue `json:"new,omitempty"`
	// Text says what became of the words and the topics of a feature of free text.
	Text *text.Comparison `json:"text,omitempty"`
}

// NewValue is a value of a category that the reference never saw.
type NewValue struct {
	Value string `json:"value"`
	N     int    `json:"n"`
}

// Drift is the verdict on one window of predictions.
type Drift struct {
	From     time.Time      `json:"from"`
	To       time.Time      `json:"to"`
	N        int            `json:"n"`
	Alarm    bool           `json:"alarm"`
	P        float64        `json:"p"` // Simes over all tests.
	Features []FeatureDrift `json:"features"`
	Score    FeatureDrift   `json:"score"`
	Unknown  string         `json:"unknown,omitempty"` // Why there is no verdict.
	// Worth is how many independent rows would say as much as the window does of
	// the feature in the middle: fewer than N where rows follow each other closely.
	Worth int `json:"worth,omitempty"`
	// Widened is the number of rows that was asked for, where the window was made
	// longer because so many would have said too little.
	Widened int `json:"widened_from,omitempty"`
	// Season is how many rows of the reference, of the same hours of the week, the
	// window was compared with; 0 where it was compared with the whole reference.
	Season int `json:"season_rows,omitempty"`
	// Late counts predictions that came after their window by time was judged.
	Late int `json:"late,omitempty"`
	// Since is when the drift began: the first window of those that alarmed, until
	// two in a row were calm. It is zero while there is none.
	Since time.Time `json:"since,omitzero"`
	Calm  int       `json:"calm_windows,omitempty"` // In a row since the last alarm.
	// Ended is when the last drift was over.
	Ended  time.Time `json:"ended,omitzero"`
	Damage *Damage   `json:"damage,omitempty"` // What the drift costs; nil while there is none.
	// Silence is how long no prediction has come, where that is longer than usual.
	Silence  hone.Duration `json:"silence,omitempty"`
	Sentence string        `json:"sentence"`
	// Summaries say what the features look like while there is no reference.
	Summaries []Summary `json:"summaries,omitempty"`
}

// Unchampioned is the verdict on a model that has no champion: what its features
// look like, if any row has come.
func Unchampioned(summaries []Summary) Drift {
	const why = "there is no champion to compare with"
	d := Drift{Unknown: why, Sentence: "Drift is unknown: " + why + ".", Summaries: summaries}
	if len(d.Summaries) > 0 {
		d.N = d.Summaries[0].N
	}
	return d
}

// Drifted counts the features that are named.
func (d Drift) Drifted() (n int) {
	for _, f := range d.Features {
		if f.Drifted {
			n++
		}
	}
	return n
}

// Judge compares n predictions with the reference, on whose bins they were
// counted: chi-squared and missing share of each feature by Simes and Holm, the
// score on its own. Texts, one for each feature or none, are tested by their new
// words and by their topics as well.
func Judge(ref *Reference, schema frame.Schema, counts []*stat.Counts, score *stat.Counts, n int, texts ...*text.Counts) Drift {
	d := Drift{N: n, P: 1, Features: make([]FeatureDrift, 0, len(schema))}
	ps := make([]float64, 0, 2*len(schema))
	for i, p := range ref.Features {
		c := p.Compare(counts[i])
		f := FeatureDrift{Feature: schema[i].Name, Comparison: c, New: newValues(counts[i].New)}
		if c.MissingCur == 1 && c.MissingRef < 1 {
			f.Note = "no data: every value is missing"
		}
		d.Features = append(d.Features, f)
		ps = append(ps, c.P, c.MissingP)
	}
	ps, owner := d.readTexts(ref, texts, ps)
	d.Score = FeatureDrift{Feature: "score", Comparison: ref.Score.Compare(score)}
	if n < MinWindow {
		d.Unknown = fmt.Sprintf("not enough data: %d of %d predictions", n, MinWindow)
		return d
	}
	d.Worth = max(1, int(float64(n)/ref.inflation(n)))
	if score.N() >= MinWindow {
		d.Score.Drifted = d.Score.P < windowAlpha
	}
	d.P = stat.Simes(ps)
	d.Alarm = d.P < windowAlpha
	for i, named := range stat.Holm(ps, windowAlpha) {
		if named {
			d.Features[owner[i]].Drifted = true
		}
	}
	return d
}

func newValues(counts map[string]int) []NewValue {
	var out []NewValue
	for _, v := range slices.Sorted(maps.Keys(counts)) {
		out = append(out, NewValue{Value: v, N: counts[v]})
	}
	slices.SortStableFunc(out, func(a, b NewValue) int { return cmp.Compare(b.N, a.N) })
	return out
}

// inflation is how many rows of so many say as much as an independent one, of the
// feature in the middle.
func (r *Reference) inflation(rows int) float64 {
	var all []float64
	for _, p := range r.Features {
		all = append(all, p.Inflation(rows))
	}
	if len(all) == 0 {
		return 1
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// follow takes over from the verdict before how long a drift has gone on. What
// could not be judged neither ends it nor begins it.
func (d *Drift) follow(before Drift) {
	d.Since, d.Calm, d.Ended = before.Since, before.Calm, before.Ended
	switch {
	case d.Unknown != "":
	case d.Alarm:
		d.Calm = 0
		if d.Since.IsZero() {
			d.Since = d.From
		}
	case !d.Since.IsZero():
		if d.Calm++; d.Calm >= calmWindows {
			d.Since, d.Calm, d.Ended = time.Time{}, 0, d.To
		}
	}
}
