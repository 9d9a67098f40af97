package stat_test

import (
	"encoding/json"
	"math"
	mathrand "math/rand"
	"math/rand/v2"
	"reflect"
	"strconv"
	"testing"
	"testing/quick"

	"hone/internal/stat"
)

// sample draws numbers with ties, gaps and values beyond the reference.
func sample(r *rand.Rand, n, distinct int) []float64 {
	out := make([]float64, n)
	for i := range out {
		switch x := r.NormFloat64(); {
		case r.IntN(20) == 0:
			out[i] = math.NaN()
		case distinct > 0:
			out[i] = math.Round(x * float64(distinct) / 4)
		default:
			out[i] = x
		}
	}
	return out
}

func reread[T any](t *testing.T, in *T, out *T) *T {
	t.Helper()
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestMergeIsExact(t *testing.T) {
	t.Parallel()
	// However a window is cut, stored and merged, nothing differs from one counter.
	property := func(seed uint64, shards uint8, few, named bool) bool {
		r := rand.New(rand.NewPCG(seed, 2))
		distinct := 0
		if few {
			distinct = 10
		}
		ref, cur := sample(r, 700, distinct), sample(r, 300, distinct)
		name := func(x float64) string {
			if math.IsNaN(x) {
				return ""
			}
			return strconv.Itoa(int(x * 3))
		}
		p := stat.NewNumeric(ref)
		if named {
			var names []string
			for _, x := range ref {
				names = append(names, name(x))
			}
			p = stat.NewNames(names)
		}
		add := func(c *stat.Counts, x float64) {
			if named {
				c.AddName(name(x))
				return
			}
			c.AddNumber(x)
		}
		whole := p.Window()
		parts := make([]*stat.Counts, 1+int(shards%7))
		for i := range parts {
			parts[i] = p.Window()
		}
		for _, x := range cur {
			add(whole, x)
			add(parts[r.IntN(len(parts))], x)
		}
		var merged stat.Counts
		for _, i := range r.Perm(len(parts)) {
			if err := merged.Merge(reread(t, parts[i], &stat.Counts{})); err != nil {
				t.Error(err)
			}
		}
		again := reread(t, p, &stat.Profile{})
		return reflect.DeepEqual(again, p) &&
			reflect.DeepEqual(merged.Bins, whole.Bins) && merged.Missing == whole.Missing &&
			merged.N()+merged.Missing == len(cur) &&
			again.Compare(&merged) == p.Compare(whole)
	}
	if err := quick.Check(property, &quick.Config{MaxCount: 150, Rand: mathrand.New(mathrand.NewSource(1))}); err != nil {
		t.Error(err)
	}
}

func TestCountOnAfterReading(t *testing.T) {
	t.Parallel()
	p := stat.NewNumeric([]float64{1, 1, 1, 1, 1, 2, 2, 2, 2, 2})
	c := p.Window()
	c.AddNumber(1)
	stored := reread(t, c, &stat.Counts{})
	c = p.Window()
	if err := c.Merge(stored); err != nil {
		t.Fatal(err)
	}
	c.AddNumber(2)
	c.AddNumber(7)
	want := []stat.Bin{{Label: "1", Ref: 5, Cur: 1}, {Label: "2", Ref: 5, Cur: 1}, {Label: "other", Ref: 0, Cur: 1}}
	if got := p.Bins(c); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestOtherBins(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	a, b := stat.NewNumeric(sample(r, 500, 0)), stat.NewNumeric(sample(r, 500, 0))
	c := a.Window()
	c.AddNumber(0)
	before := c.N()
	d := b.Window()
	d.AddNumber(1)
	if err := c.Merge(d); err == nil || c.N() != before {
		t.Errorf("merged counts of different bins: %v, %d values", err, c.N())
	}
	if got := b.Compare(c); got.Note == "" || got.P != 1 || got.Severity != "none" {
		t.Errorf("compared counts of different bins: %+v", got)
	}
	if got := b.Compare(nil); got.Note == "" {
		t.Errorf("compared no counts: %+v", got)
	}
}

func TestWrongKindIsMissing(t *testing.T) {
	t.Parallel()
	c := stat.NewNumeric([]float64{1, 2, 3}).Window()
	c.AddName("2")
	c.AddNumber(math.Inf(-1))
	d := stat.NewNames([]string{"a", "b"}).Window()
	d.AddNumber(2)
	d.AddName("")
	if c.Missing != 2 || d.Missing != 2 || c.N()+d.N() != 0 {
		t.Errorf("got %+v and %+v", c, d)
	}
}

func TestEdgesOfProfiles(t *testing.T) {
	t.Parallel()
	empty := stat.NewNumeric(nil)
	if got := empty.Compare(empty.Window()); got.Note == "" || got.P != 1 || got.MissingP != 1 {
		t.Errorf("nothing against nothing: %+v", got)
	}
	gone := stat.NewNumeric([]float64{math.NaN(), math.Inf(1)})
	if gone.Missing != 2 || gone.Compare(gone.Window()).Note == "" {
		t.Errorf("all missing: %+v", gone)
	}
	// The widest numbers there are must survive JSON, which has no infinity.
	var wide []float64
	for i := range 100 {
		wide = append(wide, math.MaxFloat64*(float64(i)/49.5-1))
	}
	p := stat.NewNumeric(wide)
	c := reread(t, p, &stat.Profile{}).Window()
	for _, x := range wide {
		c.AddNumber(x)
	}
	if got := p.Compare(c); got.PRaw < 0.999 || got.Outside != 0 || !(p.SD > 0) {
		t.Errorf("widest numbers against themselves: %+v, sd %v", got, p.SD)
	}
	s := stat.NewNumeric([]float64{4, 1, 3, math.NaN(), 2, 10})
	if s.Mean != 4 || s.Median != 3 || s.Min != 1 || s.Max != 10 || math.Abs(s.SD-math.Sqrt(12.5)) > 1e-12 {
		t.Errorf("summary: %+v", s)
	}
	// A long tail in other order than it came has the same bins.
	a, b := stat.NewNames([]string{"x", "y", "x", "y"}), stat.NewNames([]string{"y", "x", "y", "x"})
	if !reflect.DeepEqual(a, b) {
		t.Errorf("order matters: %+v, %+v", a, b)
	}
}

func TestAddDoesNotAllocate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	num := stat.NewNumeric(sample(r, 1000, 0)).Window()
	name := stat.NewNames([]string{"a", "a", "a", "a", "a"}).Window()
	got := testing.AllocsPerRun(100, func() {
		num.AddNumber(0.3)
		name.AddName("b")
	})
	if got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkAddNumber(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	c := stat.NewNumeric(sample(r, 10000, 0)).Window()
	values := sample(r, 4096, 0)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		c.AddNumber(values[i&4095])
		i++
	}
}

func BenchmarkAddName(b *testing.B) {
	names := make([]string, 4096)
	for i := range names {
		names[i] = "category " + strconv.Itoa(i%50)
	}
	c := stat.NewNames(names).Window()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		c.AddName(names[i&4095])
		i++
	}
}
