package stat

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/mathext"
)

// Dispersion says how much more equal, consecutive chunks of the reference
// differ from each other than chunks of independent rows would.
type Dispersion struct {
	Chunks int     `json:"chunks"` // How many chunks the reference was cut into.
	Rows   int     `json:"rows"`   // Values in one chunk.
	Lambda float64 `json:"lambda"` // Mean of chi-squared over its degrees of freedom, at least 1.
	// Top are the factors by which the variance is larger in the directions in
	// which it is largest, falling. The other directions share what Lambda leaves
	// to them. It is empty where all directions are alike.
	Top []float64 `json:"top,omitempty"`
	// Directions is the number of all of them; 0 in references of older versions.
	Directions int `json:"directions,omitempty"`
	// Free is how many of the chunks are free to differ, where they are compared with
	// the same hours of the week; else it is 0, and all but one are.
	Free float64 `json:"free,omitempty"`
}

const (
	minChunkRows = 50 // Fewer values than this in a chunk say nothing.
	minChunks    = 10
	maxChunks    = 1280 // More chunks say nothing new.
	knownChunks  = 80   // From so many on, the variance in each direction is known well.
	topFactors   = 12
	maxCells     = 64 // More bins than this are too many to know how they move together.
	// leastExpected keeps a cell that hardly ever is filled in some hours from
	// counting for more than it is.
	leastExpected = 0.5
)

// dispersion cuts the reference into 10, 20, 40 … equal chunks and measures for
// each cut how far chunks differ from the rest of the reference; where hours are
// given, one for each value, from what the rest has in the same hours.
func (s *Profiler) dispersion(at []int32, bins int, hours []int) []Dispersion {
	chunks := minChunks
	for chunks*2*minChunkRows <= len(at) && chunks < maxChunks {
		chunks *= 2
	}
	if chunks*minChunkRows > len(at) {
		return nil
	}
	n, hour := 1, func(int) int { return 0 }
	if hours != nil {
		n, hour = slices.Max(hours)+1, func(i int) int { return hours[i] }
	}
	table, whole := s.table(chunks, bins, n), newChunk(bins, n)
	byHour := make([][]int, n)
	for h := range byHour {
		byHour[h] = make([]int, bins)
	}
	for i, b := range at {
		h := hour(i)
		table[i*chunks/len(at)].add(int(b), h)
		whole.add(int(b), h)
		byHour[h][b]++
	}
	for i := range table {
		table[i].expect(byHour, whole.hours)
	}
	var out []Dispersion
	for {
		if d, ok := spectrum(table, whole); ok {
			out = append(out, d)
		}
		if len(table) == minChunks {
			slices.Reverse(out)
			return out
		}
		for i := range len(table) / 2 {
			table[2*i].merge(table[2*i+1])
			table[i] = table[2*i]
		}
		table = table[:len(table)/2]
	}
}

// table has an empty chunk of bins and hours for each stretch.
func (s *Profiler) table(chunks, bins, hours int) []chunk {
	wide := bins + hours
	s.cells = slices.Grow(s.cells[:0], chunks*wide)[:chunks*wide]
	s.shares = slices.Grow(s.shares[:0], chunks*bins)[:chunks*bins]
	s.chunks = slices.Grow(s.chunks[:0], chunks)[:chunks]
	clear(s.cells)
	clear(s.shares)
	for i := range s.chunks {
		c := s.cells[i*wide : (i+1)*wide]
		s.chunks[i] = chunk{bins: c[:bins], hours: c[bins:], expected: s.shares[i*bins : (i+1)*bins]}
	}
	return s.chunks
}

// chunk is a stretch of the reference: its values in each bin, what their hours let
// expect there, and how many there are of each hour.
type chunk struct {
	bins     []int
	expected []float64
	hours    []int
}

func newChunk(bins, hours int) chunk {
	return chunk{bins: make([]int, bins), expected: make([]float64, bins), hours: make([]int, hours)}
}

func (c *chunk) add(bin, hour int) {
	c.bins[bin]++
	c.hours[hour]++
}

// expect takes what the reference has of each bin in each hour, and of each hour.
func (c *chunk) expect(byHour [][]int, hours []int) {
	for h, n := range c.hours {
		if n == 0 {
			continue
		}
		for b, m := range byHour[h] {
			c.expected[b] += float64(n) * float64(m) / float64(hours[h])
		}
	}
}

func (c *chunk) merge(o chunk) {
	for b, n := range o.bins {
		c.bins[b] += n
		c.expected[b] += o.expected[b]
	}
	for h, n := range o.hours {
		c.hours[h] += n
	}
}

// part is how much of what it is compared with is the chunk itself: the chunk is
// that much nearer to it.
func (c *chunk) part(whole []int) float64 {
	part := 0.0
	for h, n := range c.hours {
		if n > 0 {
			part += float64(n) * float64(n) / float64(whole[h])
		}
	}
	return part / float64(total(c.hours))
}

// spectrum measures how chunks differ from the whole, in units of what chance
// would do to independent rows: on average, and in each direction. Directions are
// shrunk towards their mean as far as so few chunks demand. Source: Y. Chen, A.
// Wiesel, Y. Eldar, A. Hero, IEEE Trans. Signal Process. 58 (2010), equation 23.
func spectrum(table []chunk, whole chunk) (Dispersion, bool) {
	d := Dispersion{Chunks: len(table), Rows: total(whole.bins) / len(table)}
	of, cells := commonCells(whole.bins, d.Rows)
	if cells < 2 {
		return d, false
	}
	s := mat.NewSymDense(cells, nil)
	u := mat.NewVecDense(cells, nil)
	expected, free := make([]float64, cells), 0.0
	for _, c := range table {
		clear(expected)
		u.Zero()
		for b, n := range c.bins {
			expected[of[b]] += c.expected[b]
			u.SetVec(of[b], u.AtVec(of[b])+float64(n))
		}
		left := 1 - c.part(whole.hours)
		free += left
		for i, e := range expected {
			z := 0.0
			if left > 0 { // Else these hours are of this chunk alone.
				z = (u.AtVec(i) - e) / math.Sqrt(max(e, leastExpected)*left)
			}
			u.SetVec(i, z)
		}
		s.SymRankOne(s, 1/float64(len(table)), u)
	}
	if len(whole.hours) > 1 {
		if d.Free = free; free < 2 { // There is hardly another week.
			return d, false
		}
	}
	var e mat.EigenSym
	if !e.Factorize(s, false) {
		return d, false
	}
	d.shrink(e.Values(nil)[1:]) // The shares sum to one: the first is nothing.
	return d, true
}

// shrink takes the variances in all directions, rising.
func (d *Dispersion) shrink(values []float64) {
	p, sum, squares := float64(len(values)), 0.0, 0.0
	for _, v := range values {
		sum, squares = sum+v, squares+v*v
	}
	toMean := 1.0
	if excess := squares - sum*sum/p; excess > 0 {
		toMean = min(1, ((1-2/p)*squares+sum*sum)/((float64(d.Chunks)-2/p)*excess))
	}
	d.Directions, sum = len(values), 0
	all := make([]float64, len(values))
	for i, v := range values {
		all[len(all)-1-i] = max(1, v+toMean*(mean(values)-v))
	}
	d.Lambda = mean(all)
	if toMean < 1 && all[0] > 1 {
		d.Top = all[:min(len(all), topFactors)]
	}
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// commonCells gives each bin a cell so that each cell expects at least one of so
// many rows: rare bins share one, and there are at most 64.
func commonCells(whole []int, rows int) (of []int, cells int) {
	n := total(whole)
	order := make([]int, len(whole))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return whole[b] - whole[a] })
	of = make([]int, len(whole))
	rest := 0
	for _, b := range order {
		if whole[b]*rows >= n && cells < maxCells-1 {
			of[b] = cells
			cells++
			continue
		}
		of[b] = -1
		rest += whole[b]
	}
	last := cells
	if rest*rows >= n {
		cells++
	} else if cells > 0 {
		last = cells - 1
	}
	for b := range of {
		if of[b] < 0 {
			of[b] = last
		}
	}
	return of, cells
}

// factors are the variances in the given number of directions, the largest first.
// Fewer directions than were measured can have no more variance than the largest
// of these; more are taken to be like the mean.
func (d Dispersion) factors(directions int) []float64 {
	rest := d.Lambda
	if left := d.Directions - len(d.Top); left > 0 {
		rest = (d.Lambda*float64(d.Directions) - sum(d.Top)) / float64(left)
	}
	out := make([]float64, directions)
	for i := range out {
		switch {
		case i < len(d.Top):
			out[i] = d.Top[i]
		case i < d.Directions:
			out[i] = max(1, rest)
		default:
			out[i] = d.Lambda
		}
	}
	return out
}

func sum(values []float64) (s float64) {
	for _, v := range values {
		s += v
	}
	return s
}

// Largest is the factor by which the variance of a share is larger than that of
// independent rows, where it is largest: so many rows say as much as one.
func (d Dispersion) Largest() float64 {
	if len(d.Top) > 0 {
		return d.Top[0]
	}
	return d.Lambda
}

// Inflation is how many rows of a window of so many say as much as one that is
// independent of the others; 1 where the reference does not tell.
func (p *Profile) Inflation(rows int) float64 {
	cuts := p.Dispersion
	if p.Season != nil {
		cuts = p.Season.Dispersion
	}
	d, ok := suited(cuts, rows, len(p.Ref)-1)
	if !ok {
		return 1
	}
	return d.Largest()
}

// free is how many chunks are free to differ.
func (d Dispersion) free() float64 {
	if d.Free > 0 {
		return d.Free
	}
	return float64(d.Chunks - 1)
}

// known is how many degrees of freedom the chunks give to the estimate.
func (d Dispersion) known(directions int) float64 {
	if d.Directions == 0 { // Only the mean is known.
		return d.free() * max(1, float64(directions)/d.Lambda)
	}
	alike := d.Lambda / d.Largest()
	return d.free() * max(1, float64(min(directions, d.Directions))*alike*alike)
}

// differs tells whether two cuts show another dispersion than chance explains. Where
// d, of the fewer chunks, is the calmer one, chance is what it would be if its
// directions differed as those of o do: a few chunks that happen to be alike look
// alike in all directions, and would seem to be sure of it.
func (d Dispersion) differs(o Dispersion) bool {
	const surely = 2.58
	of := d
	if d.Lambda < o.Lambda && o.Directions > 0 {
		of = o
		of.Chunks, of.Free = d.Chunks, d.Free
	}
	spread := 2/of.known(d.Directions) + 2/o.known(o.Directions)
	return math.Abs(math.Log(d.Lambda/o.Lambda)) > surely*math.Sqrt(spread)
}

// suited picks the dispersion to correct a window of m values by. Chunks as long
// as the window are like it in all: but where they are few, shorter ones, of which
// there are enough, tell more, unless they show another dispersion.
func suited(cuts []Dispersion, m, dof int) (Dispersion, bool) {
	if len(cuts) == 0 {
		return Dispersion{}, false
	}
	like, many := cuts[0], cuts[0]
	for _, d := range cuts[1:] {
		if d.Rows >= m {
			like = d
		}
		if many.Chunks < knownChunks {
			many = d
		}
	}
	if like.Directions == 0 { // Of an older version.
		return olderSuited(cuts, m, dof), true
	}
	if like.Chunks >= many.Chunks || like.differs(many) {
		return like, true
	}
	return many, true
}

// olderSuited is the choice among cuts of which only the mean is known: that of
// the shortest chunks no shorter than the window, or shorter ones until there are
// enough of them.
func olderSuited(cuts []Dispersion, m, dof int) Dispersion {
	const enough = 72
	out := cuts[0]
	for _, d := range cuts[1:] {
		if d.Rows >= m || (out.Chunks-1)*dof < enough {
			out = d
		}
	}
	return out
}

// correct sets the p-value of the bins to what the dispersion of the reference
// makes of it. Bins are merged further where rows follow each other closely, so
// that each expects five rows' worth of what independent rows would say.
func (r *Comparison) correct(p *Profile, ref, cur []int) {
	r.P = r.PRaw
	d, ok := suited(p.Dispersion, total(cur), r.DOF)
	if !ok {
		return
	}
	stat, dof := r.Stat, r.DOF
	if r.Lambda = d.Largest(); r.Lambda > 1.5 && d.Directions > 0 {
		if stat, dof = chiSquared(ref, cur, p.Kind == kindQuantiles, 5*r.Lambda); dof == 0 {
			r.P, r.Note = 1, "the rows follow each other too closely to judge so few"
			return
		}
	}
	r.P = dispersedTail(stat, dof, d)
}

// correctShares does the same for the share of missing values. Gaps that come in
// bursts are few independent ones: their number then is skewed, so that the exact
// test of two counts is asked too, and the more careful answer counts.
func (r *Comparison) correctShares(p *Profile, stat float64, before, missing, n, m int) {
	r.MissingP = r.MissingPRaw
	d, ok := suited(p.MissingDispersion, m, 1)
	if !ok {
		return
	}
	r.MissingP = dispersedTail(stat, 1, d)
	if d.Lambda > 1.5 {
		all, now := float64(before+missing)/d.Lambda, float64(missing)/d.Lambda
		share := float64(m) / float64(n+m)
		more, fewer := 1.0, 1.0
		if now > 0 {
			more = mathext.RegIncBeta(now, all-now+1, share)
		}
		if all > now {
			fewer = mathext.RegIncBeta(all-now, now+1, 1-share)
		}
		r.MissingP = max(r.MissingP, min(1, 2*min(more, fewer)))
	}
}

// dispersedTail is the p-value of chi-squared when the variance in each direction
// is larger by a factor that was itself estimated from so many chunks. Where the
// factors are alike that is an F test.
func dispersedTail(stat float64, dof int, d Dispersion) float64 {
	known := d.known(dof)
	if len(d.Top) == 0 {
		f := stat / float64(dof) / d.careful(d.Lambda)
		return mathext.RegIncBeta(known/2, float64(dof)/2, known/(known+float64(dof)*f))
	}
	factors := d.factors(dof)
	for i, f := range factors {
		factors[i] = d.careful(f)
	}
	return sumTail(factors, stat, known)
}

// careful takes what a factor is over that of independent rows two standard errors
// larger: among many features, those alarm whose factor came out too small.
func (d Dispersion) careful(factor float64) float64 {
	if d.Directions == 0 {
		return factor
	}
	return factor + 2*(factor-1)*math.Sqrt(2/d.free())
}

// sumTail is the chance that Σ f·χ²₁ exceeds x·χ²_k/k, by the saddlepoint of the
// difference. Source: R. Lugannani and S. Rice, Adv. Appl. Probab. 12 (1980).
func sumTail(factors []float64, x, k float64) float64 {
	if x <= 0 {
		return 1
	}
	// slope and bend are the first and second derivatives of the cumulant function.
	slope := func(s float64) (slope, bend float64) {
		for _, f := range factors {
			r := f / (1 - 2*s*f)
			slope, bend = slope+r, bend+2*r*r
		}
		r := x / (1 + 2*s*x/k)
		return slope - r, bend + 2*r*r/k
	}
	low, high := -k/(2*x), 1/(2*factors[0])
	s := 0.0
	for range 200 {
		at, bend := slope(s)
		if at > 0 {
			high = s
		} else {
			low = s
		}
		next := s - at/bend
		if !(next > low && next < high) {
			next = (low + high) / 2
		}
		if math.Abs(next-s) <= 1e-12*(high-low) || next == s {
			break
		}
		s = next
	}
	cumulant := -k / 2 * math.Log1p(2*s*x/k)
	for _, f := range factors {
		cumulant -= math.Log1p(-2*s*f) / 2
	}
	w := math.Copysign(math.Sqrt(max(0, -2*cumulant)), s)
	_, bend := slope(s)
	v := s * math.Sqrt(bend)
	if math.Abs(w) < 1e-3 { // At the mean both are nothing, and one half is near enough.
		return 0.5
	}
	p := math.Erfc(w/math.Sqrt2)/2 + math.Exp(-w*w/2)/math.Sqrt(2*math.Pi)*(1/v-1/w)
	return min(1, max(0, p))
}
