package gate

import (
	"math"
	"strconv"
	"strings"
	"time"
)

func period(s string) string { return strings.TrimRight(s, ".") + "." }

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

// say writes a metric in the unit that people read it in.
func say(metric string, x float64) string {
	switch metric {
	case "latency_p99":
		return round(time.Duration(x * float64(time.Second)))
	case "memory":
		return size(int64(x))
	}
	return num(x)
}

// round writes a latency to three digits.
func round(d time.Duration) string {
	for unit := time.Duration(1); unit < time.Hour; unit *= 10 {
		if d < 1000*unit {
			return d.Round(unit).String()
		}
	}
	return d.Round(time.Minute).String()
}

func size(bytes int64) string {
	x := float64(bytes)
	for _, unit := range []string{"B", "KiB", "MiB"} {
		if math.Abs(x) < 1024 {
			return num(x) + " " + unit
		}
		x /= 1024
	}
	return num(x) + " GiB"
}

func because(fault string) string {
	if fault == "" {
		return ""
	}
	return ": " + clip(fault)
}

func clip(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:79]) + "…"
	}
	return s
}
