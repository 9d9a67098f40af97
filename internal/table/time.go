package table

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// How the times of a column may be written, besides the layouts of package time.
const (
	UnixSeconds = "unix"
	UnixMillis  = "unix_ms"
)

// layouts are the ways to write a time that are recognised. Fractions of a
// second are read under each. Where no zone is written, it is UTC.
var layouts = [...]string{
	time.RFC3339,
	"2006-01-02 15:04:05",
	"2006-01-02T15:04:05",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05 Z0700",
	"2006-01-02 15:04",
	"2006-01-02",
	"2006/01/02",
}

// ParseTime reads a time: RFC 3339, 2006-01-02 15:04:05 and its kin, a date, or
// seconds, milli-, micro- or nanoseconds since 1970 as a number or its digits,
// told apart by their size. Numbers that would be a time before March 1973 are
// refused: they are more likely counts. The result is in UTC.
func ParseTime(v any) (time.Time, bool) {
	switch x := v.(type) {
	case time.Time:
		return x.UTC(), true
	case float64:
		return unixTime(x)
	case int64:
		return unixTime(float64(x))
	case int:
		return unixTime(float64(x))
	case string:
		s := strings.TrimSpace(x)
		if i := layoutOf(s); i >= 0 {
			t, err := time.Parse(layouts[i], s)
			return t.UTC(), err == nil
		}
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return unixInt(n)
		}
		if n, err := strconv.ParseFloat(s, 64); err == nil {
			return unixTime(n)
		}
	}
	return time.Time{}, false
}

// layoutOf returns the index of the layout in which s is a time, or -1.
func layoutOf(s string) int {
	if len(s) < len("2006-01-02") || len(s) > 40 || s[0] < '0' || s[0] > '9' || s[4] != '-' && s[4] != '/' {
		return -1
	}
	for i, layout := range layouts {
		if _, err := time.Parse(layout, s); err == nil {
			return i
		}
	}
	return -1
}

func unixInt(n int64) (time.Time, bool) {
	switch size := math.Abs(float64(n)); {
	case size < 1e8:
		return time.Time{}, false
	case size < 1e11:
		return time.Unix(n, 0).UTC(), true
	case size < 1e14:
		return time.UnixMilli(n).UTC(), true
	case size < 1e17:
		return time.UnixMicro(n).UTC(), true
	}
	return time.Unix(0, n).UTC(), true
}

func unixTime(x float64) (time.Time, bool) {
	if !(math.Abs(x) < 1<<63) {
		return time.Time{}, false
	}
	if x == math.Trunc(x) || math.Abs(x) >= 1e11 {
		return unixInt(int64(x))
	}
	if math.Abs(x) < 1e8 {
		return time.Time{}, false
	}
	// Microseconds are what a float64 of seconds holds.
	whole, part := math.Modf(x)
	return time.Unix(int64(whole), int64(math.Round(part*1e6))*1000).UTC(), true
}
