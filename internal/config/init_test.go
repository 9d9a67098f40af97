package config_test

import (
	"errors"
	"strings"
	"testing"

	"hone"
	"hone/internal/config"
	"hone/internal/frame"
)

var columns = []config.Column{
	{Name: "id", Kind: frame.Category, Identifier: true, Distinct: 5000, Example: "a81f"},
	{Name: "created_at", Kind: frame.Category, Time: true, Distinct: 4000, Example: "2024-01-01T00:00:00Z"},
	{Name: "amount", Kind: frame.Number, Distinct: 900, Missing: 150, Example: "12.5"},
	{Name: "country", Kind: frame.Category, Distinct: 3, Example: "DE", Values: []string{"DE", "FR", "IT"}},
	{Name: "note: free", Kind: frame.Text, Distinct: 4000, Example: "hello # there"},
	{Name: "currency", Kind: frame.Category, Constant: true, Distinct: 1, Example: "EUR"},
	{Name: "yes", Kind: frame.Number, Distinct: 3, Example: "1\n2", Values: []string{"1", "2", "3"}},
	{Name: " padded", Kind: frame.Number, Distinct: 3},
	{Name: "größe", Kind: frame.Number, Distinct: 40},
}

func write(t *testing.T, label config.Column) (string, hone.Model) {
	t.Helper()
	var b strings.Builder
	o := config.InitOptions{Source: "data\nset.csv", Rows: 5000, Columns: append(columns[:len(columns):len(columns)], label), Label: label.Name}
	if err := config.Write(&b, "fraud", o); err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse("hone.yaml", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), c.Models["fraud"]
}

// The section train is taken as it is given, and must be good.
func TestWriteTrain(t *testing.T) {
	t.Parallel()
	label := config.Column{Name: "is_fraud", Kind: frame.Number, Distinct: 2, Values: []string{"0", "1"}}
	o := config.InitOptions{Columns: append(columns[:len(columns):len(columns)], label), Label: label.Name}
	var b strings.Builder
	o.Train = "trainer: command   # Mine.\ncommand: [python, mine.py]\nparams: {a: 1}\n"
	if err := config.Write(&b, "fraud", o); err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse("hone.yaml", []byte(b.String()))
	if err != nil || c.Models["fraud"].Train.Trainer != "command" || c.Models["fraud"].Train.Params["a"] == nil || !strings.Contains(b.String(), "# Mine.") {
		t.Errorf("%v\n%s", err, b.String())
	}
	o.Train = "trainer: comand\n"
	if err := config.Write(&b, "fraud", o); err == nil {
		t.Error("it wrote a trainer that there is not")
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	text, m := write(t, config.Column{Name: "is_fraud", Kind: frame.Number, Distinct: 2, Values: []string{"0", "1.0"}})
	want := frame.Schema{{Name: "amount", Kind: "number"}, {Name: "country", Kind: "category"}, {Name: "note: free", Kind: "text"}, {Name: "yes", Kind: "number"}, {Name: "größe", Kind: "number"}}
	if m.Features.Fingerprint() != want.Fingerprint() {
		t.Errorf("features %v, want %v", m.Features, want)
	}
	for _, say := range []string{
		"is_fraud is \"0\" or \"1\"", "id: different in nearly every row", "created_at: the time of each row", "currency: the same in every row",
		"missing in 3 % of rows", "3 values, such as DE", "data set.csv (5000 rows)",
	} {
		if !strings.Contains(text, say) {
			t.Errorf("the file does not say %q:\n%s", say, text)
		}
	}
	for line := range strings.Lines(text) {
		if len([]rune(line)) > 110 {
			t.Errorf("a line of %d characters: %s", len(line), line)
		}
	}
}

// TestWriteExamplesHold takes each commented suggestion at its word.
func TestWriteExamplesHold(t *testing.T) {
	t.Parallel()
	for _, label := range []config.Column{
		{Name: "y", Kind: frame.Number, Distinct: 2, Values: []string{"0", "1"}},
		{Name: "y", Kind: frame.Category, Distinct: 3, Values: []string{"a", "b", "c"}},
		{Name: "y", Kind: frame.Number, Distinct: 3000},
	} {
		text, _ := write(t, label)
		// Pull in what is commented out, but for the command, which wants trainer
		// command.
		text = strings.NewReplacer("# - ", "- ", "# gates:", "gates:", "#   - {metric", "  - {metric", "# slices:", "slices:").Replace(text)
		c, err := config.Parse("hone.yaml", []byte(text))
		if err != nil {
			t.Errorf("%v\n%s", err, text)
			continue
		}
		if m := c.Models["fraud"]; len(m.Triggers) != 5 || len(m.Gates) != 1 || len(m.Slices) != 1 {
			t.Errorf("%d triggers, %d gates, slices %v", len(m.Triggers), len(m.Gates), m.Slices)
		}
	}
}

func TestWriteInfersTheTask(t *testing.T) {
	t.Parallel()
	f := func(kind frame.Kind, distinct int, values []string, task hone.Task, positive string) {
		t.Helper()
		_, m := write(t, config.Column{Name: "y", Kind: kind, Distinct: distinct, Values: values})
		if m.Task != task || m.Label.Positive != positive || m.Label.Name != "y" {
			t.Errorf("%v: got %s, positive %q; want %s, %q", values, m.Task, m.Label.Positive, task, positive)
		}
	}
	f(frame.Number, 2, []string{"0", "1"}, hone.Binary, "1")
	f(frame.Number, 2, []string{"1", "0"}, hone.Binary, "1")
	f(frame.Category, 2, []string{"false", "true"}, hone.Binary, "true")
	f(frame.Category, 2, []string{"Yes", "No"}, hone.Binary, "Yes")
	f(frame.Category, 2, []string{"N", "Y"}, hone.Binary, "Y")
	f(frame.Category, 2, []string{"positive", "negative"}, hone.Binary, "positive")
	f(frame.Category, 2, []string{"kept", "left"}, hone.Binary, "left") // The rarer comes last.
	f(frame.Category, 2, []string{"a", "he said \"no\"\\ é\u2028"}, hone.Binary, "he said \"no\"\\ é")
	f(frame.Category, 3, []string{"a", "b", "c"}, hone.Multiclass, "")
	f(frame.Number, 3, []string{"1", "2", "3.0"}, hone.Multiclass, "")
	f(frame.Number, 3, []string{"1", "2", "3.5"}, hone.Regression, "")
	f(frame.Number, 2, []string{"0", "1", "2"}, hone.Multiclass, "") // The third came late.
	f(frame.Number, 50, nil, hone.Regression, "")
	f(frame.Number, 4000, nil, hone.Regression, "")
}

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	y := config.Column{Name: "y", Kind: frame.Number, Distinct: 2, Values: []string{"0", "1"}}
	x := config.Column{Name: "x", Kind: frame.Number, Distinct: 9}
	f := func(name, label, want string, columns ...config.Column) {
		t.Helper()
		var b strings.Builder
		err := config.Write(&b, name, config.InitOptions{Columns: columns, Label: label})
		var e *hone.Error
		if !errors.As(err, &e) || e.Code != hone.Invalid || !strings.Contains(err.Error(), want) || b.Len() > 0 {
			t.Errorf("got %v with %d bytes, want %q", err, b.Len(), want)
		}
	}
	f("m", "lable", `did you mean "label"?`, x, config.Column{Name: "label"})
	f("My Model", "y", "cannot be a model's name", x, y)
	f("m", "y", "no column is left", y)
	f("m", "y", "fewer than two", x, config.Column{Name: "y", Kind: frame.Number, Distinct: 1, Values: []string{"1"}})
	f("m", "y", "90 different values", x, config.Column{Name: "y", Kind: frame.Category, Distinct: 90})
}

func TestDocs(t *testing.T) {
	t.Parallel()
	for _, say := range []string{"## `rollout.steps[]`", "| `holdout` | share | `20%` |", "`zero_one`", "triggers[].performance"} {
		if !strings.Contains(config.Docs(), say) {
			t.Errorf("the reference does not say %q", say)
		}
	}
}
