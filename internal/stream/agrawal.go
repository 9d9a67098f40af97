package stream

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"

	"hone/internal/frame"
)

// Features of Agrawal, in the order of the schema.
const (
	salary = iota
	commission
	age
	elevel
	car
	zipcode
	hvalue
	hyears
	loan
)

var agrawalSchema = frame.Schema{
	{Name: "salary", Kind: frame.Number}, {Name: "commission", Kind: frame.Number}, {Name: "age", Kind: frame.Number},
	{Name: "elevel", Kind: frame.Category}, {Name: "car", Kind: frame.Category}, {Name: "zipcode", Kind: frame.Category},
	{Name: "hvalue", Kind: frame.Number}, {Name: "hyears", Kind: frame.Number}, {Name: "loan", Kind: frame.Number},
}

type agrawal struct {
	rng          *rand.Rand
	function     func(i int) int
	perturbation float64
	i            int
}

// NewAgrawal makes the loan applicants of Agrawal, Imielinski and Swami,
// "Database Mining: A Performance Perspective" (IEEE Transactions on Knowledge
// and Data Engineering 5(6), 1993):
//
//	salary      uniform in 20,000 to 150,000
//	commission  0 where salary ≥ 75,000, else uniform in 10,000 to 75,000
//	age         20 to 80, whole
//	elevel      education, one of "0" to "4"
//	car         make of the car, one of "1" to "20"
//	zipcode     one of "0" to "8"
//	hvalue      of the house, uniform in ½k to 1½k × 100,000, k = 9 − zipcode
//	hyears      for which the house is owned, 1 to 30, whole
//	loan        uniform in 0 to 500,000
//
// The label is that of AgrawalLabel. After it is given, each number but a
// commission of 0 moves by up to perturbation × its range, either way, and stays
// in its range, as generators for streams do it (the paper moves by half as
// much). The features do not depend on the function.
//
// function returns the function of row i, from 0. Without one it is 0 throughout.
func NewAgrawal(seed uint64, function func(i int) int, perturbation float64) Stream {
	if function == nil {
		function = func(int) int { return 0 }
	}
	return &agrawal{rng: newRand(seed), function: function, perturbation: share("perturbation", perturbation)}
}

func (a *agrawal) Schema() frame.Schema { return agrawalSchema }

func (a *agrawal) Next(f *frame.Frame, row int) string {
	num := func(col int, x float64) { f.Cols[col].Num[row] = x }
	name := func(col, n int) { f.Cols[col].Str[row] = strconv.Itoa(n) }
	r := a.rng
	num(salary, between(r, 20_000, 150_000))
	// Drawn also where it is not used, so that each row takes as many numbers.
	earned := between(r, 10_000, 75_000)
	if f.Cols[salary].Num[row] >= 75_000 {
		earned = 0
	}
	num(commission, earned)
	num(age, float64(20+r.IntN(61)))
	name(elevel, r.IntN(5))
	name(car, 1+r.IntN(20))
	zip := r.IntN(9)
	name(zipcode, zip)
	k := float64(9 - zip)
	num(hvalue, between(r, 50_000*k, 150_000*k))
	num(hyears, float64(1+r.IntN(30)))
	num(loan, between(r, 0, 500_000))
	answer := AgrawalLabel(a.function(a.i), f, row)
	a.i++
	a.perturb(f, row, k)
	return answer
}

// perturb draws as often with a perturbation of 0, for the same rows otherwise.
func (a *agrawal) perturb(f *frame.Frame, row int, k float64) {
	move := func(col int, low, high float64, whole bool) {
		by := float64(a.perturbation * (high - low) * (2*a.rng.Float64() - 1))
		cell := &f.Cols[col].Num[row]
		if col == commission && *cell == 0 {
			return
		}
		x := min(max(*cell+by, low), high)
		if whole {
			x = math.Round(x)
		}
		*cell = x
	}
	move(salary, 20_000, 150_000, false)
	move(commission, 10_000, 75_000, false)
	move(age, 20, 80, true)
	move(hvalue, 50_000*k, 150_000*k, false)
	move(hyears, 1, 30, true)
	move(loan, 0, 500_000, false)
}

func between(r *rand.Rand, low, high float64) float64 {
	return low + float64((high-low)*r.Float64())
}

// AgrawalLabel applies one of the ten classification functions of the paper,
// counted from 0 here and from 1 there, to a row of a frame with the schema of
// NewAgrawal. Where the usual generators differ from the paper (loans in
// function 4), the paper holds. As with those generators, the paper's group A
// is 1 under the functions 0 to 5, and 0 under those of disposable income, 6 to
// 9, where it is the applicants with an income left over.
func AgrawalLabel(function int, f *frame.Frame, row int) string {
	num := func(col int) float64 { return f.Cols[col].Num[row] }
	group := 0 // By age: young, middle, old.
	if num(age) >= 60 {
		group = 2
	} else if num(age) >= 40 {
		group = 1
	}
	level, err := strconv.Atoi(f.Cols[elevel].Str[row])
	if function < 0 || function > 9 || err != nil {
		panic(fmt.Sprintf("stream: function %d of Agrawal on elevel %q; there are 0 to 9, on whole numbers",
			function, f.Cols[elevel].Str[row]))
	}
	within := func(x float64, ranges [3][2]float64) bool {
		return x >= ranges[group][0]*1000 && x <= ranges[group][1]*1000
	}
	pay := num(salary)
	educated := level >= group && level <= [3]int{1, 3, 4}[group]
	switch function {
	case 0:
		return label(group != 1)
	case 1:
		return label(within(pay, salaries))
	case 2:
		return label(educated)
	case 3:
		if educated {
			return label(within(pay, [3][2]float64{{25, 75}, {50, 100}, {50, 100}}))
		}
		return label(within(pay, [3][2]float64{{50, 100}, {75, 125}, {25, 75}}))
	case 4:
		if within(pay, salaries) {
			return label(within(num(loan), [3][2]float64{{100, 300}, {200, 400}, {300, 500}}))
		}
		return label(within(num(loan), [3][2]float64{{200, 400}, {300, 500}, {100, 300}}))
	case 5:
		return label(within(pay+num(commission), salaries))
	}
	return label(disposable(function, f, row, float64(level)) <= 0)
}

// disposable is the income left over, under the functions 6 to 9. Each product
// is rounded by itself, so that no machine fuses it with the sum.
func disposable(function int, f *frame.Frame, row int, level float64) float64 {
	num := func(col int) float64 { return f.Cols[col].Num[row] }
	income := float64(0.67 * (num(salary) + num(commission)))
	loans := float64(0.2 * num(loan))
	switch function {
	case 6:
		return income - loans - 20_000
	case 7:
		return income - 5000*level - 20_000
	case 8:
		return income - 5000*level - loans - 10_000
	}
	equity := float64(0.1 * num(hvalue) * max(num(hyears)-20, 0))
	return income - 5000*level + float64(0.2*equity) - 10_000
}

// salaries are the ranges of the three groups of age, in thousands.
var salaries = [3][2]float64{{50, 100}, {75, 125}, {25, 75}}
