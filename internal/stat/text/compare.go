package text

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// Comparison says how the texts of a window differ from the reference's.
type Comparison struct {
	Rows int `json:"rows"` // Texts of the window that have a word.
	// Unseen is the share of a text's words that the reference never saw, on average;
	// UnseenRef is what is to be expected of texts like the reference's.
	Unseen    float64 `json:"unseen"`
	UnseenRef float64 `json:"unseen_ref"`
	UnseenP   float64 `json:"unseen_p"` // That it is no larger than that.
	// TopicP is the p-value of the mix of topics, TopicPSI how far it moved beyond
	// chance.
	TopicP   float64 `json:"topic_p"`
	TopicPSI float64 `json:"topic_excess_psi"`
	// Topics are those whose share changed most.
	Topics []Moved `json:"topics,omitempty"`
	// New are words that the reference never saw and that came from five users or
	// more, the most frequent first; each came in so many texts at least.
	New []Word `json:"new_words,omitempty"`
}

// Moved is a topic with its shares of the texts.
type Moved struct {
	Topic string  `json:"topic"`
	Ref   float64 `json:"ref"`
	Cur   float64 `json:"cur"`
}

// Word is a new word.
type Word struct {
	Word string `json:"word"`
	N    int    `json:"n"`
}

const (
	toldTopics = 3
	toldWords  = 10
)

// Compare holds a window of texts against the reference. It never fails: where
// there is nothing to compare every p-value is 1.
func (p *Profile) Compare(c *Counts) Comparison {
	r := Comparison{UnseenP: 1, TopicP: 1}
	if !p.Fits() || c == nil || c.Rows == 0 {
		return r
	}
	r.Rows = c.Rows
	r.compareShares(p, c)
	r.New = c.told()
	if p.Mix == nil || c.Mix == nil {
		return r
	}
	mix := p.Mix.Compare(c.Mix)
	r.TopicP, r.TopicPSI = mix.P, mix.ExcessPSI
	bins := p.Mix.Bins(c.Mix)
	ref, cur := 0, 0
	for _, b := range bins {
		ref, cur = ref+b.Ref, cur+b.Cur
	}
	for _, b := range bins {
		r.Topics = append(r.Topics, Moved{b.Label, float64(b.Ref) / float64(max(1, ref)), float64(b.Cur) / float64(max(1, cur))})
	}
	slices.SortStableFunc(r.Topics, func(a, b Moved) int {
		return cmp.Compare(math.Abs(b.Cur-b.Ref), math.Abs(a.Cur-a.Ref))
	})
	r.Topics = r.Topics[:min(len(r.Topics), toldTopics)]
	return r
}

// compareShares asks whether texts have more unseen words than texts of the
// reference have words that no other stretch of it has. The words of a text are no
// evidence of their own: each text counts as one, and fewer where they follow each
// other closely. Two tests are asked, and the more careful answer counts: that of
// the means, and the exact one of two counts, for shares are skewed where most texts
// have no unseen word.
func (r *Comparison) compareShares(p *Profile, c *Counts) {
	n, m := float64(p.Rows), float64(c.Rows)
	before, variance := moments(p.Sum, p.Squares, n)
	now, varianceNow := moments(c.Sum, c.Squares, m)
	r.UnseenRef, r.Unseen = before, now
	if now <= before {
		return
	}
	alike := p.Shares.Inflation(c.Rows)
	z := (now - before) / math.Sqrt(alike*(variance/n+varianceNow/m))
	means := math.Erfc(z/math.Sqrt2) / 2
	// What counts as one event has the variance of one.
	unit := alike * max(1.0/shareUnit, ratio(variance, before), ratio(varianceNow, now))
	events, all := now*m/unit, (now*m+before*n)/unit
	r.UnseenP = math.Max(means, mathext.RegIncBeta(events, all-events+1, m/(n+m)))
}

func moments(sum, squares int64, n float64) (mean, variance float64) {
	mean = float64(sum) / shareUnit / n
	return mean, math.Max(0, float64(squares)/shareUnit/shareUnit/n-mean*mean)
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// told are the new words that may be told.
func (c *Counts) told() (out []Word) {
	for _, s := range slices.Sorted(maps.Keys(c.New)) {
		if m := c.New[s]; len(m.Users) >= people && m.N >= people {
			out = append(out, Word{s, m.N})
		}
	}
	slices.SortStableFunc(out, func(a, b Word) int { return cmp.Compare(b.N, a.N) })
	return out[:min(len(out), toldWords)]
}

// PSI is how far the texts moved, beyond chance: as far as their topics did.
func (r *Comparison) PSI() float64 {
	if r == nil {
		return 0
	}
	return r.TopicPSI
}

// P is the smaller of the p-values of texts, twice.
func (r *Comparison) P() float64 {
	if r == nil {
		return 1
	}
	return min(1, 2*min(r.UnseenP, r.TopicP))
}
