package validate

import (
	"fmt"
	"math"
	"slices"

	"hone"
	"hone/internal/frame"
	"hone/internal/stat"
)

// What is held against what: the rows that the champion has not seen against
// those that it was trained on, or what is served against what was imported.
type pair struct {
	before *Schema
	now    *frame.Frame
	cur    []Column // Of now.
	skew   bool
}

func newPair(before *Schema, now *frame.Frame, skew bool) *pair {
	if before == nil || now == nil || before.Rows < minRows || now.N < minRows {
		return nil
	}
	p := &pair{before: before, now: now, skew: skew}
	for i, f := range now.Schema {
		p.cur = append(p.cur, inferColumn(f, now.Cols[i]))
	}
	return p
}

// minRows is the least of either side that says anything.
const minRows = 200

// columns calls fn with each feature that both sides have.
func (p *pair) columns(fn func(was, is *Column, at int)) {
	if p == nil {
		return
	}
	for i := range p.cur {
		for j := range p.before.Columns {
			if was := &p.before.Columns[j]; was.Feature == p.cur[i].Feature && was.Kind == p.cur[i].Kind {
				fn(was, &p.cur[i], i)
			}
		}
	}
}

// rows are what is held against the others.
func (p *pair) rows() string {
	if p.skew {
		return "the rows that are served, against those imported"
	}
	return "the new rows"
}

func (p *pair) where() string { return "in " + p.rows() }

// How much more may be missing, in points; chance is tested apart.
const (
	moreMissing = 0.05
	muchMissing = 0.2
	chance      = 1e-4
)

// missing finds features that lack values where they had them. What there is a
// limit for is left to that.
func (p *pair) missing() (out []finding) {
	p.columns(func(was, is *Column, at int) {
		rise := is.Missing - was.Missing
		if rise < moreMissing || was.Constraint != nil && was.Constraint.MaxMissing != nil || p.compare(was, at).MissingP > chance {
			return
		}
		f := finding{rule: "missing", about: is.Feature, level: hone.Warns, value: is.Missing, limit: was.Missing + moreMissing,
			sentence: fmt.Sprintf("%s is missing in %s of %s; it was in %s.", is.Feature, percent(is.Missing), p.rows(), percent(was.Missing))}
		if rise >= muchMissing {
			f.level, f.limit = hone.Blocks, was.Missing+muchMissing
		}
		out = append(out, f)
	})
	return out
}

// compare holds the values of a feature against its profile, which allows for
// the serial correlation that the earlier rows show.
func (p *pair) compare(was *Column, at int) stat.Comparison {
	w := was.profile.Window()
	for _, x := range p.now.Cols[at].Num {
		w.AddNumber(x)
	}
	for _, x := range p.now.Cols[at].Str {
		w.AddName(x)
	}
	return was.profile.Compare(w)
}

const (
	unseenShare   = 0.01
	unseenMuch    = 0.3
	renamedShare  = 0.02
	renamedBefore = 0.02
	clumps        = 3 // By how much more than chance shares of rows vary that come in clumps.
)

// unseen finds categories that were never there before: in so many rows that
// every value must be written otherwise, or only more than there should be.
func (p *pair) unseen() (out []finding) {
	p.columns(func(was, is *Column, _ int) {
		if was.Kind != frame.Category || was.present < minRows || is.present < minRows {
			return
		}
		count, most, name := 0, 0, ""
		for v, k := range is.counts {
			if was.counts[v] > 0 {
				continue
			}
			count += k
			if k > most || k == most && v < name {
				most, name = k, v
			}
		}
		share, limit := float64(count)/float64(is.present), was.unheard()+unseenShare
		if share <= limit || !beyond(share, limit, is.present, was.present) {
			return
		}
		f := finding{rule: "unseen", about: is.Feature, level: hone.Warns, value: share, limit: limit,
			sentence: fmt.Sprintf("%s of the values of %s %s were never there before, such as %q.", percent(share), is.Feature, p.where(), clip(name))}
		if share > unseenMuch && was.closed() {
			f.level, f.limit = hone.Blocks, unseenMuch
		}
		out = append(out, f)
	})
	return out
}

// beyond tells whether a share of n rows is more than a limit by more than chance.
// The limit itself is known from m rows.
func beyond(share, limit float64, n, m int) bool {
	se := math.Sqrt(clumps * limit * (1 - math.Min(limit, 0.99)) * (1/float64(n) + 1/float64(m)))
	return share-limit > 3*se
}

// renamed finds a category that is gone, and another that came in its place.
func (p *pair) renamed() (out []finding) {
	p.columns(func(was, is *Column, _ int) {
		if !was.closed() || is.present < minRows {
			return
		}
		for _, old := range was.Categories {
			n := float64(is.present)
			left := float64(is.counts[old.Value]) / n
			lost := old.Share - left
			se := math.Sqrt(clumps * old.Share * (1 - old.Share) * (1/n + 1/float64(was.present)))
			if old.Share < renamedBefore || left > old.Share/5 || lost < 4*se {
				continue
			}
			if now, share := heir(was, is, lost); now != "" {
				out = append(out, finding{rule: "renamed", about: is.Feature, level: hone.Blocks, value: share, limit: renamedShare,
					sentence: fmt.Sprintf("%s %q is gone %s, and %q, which was never there, has come in its place: %s of them.",
						is.Feature, clip(old.Value), p.where(), clip(now), percent(share))})
			}
		}
	})
	return out
}

// heir is the unseen category whose share is about what another one lost.
func heir(was, is *Column, lost float64) (name string, share float64) {
	for v, k := range is.counts {
		s := float64(k) / float64(is.present)
		if was.counts[v] > 0 || s < renamedShare || k < 10 || math.Abs(s-lost) > math.Max(0.3*lost, 0.02) {
			continue
		}
		if name == "" || math.Abs(s-lost) < math.Abs(share-lost) || math.Abs(s-lost) == math.Abs(share-lost) && v < name {
			name, share = v, s
		}
	}
	return name, share
}

// outOfRange finds numbers beyond any that were there before.
func (p *pair) outOfRange() (out []finding) {
	p.columns(func(was, is *Column, at int) {
		if was.Kind != frame.Number || was.present < minRows || is.present < minRows || p.unitOf(was, at) != 0 {
			return
		}
		values := finite(p.now.Cols[at].Num)
		slices.Sort(values)
		n := outside(values, *was.Min, *was.Max)
		share, limit := float64(n)/float64(len(values)), unseenShare+2/float64(was.present)
		if share <= limit || !beyond(share, limit, is.present, was.present) {
			return
		}
		out = append(out, finding{rule: "range", about: is.Feature, level: hone.Warns, value: share, limit: limit,
			sentence: fmt.Sprintf("%s of the values of %s %s lie outside what there was before, %.4g to %.4g.", percent(share), is.Feature, p.where(), *was.Min, *was.Max)})
	})
	return out
}

// factors are what units differ by: cents and hundreds, thousands, milliseconds,
// minutes, hours and days.
var factors = []float64{10, 100, 1000, 1e4, 1e6, 1e9, 60, 3600, 86400}

// unit finds numbers that are in another unit than before.
func (p *pair) unit() (out []finding) {
	p.columns(func(was, is *Column, at int) {
		f := p.unitOf(was, at)
		if f == 0 {
			return
		}
		what := fmt.Sprintf("%.4g times as large", f)
		if f < 1 {
			what = fmt.Sprintf("%.4g times smaller", 1/f)
		}
		out = append(out, finding{rule: "unit", about: is.Feature, level: hone.Blocks, value: f, limit: 1,
			sentence: fmt.Sprintf("%s looks %s %s: another unit?", is.Feature, what, p.where())})
	})
	return out
}

// unitOf is the factor by which values of a feature are too large, or 0. Either
// all of them are another distribution, and divided by the factor the same; or
// those beyond the range fit, divided by it, the values that a factor would have
// put there.
func (p *pair) unitOf(was *Column, at int) float64 {
	if was.Kind != frame.Number || was.present < minRows || was.Distinct < 2 {
		return 0
	}
	values := finite(p.now.Cols[at].Num)
	if len(values) < minRows {
		return 0
	}
	slices.Sort(values)
	low, high := *was.Min, *was.Max
	var beyondRange []float64
	for _, x := range values {
		if x < low || x > high {
			beyondRange = append(beyondRange, x)
		}
	}
	if f := wholeFactor(was, values); f != 0 {
		return f
	}
	if len(beyondRange) < 20 || len(beyondRange)*50 < len(values) {
		return 0
	}
	return partFactor(was, beyondRange)
}

// wholeFactor explains all values by one factor.
func wholeFactor(was *Column, values []float64) float64 {
	thinned := thin(values, gridSize)
	gap := ks(was.sorted, thinned)
	if gap < 0.3 {
		return 0
	}
	best, at := gap-0.25, 0.0
	limit := 0.12 + 1.2/math.Sqrt(float64(len(values)))
	for _, f := range allFactors() {
		if g := ks(was.sorted, scaled(thinned, 1/f)); g < best && g < limit {
			best, at = g, f
		}
	}
	return at
}

// partFactor explains the values beyond the range by a factor: it must put them
// back, to where values lie that it would move out of the range.
func partFactor(was *Column, values []float64) float64 {
	low, high := *was.Min, *was.Max
	best, at := 0.25+1.2/math.Sqrt(float64(len(values))), 0.0
	for _, f := range allFactors() {
		back := scaled(values, 1/f)
		if outside(back, low, high)*20 > len(back) {
			continue
		}
		var moved []float64
		for _, x := range was.sorted {
			if x*f < low || x*f > high {
				moved = append(moved, x)
			}
		}
		if len(moved)*20 < len(was.sorted) {
			continue
		}
		if g := ks(moved, back); g < best {
			best, at = g, f
		}
	}
	return at
}

func allFactors() []float64 {
	out := slices.Clone(factors)
	for _, f := range factors {
		out = append(out, 1/f)
	}
	return out
}

func scaled(sorted []float64, by float64) []float64 {
	out := make([]float64, len(sorted))
	for i, x := range sorted {
		out[i] = x * by
	}
	return out
}

// skewed finds features that are served otherwise than they were imported: the
// largest difference of any category's share, or of the distribution functions.
func (p *pair) skewed() (out []finding) {
	const limit = 0.1
	p.columns(func(was, is *Column, at int) {
		if was.present < minRows || is.present < minRows || was.Kind == frame.Text {
			return
		}
		gap := 0.0
		if was.Kind == frame.Number {
			values := finite(p.now.Cols[at].Num)
			slices.Sort(values)
			gap = ks(was.sorted, thin(values, gridSize))
		} else {
			gap = largest(was, is)
		}
		noise := 2 * math.Sqrt(clumps*(1/float64(was.present)+1/float64(is.present)))
		if gap <= limit+noise {
			return
		}
		out = append(out, finding{rule: "skew", about: is.Feature, level: hone.Warns, value: gap, limit: limit,
			sentence: fmt.Sprintf("%s is distributed otherwise %s: they are %.2f apart.", is.Feature, p.where(), gap)})
	})
	return out
}

// largest is the largest difference of a category's share.
func largest(a, b *Column) (gap float64) {
	for v, k := range a.counts {
		gap = math.Max(gap, math.Abs(float64(k)/float64(a.present)-float64(b.counts[v])/float64(b.present)))
	}
	for v, k := range b.counts {
		if a.counts[v] == 0 {
			gap = math.Max(gap, float64(k)/float64(b.present))
		}
	}
	return gap
}

func percent(x float64) string {
	if x < 0.1 {
		return fmt.Sprintf("%.1f %%", 100*x)
	}
	return fmt.Sprintf("%.0f %%", 100*x)
}

func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
