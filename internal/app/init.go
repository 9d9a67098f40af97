package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"hone"
	"hone/internal/cli"
	"hone/internal/config"
	"hone/internal/frame"
	"hone/internal/table"
)

var notInName = regexp.MustCompile(`[^a-z0-9_-]+`)

// modelName makes a model's name from a file's.
func modelName(path string) string {
	name := strings.ToLower(filepath.Base(path))
	name, _, _ = strings.Cut(name, ".")
	name = strings.Trim(notInName.ReplaceAllString(name, "-"), "-_")
	if name == "" {
		return "model"
	}
	return name[:min(len(name), 63)]
}

// initialise writes a configuration from a file of data and, where a template is named,
// the trainer that it is configured to.
func initialise(g cli.Globals, o cli.InitOptions) error {
	plan, o, err := newProject(g, o)
	if err != nil {
		return err
	}
	if !o.Force {
		if err := plan.clear(g.Config); err != nil {
			return err
		}
	}
	if err := plan.write(plan.example...); err != nil { // It is looked at like data of the user's.
		return err
	}
	columns, rows, err := infer(o)
	if err != nil {
		return err
	}
	name := o.Model
	if name == "" {
		name = modelName(o.From)
	}
	var text bytes.Buffer
	if err := config.Write(&text, name, config.InitOptions{Source: o.From, Rows: rows, Columns: columns, Label: o.Label, Train: plan.Train}); err != nil {
		return err
	}
	if err := plan.write(plan.Files...); err != nil {
		return err
	}
	if err := os.WriteFile(g.Config, text.Bytes(), 0o644); err != nil {
		return &hone.Error{Code: hone.Invalid, Message: "cannot write the configuration: " + err.Error(), Hint: "name another file with --config"}
	}
	c, _, err := load(g.Config)
	if err != nil {
		return fmt.Errorf("read what was written: %w", err)
	}
	return tellInit(g, plan, name, c.Models[name], rows, nextSteps(g, o, columns, plan))
}

// tellInit says what was written, and what to do next.
func tellInit(g cli.Globals, plan newFiles, name string, m hone.Model, rows int, next []string) error {
	if g.JSON {
		said := map[string]any{"config": g.Config, "model": name, "task": m.Task, "features": len(m.Features), "rows": rows, "next": next}
		if plan.Name != "" {
			said["template"], said["files"] = plan.Name, plan.paths()
		}
		return json.NewEncoder(g.Out).Encode(said)
	}
	features := "1 feature"
	if len(m.Features) > 1 {
		features = fmt.Sprintf("%d features", len(m.Features))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: model %s, %s, %s, from %d rows.\n", g.Config, name, m.Task, features, rows)
	if plan.Name != "" {
		fmt.Fprintf(&b, "Beside it: %s.\n", strings.Join(plan.heads(), ", "))
	}
	for i, step := range next {
		next[i] = "`" + step + "`"
	}
	fmt.Fprintf(&b, "Next: %s.\n", strings.Join(next, ", then "))
	_, err := io.WriteString(g.Out, b.String())
	return err
}

// nextSteps are the commands that follow on init, to be copied.
func nextSteps(g cli.Globals, o cli.InitOptions, columns []config.Column, plan newFiles) []string {
	load, serve := "hone import "+quoted(o.From), "hone serve"
	for _, c := range columns {
		if c.Time {
			load += " --time " + quoted(c.Name)
			break
		}
	}
	if g.Config != "hone.yaml" {
		load, serve = load+" --config "+quoted(g.Config), serve+" --config "+quoted(g.Config)
	}
	if plan.Install {
		return []string{"python3 -m venv .venv", ".venv/bin/pip install -r " + quoted(plan.at("requirements.txt")), load, serve}
	}
	return []string{load, serve}
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:,@%+=][-A-Za-z0-9_./:,@%+=]*$`)

// quoted writes a word as a shell takes it.
func quoted(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// inferRows is how many rows init looks at.
const inferRows = 10000

// infer looks at a file's columns.
func infer(o cli.InitOptions) ([]config.Column, int, error) {
	r, err := table.Open(o.From)
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	got, err := table.Infer(r, inferRows)
	if err != nil {
		return nil, 0, err
	}
	values, err := labelValues(o)
	if err != nil {
		return nil, 0, err
	}
	var out []config.Column
	timed := false
	for _, c := range got.Columns {
		isTime := c.Time
		if o.Time != "" {
			isTime = c.Name == o.Time
		}
		timed = timed || isTime
		col := config.Column{Name: c.Name, Kind: c.Kind, Time: isTime, Identifier: c.Identifier, Constant: c.Constant,
			Distinct: c.Distinct, Missing: c.Missing, Example: c.Example}
		if c.Name == o.Label {
			col.Values, col.Time, col.Identifier, col.Constant = values, false, false, false
		}
		out = append(out, col)
	}
	if o.Time != "" && !timed {
		return nil, 0, &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%s has no column %q for --time", o.From, o.Time), Hint: fmt.Sprintf("its columns are %q", r.Columns())}
	}
	return out, got.Rows, nil
}

// labelValues counts the different values of the label, the most frequent first.
func labelValues(o cli.InitOptions) ([]string, error) {
	r, err := table.Open(o.From)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	at := -1
	for i, c := range r.Columns() {
		if c == o.Label {
			at = i
		}
	}
	if at < 0 {
		return nil, &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%s has no column %q for --label", o.From, o.Label), Hint: fmt.Sprintf("its columns are %q", r.Columns())}
	}
	return frequent(r, at)
}

func frequent(r *table.Reader, at int) ([]string, error) {
	count := map[string]int{}
	for seen := 0; seen < 10*inferRows; seen++ {
		rec, err := r.Next()
		if _, bad := errors.AsType[*table.BadRow](err); bad {
			continue
		}
		if err != nil {
			break
		}
		if s := fmt.Sprint(rec.Values[at]); rec.Values[at] != nil && !frame.Missing(s) {
			if x, ok := frame.ParseNumber(s); ok {
				s = frame.FormatNumber(x)
			}
			count[s]++
		}
		if len(count) > config.MaxClasses+1 {
			break
		}
	}
	return byCount(count), nil
}
