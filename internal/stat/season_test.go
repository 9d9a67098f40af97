package stat_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"hone/internal/stat"
)

// weeks are rows of so many weeks, each hour's about its own level, with their
// hours of the week.
func weeks(seed uint64, n, perHour int, rho, swing float64) (values []float64, hours []int) {
	r := rand.New(rand.NewPCG(seed, 5))
	x := r.NormFloat64()
	for i := range n * stat.WeekHours {
		h := i % stat.WeekHours
		for range perHour + h%7 {
			x = rho*x + math.Sqrt(1-rho*rho)*r.NormFloat64()
			values, hours = append(values, x+swing*math.Sin(2*math.Pi*float64(h)/24)), append(hours, h)
		}
	}
	return values, hours
}

func mixOf(hours map[int]int) []int {
	out := make([]int, stat.WeekHours)
	for h, n := range hours {
		out[h] = n
	}
	return out
}

// What the hours of the week explain is no dispersion; what they do not, is.
func TestSeasonDispersion(t *testing.T) {
	t.Parallel()
	f := func(rho, low, high float64) {
		t.Helper()
		values, hours := weeks(31, 4, 40, rho, 1)
		p := stat.NewNumeric(values)
		p.NumbersByHour(values, hours)
		if p.Season == nil {
			t.Fatalf("rho %v: no season", rho)
		}
		most := 0.0
		for _, d := range p.Dispersion {
			most = max(most, d.Largest())
		}
		if most < 10 {
			t.Errorf("rho %v: a swing of two deviations is no dispersion: %v", rho, most)
		}
		for _, d := range p.Season.Dispersion {
			if d.Chunks >= 80 && (d.Largest() < low || d.Largest() > high) {
				t.Errorf("rho %v: %d chunks of %d differ by %.2f from their hours, want %v to %v", rho, d.Chunks, d.Rows, d.Largest(), low, high)
			}
			if d.Free <= 0.6*float64(d.Chunks) || d.Free >= float64(d.Chunks) {
				t.Errorf("%v of %d chunks are free to differ", d.Free, d.Chunks)
			}
		}
	}
	f(0, 1, 1.3)
	f(0.5, 1.6, 3.8) // (1+ρ)/(1−ρ) is 3 in the direction of the mean, before it is shrunk.
	values, hours := weeks(32, 4, 40, 0.5, 0)
	p := stat.NewNumeric(values)
	p.NumbersByHour(values, hours)
	if p.Season != nil {
		t.Error("a stream without a rhythm has a season")
	}
}

// A profile like some hours has what the reference has in these, in the mix asked
// for, and says how many rows that is worth.
func TestLike(t *testing.T) {
	t.Parallel()
	values, hours := weeks(33, 4, 40, 0, 1)
	for i := range values {
		if hours[i] == 8 && i%3 == 0 {
			values[i] = math.NaN()
		}
	}
	p := stat.NewNumeric(values)
	p.NumbersByHour(values, hours)
	in := func(hour int) (c *stat.Counts) {
		c = p.Window()
		for i, x := range values {
			if hours[i] == hour {
				c.AddNumber(x)
			}
		}
		return c
	}
	one, rows, ok := p.Like(mixOf(map[int]int{8: 17}))
	want := in(8)
	if !ok || rows != 4*41 || one.Missing != want.Missing {
		t.Fatalf("like hour 8: %d rows, %d missing, want %d and %d", rows, one.Missing, 4*41, want.Missing)
	}
	if got := one.Compare(want); got.Stat > 0.5 || got.P < 0.99 || got.MissingP < 0.99 || math.Abs(got.ExcessPSI) > 0.2 {
		t.Errorf("the rows of hour 8 against themselves: %+v", got)
	}
	if got := p.Compare(want); got.PRaw > 1e-6 {
		t.Errorf("hour 8 is like the whole: p %v", got.PRaw)
	}
	// Two hours: what they are worth is less than both have, unless mixed as they are.
	if _, rows, _ := p.Like(mixOf(map[int]int{8: 41, 9: 42})); rows != 4*83 {
		t.Errorf("mixed as the reference has them two hours are worth %d rows, want %d", rows, 4*83)
	}
	if _, rows, _ := p.Like(mixOf(map[int]int{8: 300, 9: 100})); rows < 4*41 || rows > 4*70 {
		t.Errorf("three to one, two hours are worth %d rows", rows)
	}
	all := make([]int, stat.WeekHours)
	for _, h := range hours {
		all[h]++
	}
	like, rows, _ := p.Like(all)
	for i, n := range like.Ref {
		if math.Abs(float64(n-p.Ref[i])) > 1 || rows != len(values) {
			t.Fatalf("like all of its own hours it has %v, want %v; worth %d of %d", like.Ref, p.Ref, rows, len(values))
		}
	}
	// Hours of which nothing is known, and a profile without a season.
	some := stat.NewNumeric(values[:200*40])
	some.NumbersByHour(values[:2000], hours[:2000])
	if same, _, ok := some.Like(mixOf(map[int]int{160: 5})); ok || same != some {
		t.Error("hours without a row have a profile")
	}
	if same, _, ok := p.Whole().Like(mixOf(map[int]int{8: 5})); ok || same.Season != nil {
		t.Error("the whole has a season")
	}
}

// A reference that has rows of a few hours only, or hardly any, has the season of
// these, or none.
func TestFewHours(t *testing.T) {
	t.Parallel()
	f := func(n int, of ...int) (p *stat.Profile) {
		t.Helper()
		r := rand.New(rand.NewPCG(35, 1))
		values, hours := make([]float64, n), make([]int, n)
		for i := range values {
			hours[i] = of[i/20%len(of)]
			values[i] = r.NormFloat64() + float64(hours[i]%2)
		}
		p = stat.NewNumeric(values)
		p.NumbersByHour(values, hours)
		return p
	}
	if p := f(4000, 90, 91, 140); p.Season == nil {
		t.Error("three hours of which one is unlike the others have no season")
	} else if _, rows, ok := p.Like(mixOf(map[int]int{91: 10})); !ok || rows < 1300 {
		t.Errorf("hour 91 is worth %d rows", rows)
	}
	for _, p := range []*stat.Profile{f(4000, 90, 92), f(4000, 91), f(0, 1), f(1, 1), f(60, 90, 91)} {
		if p.Season != nil {
			t.Errorf("there is a season of %d rows", len(p.Ref))
		}
	}
}

// Names have a season too, the rarest of many in one group.
func TestNamesByHour(t *testing.T) {
	t.Parallel()
	numbers, hours := weeks(34, 4, 40, 0, 1)
	names := make([]string, len(numbers))
	for i, x := range numbers {
		if i%17 > 0 {
			names[i] = "k" + strconv.Itoa(int(40*math.Abs(x)))
		}
	}
	p := stat.NewNames(names)
	p.NamesByHour(names, hours)
	if p.Season == nil || len(p.Names) < 70 {
		t.Fatalf("%d names, season %v", len(p.Names), p.Season != nil)
	}
	c := p.Window()
	for i, s := range names {
		if hours[i] == 5 {
			c.AddName(s)
		}
	}
	like, rows, ok := p.Like(mixOf(map[int]int{5: 100}))
	sum := like.Missing
	for _, n := range like.Ref {
		sum += n
	}
	if !ok || sum < rows-1 || sum > rows+1 || rows != c.N()+c.Missing {
		t.Fatalf("%d rows, %d counted, want %d", rows, sum, c.N()+c.Missing)
	}
	if got := like.Compare(c); got.P < 0.01 {
		t.Errorf("hour 5 is unlike hour 5: p %v", got.P)
	}
	if slices.Min(like.Ref) < 0 {
		t.Errorf("less than nothing: %v", like.Ref)
	}
}
