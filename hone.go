// Package hone holds the nouns of continuous training, the words that pass
// between the stages of the loop: models and versions, predictions and what
// became of them, signals, decisions, runs, verdicts and plans. It does no I/O;
// storing, serving and deciding are left to the packages under internal.
package hone

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// VersionID names a version within its model: "v3". Numbers grow by one.
type VersionID string

// RunID names one trip round the loop: "fraud-12".
type RunID string

// DatasetID is the SHA-256, in hex, of a dataset's canonical rows.
type DatasetID string

// PredictionID names one answer within its model. The caller may choose it.
type PredictionID string

// Duration is a length of time that is written as people write it: 90s, 36h, 7d.
type Duration time.Duration

// maxDays is the most whole days that a Duration holds.
const maxDays = 106751

// ParseDuration reads a Go duration, or days such as 7d or 1.5d.
func ParseDuration(s string) (Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.ParseFloat(days, 64); err == nil && n >= 0 && n <= maxDays {
			return Duration(math.Round(n * 24 * float64(time.Hour))), nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration; write 90s, 30m, 36h or 7d", s)
	}
	return Duration(d), nil
}

func (d Duration) String() string {
	const day = 24 * time.Hour
	if v := time.Duration(d); v >= day && v%day == 0 {
		return strconv.Itoa(int(v/day)) + "d"
	}
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

func (d *Duration) UnmarshalText(b []byte) (err error) {
	*d, err = ParseDuration(string(b))
	return err
}
