package gate

import (
	"math"
	"time"

	"hone/internal/say"
)

// inUnit writes a metric in the unit that people read it in.
func inUnit(metric string, x float64) string {
	switch metric {
	case "latency_p99":
		return round(time.Duration(x * float64(time.Second)))
	case "memory":
		return size(int64(x))
	}
	return say.Num(x)
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
			return say.Num(x) + " " + unit
		}
		x /= 1024
	}
	return say.Num(x) + " GiB"
}

func because(fault string) string {
	if fault == "" {
		return ""
	}
	return ": " + say.Clip(fault, 80)
}
