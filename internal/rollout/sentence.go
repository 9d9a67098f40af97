package rollout

import (
	"math"
	"strconv"
)

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return whole(n) + " " + many
}

// whole writes a whole number with its thousands apart: 1,200.
func whole(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// num writes a number as one would say it: whole from 100 on, else to three
// digits.
func num(x float64) string {
	if math.Abs(x) >= 100 && math.Abs(x) < 1e15 {
		return whole(int(math.Round(x)))
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

func percent(x float64) string { return num(100*x) + " %" }

// example adds one message of a fault, at most a line of it.
func example(fault string) string {
	if fault == "" {
		return ""
	}
	if r := []rune(fault); len(r) > 80 {
		fault = string(r[:79]) + "…"
	}
	return " (" + fault + ")"
}
