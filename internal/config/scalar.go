package config

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"hone"
)

// scalar reads a single value into a string, bool or number.
func (d *decoder) scalar(n *node, v reflect.Value, path, name string) {
	if !d.want(n, scalar, path, rules[name].example) {
		return
	}
	switch v.Interface().(type) {
	case hone.Duration:
		if x, ok := d.duration(n, path, name); ok {
			v.SetInt(int64(x))
			d.explicit(v)
		}
		return
	case hone.Bytes:
		if x, ok := d.size(n, path, name); ok {
			v.SetInt(int64(x))
			d.explicit(v)
		}
		return
	}
	switch v.Kind() {
	case reflect.String:
		d.str(n, v, path, name)
	case reflect.Bool:
		b, ok := parseBool(n.text)
		if !ok || n.quoted {
			d.fail(n, path, "", "%s wants true or false, not %s", last(path), n.says())
			return
		}
		v.SetBool(b)
		d.explicit(v)
	case reflect.Int:
		x, ok := parseNumber(n.text)
		if !ok || n.quoted || x != math.Trunc(x) || math.Abs(x) > 1e15 {
			d.fail(n, path, such(name), "%s wants a whole number, not %s", last(path), n.says())
			return
		}
		if d.within(n, x, path, name) {
			v.SetInt(int64(x))
			d.explicit(v)
		}
	case reflect.Float64:
		before := len(d.problems)
		if d.number(n, v, path, name); len(d.problems) == before {
			d.explicit(v)
		}
	default:
		panic("config: no way to read a " + v.Type().String())
	}
}

// explicit notes a field that the file sets to its zero value.
func (d *decoder) explicit(v reflect.Value) {
	if v.IsZero() {
		d.zeros = append(d.zeros, v)
	}
}

func (d *decoder) str(n *node, v reflect.Value, path, name string) {
	r := rules[name]
	switch {
	case !d.want(n, scalar, path, r.example):
	case n.text == "" || strings.TrimSpace(n.text) != n.text || !printable(n.text):
		d.fail(n, path, "", "%s wants text on one line, without space at its ends, not %s", last(path), n.says())
	case len(r.words) > 0 && !slices.Contains(r.words, n.text):
		if why, ok := absentWords[name+"="+n.text]; ok {
			d.fail(n, path, why, "%s %q is not supported", last(path), n.text)
			return
		}
		if list, is := strings.CutPrefix(last(path), "an item of "); is {
			d.fail(n, path, didYouMean(n.text, r.words), "unknown item %q of %s", clip(n.text, 40), list)
			return
		}
		d.fail(n, path, didYouMean(n.text, r.words), "unknown %s %q", last(path), clip(n.text, 40))
	case r.file && address.MatchString(n.text):
		d.fail(n, path, "fetch it first, and name the file", "%s names a file of this machine, not the address %q", last(path), clip(n.text, 60))
	default:
		v.SetString(n.text)
	}
}

// address is how text begins that asks for something to be fetched.
var address = regexp.MustCompile(`^(?i)(([a-z][a-z0-9+.-]*:)+//|file:)`)

// number reads a float64 in the unit that its rule names.
func (d *decoder) number(n *node, v reflect.Value, path, name string) {
	if !d.want(n, scalar, path, rules[name].example) {
		return
	}
	switch u := rules[name].unit; {
	case u == share:
		if x, ok := d.share(n, path, name); ok {
			v.SetFloat(x)
		}
		return
	case u == perMetric && d.metric == "latency_p99":
		if x, ok := d.duration(n, path, name); ok {
			v.SetFloat(time.Duration(x).Seconds())
		}
		return
	case u == perMetric && d.metric == "memory":
		if x, ok := d.size(n, path, name); ok {
			v.SetFloat(float64(x))
		}
		return
	}
	x, ok := parseNumber(n.text)
	if percent, is := parsePercent(n.text); is && rules[name].unit == perMetric {
		x, ok = percent, true
	}
	if !ok || n.quoted {
		d.fail(n, path, such(name), "%s wants a number, not %s", last(path), n.says())
		return
	}
	if rules[name].unit == perMetric || d.within(n, x, path, name) {
		v.SetFloat(x)
	}
}

// share reads 20% or 0.2. A bare 1 could be either end of a rollout, so it is
// refused.
func (d *decoder) share(n *node, path, name string) (float64, bool) {
	x, ok := parsePercent(n.text)
	if !ok {
		x, ok = parseNumber(n.text)
		switch {
		case !ok:
			d.fail(n, path, such(name), "%s wants a share such as 20%% or 0.2, not %s", last(path), n.says())
			return 0, false
		case x == 1 && rules[name].unit == share:
			d.fail(n, path, "write 100% or 1%", "%s 1 could mean all or one in a hundred", last(path))
			return 0, false
		case x > 1 && x <= 100:
			d.fail(n, path, fmt.Sprintf("write %s%%", n.text), "%s wants a share such as 20%% or 0.2, not %s", last(path), n.says())
			return 0, false
		}
	}
	return x, d.within(n, x, path, name)
}

// words that people write for the units of time.
var timeWords = map[string]string{
	"day": "d", "days": "d", "hour": "h", "hours": "h", "hr": "h", "hrs": "h", "min": "m", "mins": "m", "minute": "m",
	"minutes": "m", "sec": "s", "secs": "s", "second": "s", "seconds": "s", "msec": "ms", "millis": "ms",
}

func (d *decoder) duration(n *node, path, name string) (hone.Duration, bool) {
	x, err := hone.ParseDuration(n.text)
	if err == nil {
		return x, d.within(n, float64(x), path, name)
	}
	hint := "write 20ms, 90s, 30m, 36h or 7d"
	digits, word := splitUnit(n.text)
	if short, ok := timeWords[strings.ToLower(word)]; ok && digits != "" {
		hint = fmt.Sprintf("did you mean %s%s?", digits, short)
	} else if y, ok := parseNumber(digits); ok && strings.HasPrefix(strings.ToLower(word), "w") {
		hint = fmt.Sprintf("did you mean %sd?", strconv.FormatFloat(7*y, 'f', -1, 64))
	}
	d.fail(n, path, hint, "%s wants a duration, not %s", last(path), n.says())
	return 0, false
}

var sizes = []struct {
	unit  string
	bytes float64
}{
	{"B", 1}, {"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
}

func (d *decoder) size(n *node, path, name string) (hone.Bytes, bool) {
	digits, word := splitUnit(n.text)
	x, ok := parseNumber(digits)
	hint := "write 500MiB or 4GiB"
	for _, s := range sizes {
		if ok && s.unit == word && x >= 0 && x*s.bytes < 1<<60 {
			b := hone.Bytes(math.Round(x * s.bytes))
			return b, d.within(n, float64(b), path, name)
		}
		if ok && word != "" && (strings.EqualFold(s.unit, word) || strings.EqualFold(s.unit[:1]+"iB", word+"iB") || strings.EqualFold(s.unit, strings.TrimSuffix(word, "s"))) {
			hint = fmt.Sprintf("did you mean %s%s?", digits, s.unit)
		}
	}
	d.fail(n, path, hint, "%s wants a size, not %s", last(path), n.says())
	return 0, false
}

// splitUnit parts "20 ms" into its number and its unit.
func splitUnit(s string) (number, unit string) {
	i := strings.LastIndexAny(s, "0123456789.") + 1
	return strings.TrimSpace(s[:i]), strings.TrimSpace(s[i:])
}

// within holds x against the bounds of its rule.
func (d *decoder) within(n *node, x float64, path, name string) bool {
	r := rules[name]
	switch {
	case x < r.min || (r.above && x == r.min):
		word := "at least"
		if r.above {
			word = "more than"
		}
		d.fail(n, path, "", "%s must be %s %s, not %s", last(path), word, write(r.min, name), clip(n.text, 40))
	case r.max > 0 && (x > r.max || (r.below && x == r.max)):
		word := "at most"
		if r.below {
			word = "less than"
		}
		d.fail(n, path, "", "%s must be %s %s, not %s", last(path), word, write(r.max, name), clip(n.text, 40))
	default:
		return true
	}
	return false
}

// write shows a bound as people would write it.
func write(x float64, name string) string {
	switch key := name[strings.IndexByte(name, '.')+1:]; {
	case rules[name].unit == share:
		return strconv.FormatFloat(100*x, 'g', -1, 64) + "%"
	case name == "Limits.memory" || name == "Limits.output" || name == "Server.spool":
		return formatBytes(hone.Bytes(x))
	case name == "Limits.time" || key == "max_wait" || key == "retention":
		return hone.Duration(x).String()
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

func formatBytes(b hone.Bytes) string {
	for i := len(sizes) - 1; i > 5; i-- {
		if unit := hone.Bytes(sizes[i].bytes); b >= unit && b%unit == 0 {
			return strconv.FormatInt(int64(b/unit), 10) + sizes[i].unit
		}
	}
	return strconv.FormatInt(int64(b), 10) + "B"
}

func such(name string) string {
	if e := rules[name].example; e != "" {
		return "write " + e + ", for example"
	}
	return ""
}

// numberForm leaves out what YAML dialects disagree on: octal, hexadecimal,
// infinities and leading zeros.
var numberForm = regexp.MustCompile(`^[+-]?(0|[1-9][0-9_]*)?(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

func parseNumber(s string) (float64, bool) {
	if !numberForm.MatchString(s) || !strings.ContainsAny(s, "0123456789") {
		return 0, false
	}
	x, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	return x, err == nil && !math.IsInf(x, 0)
}

func parsePercent(s string) (float64, bool) {
	digits, ok := strings.CutSuffix(s, "%")
	if !ok {
		return 0, false
	}
	x, ok := parseNumber(strings.TrimSpace(digits))
	return x / 100, ok
}

func parseBool(s string) (value, ok bool) {
	switch s {
	case "true", "True", "TRUE":
		return true, true
	case "false", "False", "FALSE":
		return false, true
	}
	return false, false
}

// printable tells whether s has no control characters.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' })
}
