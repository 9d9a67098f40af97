package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"hone"
	"hone/internal/frame"
)

// Column is what was found out about one column of a user's file.
type Column struct {
	Name string
	Kind frame.Kind
	// Time marks the column that says when each row happened.
	Time bool
	// Identifier marks a column that differs in nearly every row; Constant one
	// that never differs.
	Identifier, Constant bool
	Distinct             int // Different values.
	Missing              int // Rows without a value.
	Example              string
	// Values are the different ones, the most frequent first, where they are
	// few. The label's are needed in full, up to MaxClasses and one more.
	Values []string
}

// MaxClasses is the most classes that a label is taken to have.
const MaxClasses = 50

// InitOptions is what the first file is made from.
type InitOptions struct {
	Source  string // The file that the columns came from, for a comment.
	Rows    int    // Its rows.
	Columns []Column
	Label   string // Name of the label's column.
}

// Write writes a first hone.yaml, with comments that teach, for one model of
// the given name. Parse reads it without a problem.
func Write(w io.Writer, name string, o InitOptions) error {
	i := slices.IndexFunc(o.Columns, func(c Column) bool { return c.Name == o.Label })
	if i < 0 {
		names := make([]string, len(o.Columns))
		for i, c := range o.Columns {
			names[i] = c.Name
		}
		return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("there is no column %q for the label", o.Label), Hint: didYouMean(o.Label, names)}
	}
	if !modelName.MatchString(name) {
		return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%q cannot be a model's name", name), Hint: "use lower-case letters, digits, - and _"}
	}
	label, err := readLabel(o.Columns[i])
	if err != nil {
		return err
	}
	d := draft{name: name, o: o, label: label}
	if err := d.features(); err != nil {
		return err
	}
	d.write()
	if _, err := Parse("hone.yaml", d.b.Bytes()); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	_, err = w.Write(d.b.Bytes())
	return err
}

// labelDraft is what the label's values make of the model.
type labelDraft struct {
	task     hone.Task
	positive string
	why      string
}

func readLabel(c Column) (labelDraft, error) {
	fault := func(message, hint string) error {
		return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("the label %q %s", c.Name, message), Hint: hint}
	}
	number := c.Kind == frame.Number
	// Distinct may come from the first rows alone, Values from all of them.
	distinct := max(c.Distinct, len(c.Values))
	switch {
	case distinct < 2:
		return labelDraft{}, fault("has fewer than two different values", "there is nothing to learn; name another column")
	case distinct == 2 && len(c.Values) == 2:
		positive := positiveOf(c.Values)
		negative := c.Values[0]
		if canonical(negative) == positive {
			negative = c.Values[1]
		}
		why := fmt.Sprintf("%s is %s or %s: the model gives the probability of %s.", quote(c.Name), quote(canonical(negative)), quote(positive), quote(positive))
		return labelDraft{hone.Binary, positive, why}, nil
	case distinct <= MaxClasses && (!number || whole(c.Values)):
		return labelDraft{task: hone.Multiclass, why: fmt.Sprintf("%s has %d classes.", quote(c.Name), distinct)}, nil
	case number:
		return labelDraft{task: hone.Regression, why: quote(c.Name) + " is a number."}, nil
	}
	return labelDraft{}, fault(fmt.Sprintf("has %d different values that are not numbers", distinct), fmt.Sprintf("name a column of numbers, or of at most %d classes", MaxClasses))
}

// positiveOf picks the class that a binary model is about: the one that says
// yes, else the rarer, which comes last.
func positiveOf(values []string) string {
	for _, yes := range []string{"1", "true", "yes", "y", "t"} {
		for _, v := range values {
			if strings.EqualFold(canonical(v), yes) {
				return canonical(v)
			}
		}
	}
	for _, v := range values {
		if strings.HasPrefix(strings.ToLower(v), "pos") {
			return canonical(v)
		}
	}
	return canonical(values[len(values)-1])
}

// canonical writes a class as it is stored.
func canonical(v string) string {
	m := hone.Model{Task: hone.Binary}
	if s, ok := m.CanonicalLabel(v); ok {
		return s
	}
	return v
}

// whole tells whether all values are known and none is a fraction.
func whole(values []string) bool {
	return len(values) > 0 && !slices.ContainsFunc(values, func(v string) bool {
		x, ok := frame.ParseNumber(v)
		return !ok || x != math.Trunc(x)
	})
}

type draft struct {
	name   string
	o      InitOptions
	label  labelDraft
	used   []Column
	left   []string // Comments on the columns left out.
	slices []string
	b      bytes.Buffer
}

func (d *draft) features() error {
	for _, c := range d.o.Columns {
		why := ""
		switch {
		case c.Name == d.o.Label:
			continue
		case c.Time:
			why = "the time of each row"
		case c.Identifier:
			why = "different in nearly every row, so it names rows and says nothing of them"
		case c.Distinct == 0 && c.Example == "":
			why = "it has no value in any row"
		case (c.Constant || c.Distinct == 1) && c.Kind != frame.Number:
			why = "the same in every row"
		case c.Name == "" || len(c.Name) > 200 || strings.TrimSpace(c.Name) != c.Name || !printable(c.Name) || !utf8.ValidString(c.Name):
			why = "its name cannot be a feature's; rename the column"
		case slices.ContainsFunc(d.used, func(u Column) bool { return u.Name == c.Name }):
			why = "a second column of this name"
		case !slices.Contains(kinds, string(c.Kind)):
			why = "neither number, category nor text"
		default:
			d.used = append(d.used, c)
			if c.Kind == frame.Category && c.Distinct >= 2 && c.Distinct <= 12 {
				d.slices = append(d.slices, quote(c.Name))
			}
			continue
		}
		d.left = append(d.left, fmt.Sprintf("%s: %s.", quote(c.Name), why))
	}
	if len(d.used) == 0 {
		return &hone.Error{Code: hone.Invalid, Message: "no column is left to be a feature", Hint: "give data with columns beside the label, the time and identifiers"}
	}
	return nil
}

func (d *draft) line(format string, args ...any) { fmt.Fprintf(&d.b, format+"\n", args...) }

func (d *draft) write() {
	if d.o.Source != "" {
		d.line("# Written by hone init from %s (%d rows).", comment(d.o.Source), d.o.Rows)
	}
	d.line("# Everything that is not here has a safe default; `hone config docs` lists it.")
	d.line("# A key that Hone does not know is an error, so a slip is never silent.")
	d.line("version: 1")
	d.line("")
	d.line("models:")
	d.line("  %s:", quote(d.name))
	d.line("    # %s", d.label.why)
	d.line("    task: %s", d.label.task)
	d.line("")
	d.writeFeatures()
	d.writeLabel()
	d.writeLoss()
	d.writeLoop()
}

func (d *draft) writeFeatures() {
	d.line("    # What the model is told: number, category (few names) or text. Take out what")
	d.line("    # is only known after the prediction: it would give the answer away.")
	d.line("    features:")
	width := 0
	for _, c := range d.used {
		width = max(width, utf8.RuneCountInString(quote(c.Name))+len(c.Kind)+2)
	}
	for _, c := range d.used {
		entry := fmt.Sprintf("%s: %s", quote(c.Name), c.Kind)
		note := d.note(c)
		if note != "" {
			entry += strings.Repeat(" ", min(width, 60)-min(utf8.RuneCountInString(entry), min(width, 60))) + "  # " + note
		}
		d.line("      %s", entry)
	}
	if len(d.left) > 0 {
		d.line("      # Left out:")
		for _, l := range d.left {
			d.line("      #   %s", l)
		}
	}
	d.line("")
}

// note describes a column in a few words.
func (d *draft) note(c Column) string {
	var parts []string
	if c.Kind == frame.Category && c.Distinct > 0 {
		parts = append(parts, fmt.Sprintf("%d values", c.Distinct))
	}
	if c.Example != "" && c.Kind != frame.Text {
		parts = append(parts, "such as "+comment(c.Example))
	}
	if c.Distinct == 1 {
		parts = append(parts, "the same in every row so far")
	}
	if c.Missing > 0 && d.o.Rows > 0 {
		parts = append(parts, fmt.Sprintf("missing in %s %% of rows", percentText(c.Missing, d.o.Rows)))
	}
	return strings.Join(parts, ", ")
}

func percentText(part, all int) string {
	p := 100 * float64(part) / float64(all)
	if p < 1 {
		return "under 1"
	}
	return strconv.Itoa(int(math.Round(p)))
}

func (d *draft) writeLabel() {
	d.line("    label:")
	d.line("      name: %s", quote(d.o.Label))
	if d.label.task == hone.Binary {
		d.line("      positive: %s", jsonString(d.label.positive))
	}
	d.line("      # How long after a prediction its label is sure to have come: 36h, 7d.")
	d.line("      delay: 0s")
	d.line("")
}

func (d *draft) writeLoss() {
	d.line("    # What a wrong answer costs. Triggers, gates, canary and probation count in it.")
	switch d.label.task {
	case hone.Binary:
		d.line("    # Price the errors if they differ: {false_negative: 50, false_positive: 1}")
		d.line("    loss: zero_one")
	case hone.Multiclass:
		d.line("    loss: zero_one   # 1 for each wrong class; or log")
	default:
		d.line("    loss: squared   # or absolute")
	}
	d.line("")
	if len(d.slices) > 0 {
		d.line("    # Also count apart for each value of these features.")
		d.line("    # slices: [%s]", strings.Join(d.slices[:min(len(d.slices), 3)], ", "))
		d.line("")
	}
}

func (d *draft) writeLoop() {
	metric := map[hone.Task]string{
		hone.Binary: "auc, below: 0.85", hone.Multiclass: "accuracy, below: 0.85", hone.Regression: "mae, above: 10",
	}[d.label.task]
	price := "100 wrong answers"
	if d.label.task == hone.Regression {
		price = "squared errors that add up to 100"
	}
	d.line("    # When to retrain; any one rule is enough. The first measures what a retrain")
	d.line("    # would win back and holds it against its price, in units of the loss:")
	d.line("    # %s.", price)
	d.line("    triggers:")
	d.line("      - recoverable_loss: {retrain_cost: 100}")
	d.line("      # - schedule: \"0 3 * * 1\"   # Mondays at 3:00, UTC.")
	d.line("      # - data_volume: 50000       # So many new labels.")
	d.line("      # - drift: {features: 30%%}   # Drift alone; it need not hurt.")
	d.line("      # - performance: {metric: %s}", metric)
	d.line("")
	d.line("    train:")
	d.line("      trainer: linear   # Built in, as gbdt is; or command, with your own program:")
	d.line("      # command: [python, train.py]")
	d.line("")
	d.line("    # A candidate is always compared with the champion on the newest rows. Add")
	d.line("    # here what else it must keep.")
	d.line("    # gates:")
	d.line("    #   - {metric: latency_p99, max: 20ms}")
	d.line("")
	d.line("    approval: auto   # or manual: a person releases each candidate.")
	d.line("    # A proven candidate first answers unseen, then half of the traffic, then all;")
	d.line("    # after that it is on probation for its next 3000 labels.")
	d.line("    rollout:")
	d.line("      strategy: canary   # or blue_green, immediate.")
}

// plainName is what YAML reads as the text it is, without quotes.
var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*([.-][A-Za-z0-9_]+)*$`)

// quote writes a name so that YAML reads it back, in quotes only where it must.
func quote(s string) string {
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf":
		return jsonString(s)
	}
	if plainName.MatchString(s) {
		return s
	}
	return jsonString(s)
}

func jsonString(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(strings.ToValidUTF8(s, "?")); err != nil {
		return strconv.Quote(s)
	}
	return strings.TrimSpace(b.String())
}

// comment makes s fit on a comment's line.
func comment(s string) string {
	s = strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	return clip(s, 40)
}
