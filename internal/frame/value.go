package frame

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// number reads v as a number; an infinity counts as missing.
func number(v any) (float64, bool) {
	switch x := v.(type) {
	case nil:
		return math.NaN(), true
	case float64:
		return finite(x), true
	case int:
		return float64(x), true
	case int64:
		return float64(x), true
	case bool:
		if x {
			return 1, true
		}
		return 0, true
	case string:
		return ParseNumber(x)
	}
	return 0, false
}

// ParseNumber reads a number as it stands in a file. What files write for a
// missing value (nothing, NA, NaN, null, None) gives NaN and true.
func ParseNumber(s string) (float64, bool) {
	s = strings.TrimSpace(s)
	if Missing(s) {
		return math.NaN(), true
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, false
	}
	return finite(x), true
}

// Missing tells whether s is one of the ways in which files write that a value
// is missing.
func Missing(s string) bool {
	switch s {
	case "", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?":
		return true
	}
	return false
}

func finite(x float64) float64 {
	if math.IsInf(x, 0) {
		return math.NaN()
	}
	return x
}

// text reads v as a name; whole numbers lose their decimal point, so that 1 and
// 1.0 are the same category.
func text(v any) (string, bool) {
	switch x := v.(type) {
	case nil:
		return "", true
	case string:
		return x, true
	case bool:
		return strconv.FormatBool(x), true
	case float64:
		return FormatNumber(x), true
	case int:
		return strconv.Itoa(x), true
	case int64:
		return strconv.FormatInt(x, 10), true
	}
	return "", false
}

// FormatNumber writes x in the shortest form that reads back as x, without an
// exponent where that stays short.
func FormatNumber(x float64) string {
	if x == math.Trunc(x) && math.Abs(x) < 1e15 {
		return strconv.FormatInt(int64(x), 10)
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

func show(v any) string {
	s := fmt.Sprintf("%v", v)
	if len(s) > 40 {
		s = s[:40] + "…"
	}
	return fmt.Sprintf("%T %q", v, s)
}
