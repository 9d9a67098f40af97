package validate

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"hone"
)

// Poisoning shows in how labels of one source, or of some users, go with the
// answers of a model that was not fitted to them, where those of all others do:
// they run against them, as labels that were turned round do. One user has too few
// labels to be told, so that all are looked at together.

const (
	crowdRows   = 20000
	sourceRows  = 20
	fewUsers    = 20
	against     = 3.0 // Standard errors beyond half of the labels.
	leastTurned = 0.2 // Fewer labels turned round are no finding.
	shuffles    = 1000
	// Labels change places within so many rows, which came one after the other.
	timeRows, maxTimes = 400, 8
	// A source is judged where of the rows in its time so many are of others.
	leastBeside = 0.2
	shufflesOff = 1 // So many may say as much by chance: two datasets in a thousand.
)

// crowd finds sources and users whose labels run against what other rows have it.
func crowd(m hone.Model, r Rows, answers ...*Answers) []finding {
	o := best(m, r.Labels, answers...)
	if o == nil {
		return nil // The answers say too little to judge labels by.
	}
	sources, users := grouped(r.Sources, sourceRows).beside(), grouped(r.Units, 1)
	if len(users.names) < fewUsers {
		users = groups{}
	}
	here := upTo(len(r.Labels))
	s := suspicion{}
	s.sources, s.ways = o.turned(sources, here)
	s.users, s.way = o.pooled(users, here)
	s.compare(o, sources, users)
	var out []finding
	for k, off := range s.sourcesOff {
		if off <= shufflesOff {
			out = append(out, sourceFinding(sources.names[k], sources.rows[k], o.said(s.ways[k], here, make([]float64, len(here))))...)
		}
	}
	if len(users.names) > 0 && s.usersOff <= shufflesOff {
		out = append(out, userFinding(users, o.said(s.way, here, make([]float64, len(here))), s.users))
	}
	return out
}

// turned is, of each source, the logarithm of how much likelier its labels are if a
// share of them is turned round, by the pattern that makes them likeliest.
func (o *odds) turned(g groups, from []int) (most []float64, ways []int) {
	if len(g.names) == 0 {
		return nil, nil
	}
	said := make([]float64, len(from))
	most, ways = make([]float64, len(g.names)), make([]int, len(g.names))
	for way := range o.ways() {
		for k, v := range g.turned(o.said(way, from, said)) {
			if v > most[k] {
				most[k], ways[k] = v, way
			}
		}
	}
	return most, ways
}

// pooled is the same of the users, some of whom turn all of their labels round by
// one pattern.
func (o *odds) pooled(g groups, from []int) (most float64, best int) {
	said := make([]float64, len(from))
	for way := 0; len(g.names) > 0 && way < o.ways(); way++ {
		if v := g.pooled(o.said(way, from, said)); v > most {
			most, best = v, way
		}
	}
	return most, best
}

// groups are the rows of each name.
type groups struct {
	names []string
	rows  [][]int
}

// grouped gathers rows by name; groups with fewer than least, and rows without a
// name, are left out, and so is a group that is nearly all there is.
func grouped(names []string, least int) groups {
	at := map[string]int{}
	var all groups
	for i, n := range names {
		if n == "" {
			continue
		}
		k, ok := at[n]
		if !ok {
			k = len(all.names)
			at[n], all.names, all.rows = k, append(all.names, n), append(all.rows, nil)
		}
		all.rows[k] = append(all.rows[k], i)
	}
	out := groups{}
	for k, rows := range all.rows {
		if len(rows) >= least && len(names)-len(rows) >= least {
			out.names, out.rows = append(out.names, all.names[k]), append(out.rows, rows)
		}
	}
	return out
}

// beside leaves out the groups that have their time nearly to themselves: what runs
// against earlier rows there may be the world, which changed.
func (g groups) beside() (out groups) {
	for k, rows := range g.rows {
		span := float64(rows[len(rows)-1] - rows[0] + 1)
		if span-float64(len(rows)) >= leastBeside*span {
			out.names, out.rows = append(out.names, g.names[k]), append(out.rows, rows)
		}
	}
	return out
}

// turnedShares are the shares of a source's labels that may be turned round.
var turnedShares = []float64{0.3, 0.6, 1}

// turned is, of each group, the logarithm of how much likelier its labels are if a
// share of them is turned round.
func (g groups) turned(said []float64) []float64 {
	out := make([]float64, len(g.names))
	for k, rows := range g.rows {
		sums, products := make([]float64, len(turnedShares)), slices.Repeat([]float64{1}, len(turnedShares))
		for n, i := range rows {
			odd := math.Expm1(said[i])
			for j, share := range turnedShares {
				if products[j] *= 1 + share*odd; n%16 == 15 { // One logarithm for sixteen rows.
					sums[j], products[j] = sums[j]+math.Log(products[j]), 1
				}
			}
		}
		for j := range sums {
			out[k] = math.Max(out[k], sums[j]+math.Log(products[j]))
		}
	}
	return out
}

// colluding are the shares of users that may turn all their labels round.
var colluding = []float64{0.01, 0.03, 0.06, 0.12, 0.25}

// sums are what the labels of each group say together.
func (g groups) sums(said []float64) []float64 {
	out := make([]float64, len(g.rows))
	for k, rows := range g.rows {
		for _, i := range rows {
			out[k] += said[i]
		}
	}
	return out
}

// pooled is the logarithm of how much likelier the labels are if some of the users
// turn theirs round, nobody knows which (a mixture, as in higher criticism).
func (g groups) pooled(said []float64) float64 {
	most, _ := mixture(g.sums(said))
	return most
}

func mixture(sums []float64) (most, share float64) {
	odd := make([]float64, len(sums))
	for u, l := range sums {
		odd[u] = math.Expm1(math.Min(l, 500))
	}
	for _, s := range colluding {
		sum := 0.0
		for _, x := range odd {
			sum += math.Log1p(s * x)
		}
		if sum > most {
			most, share = sum, s
		}
	}
	return most, share
}

// suspicion is what the labels say of sources and users, by which patterns, and how
// often labels that changed places say as much.
type suspicion struct {
	sources    []float64
	ways       []int
	users      float64
	way        int
	sourcesOff []int
	usersOff   int
}

// compare lets labels change places. The source that says most by chance is what
// each is held against, so that many sources make no finding. It ends as soon as
// nothing can be found any more.
func (s *suspicion) compare(o *odds, sources, users groups) {
	r := rand.New(rand.NewPCG(1, 0x63726f7764))
	from := make([]int, max(len(o.class), len(o.gap)))
	s.sourcesOff = make([]int, len(s.sources))
	for range shuffles {
		userOpen := len(users.names) > 0 && s.usersOff <= shufflesOff
		sourceOpen := slices.ContainsFunc(s.sourcesOff, func(off int) bool { return off <= shufflesOff })
		if !userOpen && !sourceOpen {
			return
		}
		o.shuffled(r, from)
		if userOpen {
			if v, _ := o.pooled(users, from); v >= s.users {
				s.usersOff++
			}
		}
		if !sourceOpen {
			continue
		}
		byChance, _ := o.turned(sources, from)
		for k, v := range s.sources {
			if slices.Max(byChance) >= v {
				s.sourcesOff[k]++
			}
		}
	}
}

// sourceFinding says what share of a source's labels looks turned round. Where it
// is surely more than half, they do more harm than good.
func sourceFinding(name string, rows []int, said []float64) []finding {
	sum, squares, best, share := 0.0, 0.0, 0.0, 0.0
	for _, i := range rows {
		sum, squares = sum+said[i], squares+said[i]*said[i]
	}
	for q := 0.05; q < 1.01; q += 0.05 {
		l := 0.0
		for _, i := range rows {
			l += math.Log1p(math.Min(q, 1-1e-9) * math.Expm1(said[i]))
		}
		if l > best {
			best, share = l, q
		}
	}
	if share < leastTurned {
		return nil
	}
	f := finding{rule: "source_labels", about: name, level: hone.Warns, value: share, limit: leastTurned, groups: []string{name},
		sentence: fmt.Sprintf("the %d labels of the source %s look as if %.0f %% of them were turned round.", len(rows), clip(name), 100*share)}
	if sum > against*math.Sqrt(squares) {
		f.level, f.limit = hone.Blocks, 0.5
		f.sentence = fmt.Sprintf("the %d labels of the source %s run against those of all others: they look turned round.", len(rows), clip(name))
	}
	return []finding{f}
}

// userFinding names the users of whom it is likelier than not that their labels
// are turned round.
func userFinding(users groups, said []float64, value float64) finding {
	sums := users.sums(said)
	_, share := mixture(sums)
	limit := math.Log((1 - share) / share)
	order := upTo(len(sums))
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(sums[b], sums[a]), strings.Compare(users.names[a], users.names[b]))
	})
	rows := 0
	f := finding{rule: "user_labels", level: hone.Warns, value: value, limit: math.Log(shuffles / (1 + shufflesOff))}
	var shown []string
	for _, u := range order {
		if sums[u] <= limit {
			break
		}
		f.groups, rows = append(f.groups, users.names[u]), rows+len(users.rows[u])
		if len(shown) < 3 {
			shown = append(shown, clip(users.names[u]))
		}
	}
	if len(shown) == 0 {
		f.sentence = fmt.Sprintf("labels of about %.0f %% of the users run against those of all others; of no one user is that clear.", 100*share)
		return f
	}
	f.about = f.groups[0]
	f.sentence = fmt.Sprintf("labels of some users run against those of all others: of %d users with %d rows likely so, such as %s.", len(f.groups), rows, strings.Join(shown, ", "))
	return f
}

func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}
