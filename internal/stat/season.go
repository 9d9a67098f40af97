package stat

import (
	"math"
	"slices"
)

// WeekHours is how many hours a week has.
const WeekHours = 168

// maxGroups is how many groups of bins a season tells apart: beyond, the rarer
// names of a feature share one.
const maxGroups = 64

// Season is what the reference looks like in each hour of the week, so that a
// window can be compared with the same hours of other weeks.
type Season struct {
	Missing []int   `json:"missing"` // By hour of the week.
	Groups  [][]int `json:"groups"`  // Values in each group of bins, by hour; nil for an hour without rows.
	// As those of the profile, but of how chunks of the reference differ from what
	// their hours of the week let expect.
	Dispersion        []Dispersion `json:"dispersion,omitempty"`
	MissingDispersion []Dispersion `json:"missing_dispersion,omitempty"`
}

// NumbersByHour adds to a profile of numbers what they look like in each hour of
// the week, if these differ from each other. The values are those that were profiled, in the same order, and hours
// has the hour of the week of each, from 0.
func (p *Profile) NumbersByHour(values []float64, hours []int) {
	find, group := newFinder(p), p.groups()
	p.byHour(hours, func(i int) int {
		if values[i]-values[i] != 0 {
			return -1
		}
		return group[find.bin(values[i]+0)]
	})
}

// NamesByHour does the same for a profile of names.
func (p *Profile) NamesByHour(values []string, hours []int) {
	index, group := p.index(), p.groups()
	p.byHour(hours, func(i int) int {
		if values[i] == "" {
			return -1
		}
		b, ok := index[values[i]]
		if !ok {
			b = len(p.Names)
		}
		return group[b]
	})
}

// groups gives the group of each fine bin.
func (p *Profile) groups() []int {
	of, _ := p.coarseMap()
	for i, c := range of {
		of[i] = min(c, maxGroups-1)
	}
	return of
}

// byHour counts groups, of which -1 is none, by hour of the week.
func (p *Profile) byHour(hours []int, groupOf func(i int) int) {
	n := slices.Max(p.groups()) + 1
	s := &Season{Missing: make([]int, WeekHours), Groups: make([][]int, WeekHours)}
	at, when := make([]int32, 0, len(hours)), make([]int, 0, len(hours))
	gaps := make([]int32, len(hours))
	for i, h := range hours {
		if s.Groups[h] == nil {
			s.Groups[h] = make([]int, n)
		}
		g := groupOf(i)
		if g < 0 {
			s.Missing[h]++
			gaps[i] = 1
			continue
		}
		s.Groups[h][g]++
		at, when = append(at, int32(g)), append(when, h)
	}
	s.Dispersion = new(Profiler).dispersion(at, n, when)
	s.MissingDispersion = new(Profiler).dispersion(gaps, 2, hours)
	if s.rhythmic() {
		p.Season = s
	}
}

// rhythm is how many times more the hours of the week must differ from each other
// than chunks of the reference do from what their hours let expect: with fewer, the
// whole reference tells more than its rows of the same hours.
const rhythm = 1.5

// rhythmic tells whether hours of the week differ at all.
func (s *Season) rhythmic() bool {
	gaps := make([][]int, WeekHours)
	for h, g := range s.Groups {
		if g != nil {
			gaps[h] = []int{s.Missing[h], total(g)}
		}
	}
	return differ(s.Groups, s.Dispersion) || differ(gaps, s.MissingDispersion)
}

// differ compares how far the rows of a table differ, by chi-squared over its
// degrees of freedom, with what the dispersion explains.
func differ(table [][]int, cuts []Dispersion) bool {
	var whole []float64
	n, rows := 0.0, 0.0
	for _, row := range table {
		if len(row) == 0 {
			continue
		}
		if whole == nil {
			whole = make([]float64, len(row))
		}
		for i, c := range row {
			whole[i] += float64(c)
			n += float64(c)
		}
		if total(row) > 0 {
			rows++
		}
	}
	d, ok := suited(cuts, int(n/(4*WeekHours)), len(whole)-1)
	if !ok || rows < 2 {
		return false
	}
	stat, dof := 0.0, 0.0
	for i, w := range whole {
		if w < 5*rows { // Too rare to tell, hour by hour.
			continue
		}
		dof += rows - 1
		for _, row := range table {
			if m := float64(total(row)); m > 0 {
				e := w * m / n
				stat += (float64(row[i]) - e) * (float64(row[i]) - e) / e / (1 - w/n)
			}
		}
	}
	return dof > 0 && stat/dof > rhythm*d.Lambda
}

// Like is the reference as it would be if its rows had come in the same hours of
// the week as those of a window, which has so many in each hour. What it is worth
// is told in rows: an hour that the window is made of and the reference has little
// of makes them few. It reports false, and the profile itself, where the reference
// has no season, or no row of an hour that the window has.
func (p *Profile) Like(hours []int) (like *Profile, rows int, ok bool) {
	all := float64(total(hours))
	if p.Season == nil || all == 0 {
		return p, total(p.Ref) + p.Missing, false
	}
	groups, missing, inverse := make([]float64, slices.Max(p.groups())+1), 0.0, 0.0
	for h, n := range hours {
		if n == 0 {
			continue
		}
		seen := float64(p.Season.Missing[h] + total(p.Season.Groups[h]))
		if seen == 0 {
			return p, total(p.Ref) + p.Missing, false
		}
		w := float64(n) / all
		inverse += w * w / seen // The variance of a weighed share, as of so many rows.
		missing += w / seen * float64(p.Season.Missing[h])
		for g, c := range p.Season.Groups[h] {
			groups[g] += w / seen * float64(c)
		}
	}
	worth := 1 / inverse
	q := *p
	q.Ref, q.Missing = p.spread(groups, worth), int(math.Round(worth*missing))
	q.Dispersion, q.MissingDispersion, q.Season = p.Season.Dispersion, p.Season.MissingDispersion, nil
	return &q, int(math.Round(worth)), true
}

// Whole is the profile without its season.
func (p *Profile) Whole() *Profile {
	q := *p
	q.Season = nil
	return &q
}

// spread shares so many rows of each group out to its fine bins as the reference
// fills these. What rounding takes from one bin the next one gets.
func (p *Profile) spread(shares []float64, rows float64) []int {
	of := p.groups()
	full := make([]int, len(shares))
	for i, c := range p.Ref {
		full[of[i]] += c
	}
	out, sum, told := make([]int, len(p.Ref)), 0.0, 0
	for i, c := range p.Ref {
		if c > 0 {
			sum += rows * shares[of[i]] * float64(c) / float64(full[of[i]])
		}
		out[i] = int(math.Round(sum)) - told
		told += out[i]
	}
	return out
}
