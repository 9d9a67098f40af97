package hone

import (
	"regexp"
	"strconv"
	"strings"
)

// Some metrics are of a class or a quantile, which is a part of their name: it then
// stands wherever the metric does, in verdicts, on slices and in the record.
const (
	pinballPrefix = "pinball_"
	classPrefix   = "f1_"
)

var quantile = regexp.MustCompile(`^0\.[0-9]{1,6}$`)

// Quantile is the quantile that a pinball loss is of: 0.9 of pinball_0.9. It tells
// whether the name is of such a loss.
func Quantile(metric string) (float64, bool) {
	text, ok := strings.CutPrefix(metric, pinballPrefix)
	if !ok || !quantile.MatchString(text) {
		return 0, false
	}
	q, err := strconv.ParseFloat(text, 64)
	return q, err == nil && q > 0
}

// ClassOf is the class that an F1 is of: fraud of f1_fraud. It tells whether the name
// is of such a metric.
func ClassOf(metric string) (string, bool) {
	class, ok := strings.CutPrefix(metric, classPrefix)
	if !ok {
		return "", false
	}
	return class, class != ""
}
