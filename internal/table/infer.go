package table

import (
	"errors"
	"hash/fnv"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"hone/internal/frame"
)

const (
	// mostly is the share of the values that must be of a kind.
	mostly = 0.995
	// fewNumbers is the most distinct whole numbers that are taken for names.
	fewNumbers = 12
	// maxDistinct is where counting distinct values ends.
	maxDistinct = 1000
)

// Inferred is what the first rows of a file say about its columns.
type Inferred struct {
	Columns []Column
	Rows    int // Rows looked at, without the bad ones.
	Bad     int // Rows that could not be read.
}

// Column is one column as it looks.
type Column struct {
	Name string
	// Kind that a feature of these values should have.
	Kind frame.Kind
	// Time is set for a column of times, and Layout to how they are written: a
	// layout of package time (the commonest, where there are several; ParseTime
	// reads all of them), UnixSeconds or UnixMillis.
	Time   bool
	Layout string
	// Missing counts the rows without a value.
	Missing int
	// Distinct counts the values that differ, up to 1000.
	Distinct int
	// Example is the first value, at most 80 bytes.
	Example string
	// Constant is a column with one value in every row, or with none.
	Constant bool
	// Identifier is a column that names its row, such as an id or a counter: no
	// feature should be made of it.
	Identifier bool
}

// Infer looks at up to the next sample rows of r, 10,000 if sample is not
// positive, and leaves r behind them. It fails when there is no row to look at,
// or when the file cannot be read on.
//
// A column is Number when 99.5 % of its values are numbers, unless they are 3 to
// 12 whole numbers that each come 5 times or more, or have leading zeros: those
// are names. Strings are Text when most differ and they are long or of many
// words, else Category. Numbers are taken for Unix times only where all lie
// between 2000 and 2100, and the name says so or they never go back.
func Infer(r *Reader, sample int) (Inferred, error) {
	if sample <= 0 {
		sample = 10_000
	}
	var out Inferred
	tallies := make([]tally, len(r.columns))
	for i := range tallies {
		tallies[i] = tally{name: r.columns[i], seen: map[uint64]struct{}{}, unique: true,
			rising: true, counting: true, seconds: true, millis: true}
	}
	for out.Rows+out.Bad < sample {
		rec, err := r.Next()
		if bad := (*BadRow)(nil); errors.As(err, &bad) {
			out.Bad++
			continue
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return out, err
		}
		out.Rows++
		for i, v := range rec.Values {
			tallies[i].add(v)
		}
	}
	if out.Rows == 0 {
		return out, invalid("give a file with rows under its header", "%s: none of the first %d rows can be read", r.path, out.Bad)
	}
	for i := range tallies {
		out.Columns = append(out.Columns, tallies[i].column())
	}
	return out, nil
}

// tally is what is counted of one column.
type tally struct {
	name             string
	present, missing int
	seen             map[uint64]struct{}
	unique           bool // No value came twice.
	example          string

	numbers, whole, padded int
	rising, counting       bool // Numbers that never go back; that grow by one.
	seconds, millis        bool // All are Unix times of this unit.
	last                   float64

	bytes, words int
	layouts      [len(layouts)]int
}

func (t *tally) add(v any) {
	var s string
	isString := false
	switch x := v.(type) {
	case string:
		s, isString = strings.TrimSpace(x), true
	case float64:
		s = frame.FormatNumber(x)
	case bool:
		s = strconv.Itoa(map[bool]int{false: 0, true: 1}[x])
	}
	x, isNumber := frame.ParseNumber(s)
	if isNumber && math.IsNaN(x) {
		t.missing++
		return
	}
	if t.present++; t.present == 1 {
		t.example = short(s)
	}
	if isNumber {
		t.number(x, s)
		s = frame.FormatNumber(x)
	} else if i := layoutOf(s); isString && i >= 0 {
		t.layouts[i]++
	}
	t.bytes += len(s)
	t.words += len(strings.Fields(s))
	if t.unique || len(t.seen) < maxDistinct {
		h := fnv.New64a()
		h.Write([]byte(s))
		key := h.Sum64()
		if _, ok := t.seen[key]; ok {
			t.unique = false
		}
		t.seen[key] = struct{}{}
	}
}

func short(s string) string {
	if len(s) > 80 {
		s = strings.ToValidUTF8(s[:77], "") + "…"
	}
	return s
}

func (t *tally) number(x float64, s string) {
	t.numbers++
	if x == math.Trunc(x) {
		t.whole++
	}
	if digits := strings.TrimPrefix(s, "-"); len(digits) > 1 && digits[0] == '0' && !strings.ContainsAny(digits, ".eExX_") {
		t.padded++
	}
	if t.numbers > 1 {
		t.rising = t.rising && x >= t.last
		t.counting = t.counting && x == t.last+1
	}
	t.last = x
	const from, to = 946684800, 4102444800 // The years 2000 and 2100.
	t.seconds = t.seconds && x >= from && x < to
	t.millis = t.millis && x >= from*1000 && x < to*1000 && x == math.Trunc(x)
}

func (t *tally) column() Column {
	c := Column{Name: t.name, Missing: t.missing, Distinct: min(len(t.seen), maxDistinct), Example: t.example}
	c.Constant = t.present == 0 || c.Distinct == 1 && t.missing == 0
	c.Kind = t.kind()
	c.Layout = t.layout()
	c.Time = c.Layout != ""
	c.Identifier = !c.Time && t.identifier(c.Kind)
	return c
}

func (t *tally) kind() frame.Kind {
	if t.present == 0 {
		return frame.Category
	}
	distinct := len(t.seen)
	if t.isNumber() {
		if t.whole == t.numbers && distinct > 2 && distinct <= fewNumbers && t.present >= 5*distinct {
			return frame.Category
		}
		return frame.Number
	}
	long := t.bytes >= 40*t.present || t.words >= 4*t.present
	many := 2*distinct > t.present || distinct >= maxDistinct
	if long && many {
		return frame.Text
	}
	return frame.Category
}

func (t *tally) isNumber() bool {
	return t.padded == 0 && float64(t.numbers) >= mostly*float64(t.present)
}

func (t *tally) layout() string {
	if t.present == 0 {
		return ""
	}
	best, all := 0, 0
	for i, n := range t.layouts {
		all += n
		if n > t.layouts[best] {
			best = i
		}
	}
	if float64(all) >= mostly*float64(t.present) {
		return layouts[best]
	}
	if t.numbers < t.present || len(t.seen) < 2 || !t.rising && !saysTime(t.name) {
		return ""
	}
	if t.seconds {
		return UnixSeconds
	}
	if t.millis {
		return UnixMillis
	}
	return ""
}

// identifier tells whether each value names its row. In a file of few rows
// anything does, so it is never said of one.
func (t *tally) identifier(kind frame.Kind) bool {
	if t.present < 20 || t.missing > 0 || !t.unique || kind == frame.Text {
		return false
	}
	if t.isNumber() {
		return t.whole == t.numbers && (t.counting || saysID(t.name))
	}
	return t.words < 3*t.present
}

func words(name string) []string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return strings.FieldsFunc(strings.ToLower(b.String()), func(r rune) bool {
		return strings.ContainsRune(" _-.", r)
	})
}

func saysTime(name string) bool {
	return slices.ContainsFunc(words(name), func(w string) bool {
		switch w {
		case "time", "timestamp", "ts", "date", "datetime", "at", "when", "epoch", "unix":
			return true
		}
		return false
	})
}

func saysID(name string) bool {
	return strings.HasSuffix(name, "ID") || slices.ContainsFunc(words(name), func(w string) bool {
		return w == "id" || w == "uuid" || w == "key" || w == "index"
	})
}
