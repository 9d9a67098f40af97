package validate

import (
	"fmt"
	"hash/maphash"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"hone"
	"hone/internal/stat"
)

const (
	repeatedWarn  = 0.01
	repeatedBlock = 0.1
)

// duplicates finds rows that were brought twice: the same rows in the same order,
// or beside one another at the same moment. That single rows are alike says
// nothing where features have few values.
func duplicates(r Rows) []finding {
	if r.Frame.N < 2 {
		return nil
	}
	count := 0
	for _, is := range twice(r) {
		if is {
			count++
		}
	}
	share := float64(count) / float64(r.Frame.N)
	if share < repeatedWarn {
		return nil
	}
	f := finding{rule: "duplicates", level: hone.Warns, value: share, limit: repeatedWarn,
		sentence: fmt.Sprintf("%d rows, %s, were brought twice: they repeat others in the same order.", count, percent(share))}
	if share >= repeatedBlock {
		f.level, f.limit = hone.Blocks, repeatedBlock
	}
	return []finding{f}
}

// twice marks the rows that were brought again.
func twice(r Rows) []bool {
	keys, out := rowKeys(r), make([]bool, r.Frame.N)
	runs(keys, out)
	beside(keys, r.Times, out)
	return out
}

func rowKeys(r Rows) []uint64 {
	seed := maphash.MakeSeed()
	out := make([]uint64, r.Frame.N)
	for i, b := range r.Frame.EncodeRows() {
		var h maphash.Hash
		h.SetSeed(seed)
		h.Write(b)
		h.WriteByte(0)
		h.WriteString(r.Labels[i])
		out[i] = h.Sum64()
	}
	return out
}

// runs marks rows that stand in a run of rows that came before in the same order.
// A run is long enough when two rows that are alike by chance, again and again,
// would not make one in a million datasets.
func runs(keys []uint64, twice []bool) {
	alike := collisions(keys)
	if alike > 0.9 {
		return // Nearly all rows are alike: order says nothing.
	}
	n := float64(len(keys))
	length := 2 + int(2*math.Log(n*n*1e6)/-math.Log(math.Max(alike, 1/(n*n))))
	if length >= len(keys) {
		return
	}
	times := map[uint64]int{}
	sums := make([]uint64, len(keys))
	const base = 0x9E3779B97F4A7C15
	power, sum := uint64(1), uint64(0)
	for range length - 1 {
		power *= base
	}
	for i, k := range keys {
		if i >= length {
			sum -= keys[i-length] * power
		}
		sum = sum*base + k
		if sums[i] = sum; i >= length-1 {
			times[sum]++
		}
	}
	first := map[uint64]bool{}
	for i := length - 1; i < len(keys); i++ {
		if n := times[sums[i]]; first[sums[i]] && n <= uploads {
			for j := i - length + 1; j <= i; j++ {
				twice[j] = true
			}
		}
		first[sums[i]] = true
	}
}

// uploads is how often the same rows may have been brought to be noticed. What
// comes again more often goes round, as hours and weekdays do.
const uploads = 3

// collisions is the chance that two rows are alike.
func collisions(keys []uint64) float64 {
	count := map[uint64]float64{}
	for _, k := range keys {
		count[k]++
	}
	pairs := 0.0
	for _, c := range count {
		pairs += c * (c - 1)
	}
	n := float64(len(keys))
	return pairs / math.Max(1, n*(n-1))
}

// beside marks rows that equal the one before them, of the same moment, where
// more do than chance has it.
func beside(keys []uint64, times []time.Time, twice []bool) {
	var at []int
	same := 0
	for i := 1; i < len(keys); i++ {
		if !times[i].Equal(times[i-1]) {
			continue
		}
		if same++; keys[i] == keys[i-1] {
			at = append(at, i)
		}
	}
	alike := collisions(keys)
	expected := alike * float64(same)
	if float64(len(at)) < 2*expected+8*math.Sqrt(expected)+10 {
		return
	}
	for _, i := range at {
		twice[i] = true
	}
}

// labelRate holds the share of each class, or the mean of numbers, in the new rows
// against before, by a confidence sequence: however often it is looked at, it
// warns of no change in one model of a thousand.
func labelRate(m hone.Model, before *Schema, now Rows) []finding {
	const alpha, effect = 0.001, 0.1
	n := float64(now.Frame.N)
	if before == nil || before.Rows < minRows || n < minRows {
		return nil
	}
	shift := func(what string, was, sd float64, value func(string) float64, show func(float64) string) *finding {
		var all stat.Moments
		for _, l := range now.Labels {
			all.Add(value(l))
		}
		spread := math.Max(sd, math.Sqrt(all.Variance()))
		radius := boundary(spread*math.Sqrt(clumped(before)), n, alpha) + 3*sd*math.Sqrt(clumped(before)/float64(before.Rows))
		gap := math.Abs(all.Mean - was)
		if gap-radius <= 0 || gap < effect*sd {
			return nil
		}
		return &finding{rule: "label_rate", level: hone.Warns, value: all.Mean, limit: was + math.Copysign(math.Max(radius, effect*sd), all.Mean-was),
			sentence: fmt.Sprintf("%s is %s in the new rows; it was %s.", what, show(all.Mean), show(was))}
	}
	if m.Task == hone.Regression {
		if f := shift("the mean of "+m.Label.Name, before.Mean, before.SD, target, func(x float64) string { return fmt.Sprintf("%.4g", x) }); f != nil {
			return []finding{*f}
		}
		return nil
	}
	var worst *finding
	far := 0.0
	for _, c := range before.Labels {
		if m.Task == hone.Binary && c.Value != m.Label.Positive {
			continue
		}
		sd := math.Sqrt(c.Share * (1 - c.Share))
		f := shift(fmt.Sprintf("the share of the class %q", c.Value), c.Share, sd, func(l string) float64 {
			if l == c.Value {
				return 1
			}
			return 0
		}, percent)
		if f != nil && math.Abs(f.value-c.Share) > far {
			worst, far = f, math.Abs(f.value-c.Share)
		}
	}
	if worst == nil {
		return nil
	}
	return []finding{*worst}
}

// clumped is how much more labels vary between parts of the earlier rows than
// chance has it.
func clumped(s *Schema) float64 {
	if s.labels == nil || len(s.labels.Dispersion) == 0 {
		return 1
	}
	return math.Max(1, s.labels.Dispersion[0].Lambda)
}

// boundary is the radius of an asymptotic confidence sequence of a mean, narrowest
// about 1,000 rows (I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A.
// Ramdas, Annals of Statistics 52, 2024).
func boundary(sd, n, alpha float64) float64 {
	const best = 1000
	l := 2 * math.Log(1/alpha)
	rho2 := (l + math.Log(1+l)) / best
	return sd * math.Sqrt(2*(n*rho2+1)/(n*n*rho2)*math.Log(math.Sqrt(n*rho2+1)/alpha))
}

func target(l string) float64 {
	x, err := strconv.ParseFloat(l, 64)
	if err != nil {
		return 0
	}
	return x
}

// What the volume is judged by: the newest whole day, and where a day has few
// rows the newest seven.
const (
	leastPeriods = 3
	usualDays    = 28
	leastCount   = 100
	ratioLimit   = 1.5
)

// volume finds that labelled rows are a third fewer than before, or half more: on
// a day against the same weekdays, where these are known, or in a week, and beyond
// how much days and weeks differ.
func volume(days map[int64]int) []finding {
	if len(days) == 0 {
		return nil
	}
	last := slices.Max(slices.Collect(maps.Keys(days))) - 1
	first := slices.Min(slices.Collect(maps.Keys(days))) + 1
	for _, length := range []int64{1, 7} {
		now, like := periods(days, first, last, length)
		if len(like) < leastPeriods || middle(like) < leastCount {
			continue
		}
		usual := middle(like)
		var gaps []float64
		for _, n := range like {
			gaps = append(gaps, math.Abs(math.Log((n+1)/(usual+1))))
		}
		spread := math.Max(1.4826*middle(gaps), 1/math.Sqrt(usual+1))
		gap := math.Abs(math.Log((now + 1) / (usual + 1)))
		if gap < math.Log(ratioLimit) || gap < 4*spread {
			continue
		}
		what := map[int64]string{1: "day", 7: "week"}[length]
		return []finding{{rule: "volume", level: hone.Warns, value: now / usual, limit: ratioLimit,
			sentence: fmt.Sprintf("%.0f labelled rows are of the %s up to %s; %.0f are usual.", now, what, time.Unix(last*86400, 0).UTC().Format(time.DateOnly), usual)}}
	}
	return nil
}

// periods counts the rows of the newest period of so many days, and of those
// before that are like it: of a day the same weekdays, or all where these are few.
func periods(days map[int64]int, first, last, length int64) (now float64, like []float64) {
	sum := func(to int64) (n float64) {
		for d := to - length + 1; d <= to; d++ {
			n += float64(days[d])
		}
		return n
	}
	var weekdays, all []float64
	for to := last - length; to-length+1 >= max(first, last-usualDays-length); to -= length {
		all = append(all, sum(to))
		if (last-to)%7 == 0 {
			weekdays = append(weekdays, sum(to))
		}
	}
	if len(weekdays) >= leastPeriods {
		return sum(last), weekdays
	}
	if len(all) < 7 {
		return 0, nil
	}
	return sum(last), all
}

func middle(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}

// stale finds that no new rows come: the newest is older than the owner allows, or
// three times as old as is usual.
func stale(spec hone.ValidationSpec, age, usual time.Duration) []finding {
	const least = 48 * time.Hour
	limit, level := max(3*usual, least), hone.Warns
	switch {
	case spec.Freshness > 0:
		limit, level = time.Duration(spec.Freshness), hone.Blocks
	case usual < 0:
		return nil // A first version: history may be of any age.
	}
	if age <= limit {
		return nil
	}
	day := func(d time.Duration) string { return fmt.Sprintf("%.1f days", d.Hours()/24) }
	return []finding{{rule: "freshness", level: level, value: age.Hours() / 24, limit: limit.Hours() / 24,
		sentence: fmt.Sprintf("the newest labelled row is %s old; %s is the limit.", day(age), day(limit))}}
}
