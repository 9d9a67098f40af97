// Package say writes numbers as sentences have them, the same in every verdict
// and decision, and finds the word that was meant. What is said is left to others.
package say

import (
	"math"
	"strconv"
	"strings"
)

// Whole writes a whole number with its thousands apart: 1,200.
func Whole(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Num writes a number as one would say it: whole from 100 on, else to three
// digits.
func Num(x float64) string {
	if math.Abs(x) >= 100 && math.Abs(x) < 1e15 {
		return Whole(int(math.Round(x)))
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

// Count writes how many there are of something: 1 row, 1,200 rows.
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Whole(n) + " " + many
}

// Percent writes a share: 12.5 %.
func Percent(x float64) string { return Num(100*x) + " %" }

// Amount writes what something costs, in a currency, or in units of the loss where there
// is none.
func Amount(x float64, currency string) string {
	if currency == "" {
		currency = "units of loss"
	}
	return Num(x) + " " + currency
}

// Clip cuts a text to at most so many characters, the last an ellipsis.
func Clip(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// Period ends a sentence with one full stop.
func Period(s string) string { return strings.TrimRight(s, ".") + "." }
