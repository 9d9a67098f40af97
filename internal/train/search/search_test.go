package search_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"hone/internal/train/search"
)

var space = search.Space{
	{Name: "rate", From: 1e-3, To: 1, Log: true},
	{Name: "leaves", From: 4, To: 256, Log: true, Whole: true},
	{Name: "l2", From: 0, To: 10},
	{Name: "kind", Choices: []any{"a", "b", "c", true}},
}

// loss is least at 0.05, 40, 2 and b.
func loss(v search.Values) float64 {
	x := math.Pow(math.Log(v["rate"].(float64)/0.05), 2) + math.Pow(math.Log(v["leaves"].(float64)/40), 2) + math.Pow(v["l2"].(float64)-2, 2)/4
	if v["kind"] != "b" {
		x += 2
	}
	return x
}

// best is the least loss of n trials.
func best(n int, seed uint64, next func([]search.Trial, *rand.Rand) search.Values) float64 {
	r := rand.New(rand.NewPCG(seed, 1))
	var past []search.Trial
	least := math.Inf(1)
	for range n {
		v := next(past, r)
		past = append(past, search.Trial{Values: v, Loss: loss(v)})
		least = min(least, loss(v))
	}
	return least
}

// After sixty trials the loss that was found is, in the middle of a hundred searches,
// a third of what chance finds, and smaller in nine of ten.
func TestSuggestBeatsChance(t *testing.T) {
	t.Parallel()
	var ours, chance []float64
	wins := 0
	for seed := range uint64(100) {
		a := best(60, seed, space.Suggest)
		b := best(60, seed, func(_ []search.Trial, r *rand.Rand) search.Values { return space.Random(r) })
		if ours, chance = append(ours, a), append(chance, b); a < b {
			wins++
		}
	}
	slices.Sort(ours)
	slices.Sort(chance)
	if !(ours[50] < chance[50]/3) || wins < 85 {
		t.Errorf("loss %.3f, by chance %.3f; better in %d of 100", ours[50], chance[50], wins)
	}
}

func TestValuesStayInside(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 2))
	var past []search.Trial
	seen := map[any]bool{}
	for i := range 300 {
		v := space.Suggest(past, r)
		rate, leaves, l2 := v["rate"].(float64), v["leaves"].(float64), v["l2"].(float64)
		if !(rate >= 1e-3 && rate <= 1) || !(l2 >= 0 && l2 <= 10) || !(leaves >= 4 && leaves <= 256) || leaves != math.Trunc(leaves) || len(v) != 4 {
			t.Fatalf("trial %d: %v", i, v)
		}
		seen[v["kind"]] = true
		x := loss(v)
		switch i % 7 {
		case 0:
			x = math.NaN()
		case 1:
			x = math.Inf(1)
		}
		past = append(past, search.Trial{Values: v, Loss: x})
	}
	if len(seen) != 4 {
		t.Errorf("chosen were only %v", seen)
	}
}

// Whole numbers are drawn alike, also the first and the last.
func TestWholeNumbersAreAlike(t *testing.T) {
	t.Parallel()
	s := search.Space{{Name: "n", From: 1, To: 4, Whole: true}}
	r := rand.New(rand.NewPCG(3, 3))
	count := map[any]int{}
	for range 40_000 {
		count[s.Random(r)["n"]]++
	}
	for n := 1.0; n <= 4; n++ {
		if math.Abs(float64(count[n])-10_000) > 400 {
			t.Errorf("%v came %d times of 40,000", n, count[n])
		}
	}
}

func TestEnds(t *testing.T) {
	t.Parallel()
	f := func(p search.Param, want ...any) {
		t.Helper()
		if got := p.Ends(); !slices.Equal(got, want) {
			t.Errorf("%+v: got %v, want %v", p, got, want)
		}
	}
	f(search.Param{From: 0, To: 10}, 0.0, 10.0, 6.18)
	f(search.Param{From: 1, To: 100, Log: true, Whole: true}, 1.0, 100.0, 13.0)
	f(search.Param{From: 0.5, To: 3.5, Whole: true}, 1.0, 3.0, 2.0)
	f(search.Param{Choices: []any{"a", true}}, "a", true)
}

func TestTheSeedDecides(t *testing.T) {
	t.Parallel()
	run := func() (all []search.Values) {
		best(30, 9, func(past []search.Trial, r *rand.Rand) search.Values {
			v := space.Suggest(past, r)
			all = append(all, v)
			return v
		})
		return all
	}
	if a, b := run(), run(); !reflect.DeepEqual(a, b) {
		t.Error("the same seed chose other values")
	}
}

// Values of an earlier search, whose space was another one, do no harm.
func TestForeignTrials(t *testing.T) {
	t.Parallel()
	past := make([]search.Trial, 50)
	for i := range past {
		past[i] = search.Trial{Values: search.Values{"rate": 7.0, "leaves": "many", "kind": "z"}, Loss: float64(i)}
	}
	if v := space.Suggest(past, rand.New(rand.NewPCG(1, 1))); len(v) != 4 || !(v["rate"].(float64) <= 1) {
		t.Errorf("got %v", v)
	}
}

func TestHalving(t *testing.T) {
	t.Parallel()
	rounds := func(least, most, keep int, want ...int) {
		t.Helper()
		if got := (search.Halving{Least: least, Most: most, Keep: keep}).Rounds(); !slices.Equal(got, want) {
			t.Errorf("%d to %d by %d: got %v, want %v", least, most, keep, got, want)
		}
	}
	rounds(10, 270, 3, 10, 30, 90, 270)
	rounds(10, 100, 3, 11, 33, 100)
	rounds(5, 5, 2, 5)
	kept := func(losses []float64, want ...int) {
		t.Helper()
		if got := (search.Halving{Keep: 3}).Kept(losses); !slices.Equal(got, want) {
			t.Errorf("%v: got %v, want %v", losses, got, want)
		}
	}
	kept([]float64{5, 1, 4, math.NaN(), 2, 3}, 1, 4)
	kept([]float64{3, 2}, 1)
	kept([]float64{math.NaN(), math.Inf(1)}, 0)
	kept(nil)
}

func TestChecks(t *testing.T) {
	t.Parallel()
	f := func(want string, err error) {
		t.Helper()
		if err == nil && want == "" {
			return
		}
		if err == nil || want == "" || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	f("", space.Check())
	f("nothing to choose", search.Space{}.Check())
	f("no name", search.Space{{To: 1}}.Check())
	f("there twice", search.Space{{Name: "x", To: 1}, {Name: "x", To: 1}}.Check())
	f("from 1 to 1", search.Space{{Name: "x", From: 1, To: 1}}.Check())
	f("from 0 to NaN", search.Space{{Name: "x", To: math.NaN()}}.Check())
	f("begin above 0", search.Space{{Name: "x", To: 1, Log: true}}.Check())
	f("choices and a range", search.Space{{Name: "x", To: 1, Choices: []any{1}}}.Check())
	f("", search.Halving{Least: 1, Most: 9, Keep: 3}.Check())
	f("halving from 9 to 1", search.Halving{Least: 9, Most: 1, Keep: 3}.Check())
}
