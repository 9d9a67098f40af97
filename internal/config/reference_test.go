package config

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"hone"
	"hone/internal/frame"
)

var update = flag.Bool("update", false, "write the configuration reference anew")

const guide = "../../docs/guide/configuration.md"

// TestReference keeps the embedded reference and the guide equal to the
// comments of the structs.
func TestReference(t *testing.T) {
	want := newReference(t).write()
	if *update {
		if err := os.MkdirAll(filepath.Dir(guide), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"reference.md", guide} {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	if diff := cmp.Diff(want, Docs()); diff != "" {
		t.Errorf("reference.md differs from the comments; run go test ./internal/config -update\n%s", diff)
	}
	got, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s differs from the comments; run go test ./internal/config -update", guide)
	}
}

const intro = `# Configuration

Hone reads one YAML file, ` + "`hone.yaml`" + `, and the files ` + "`models/NAME.yaml`" + ` beside it, each of which holds the keys of one model at its
top. ` + "`hone init --from data.csv`" + ` writes a first one from data. Reading is strict: an unknown key, metric, feature or unit is
an error that names its file, its line, its column and the nearest known name.

| written | means |
|---|---|
| ` + "`90s`, `30m`, `36h`, `7d`, `20ms`" + ` | a duration |
| ` + "`20%` or `0.2`" + ` | a share |
| ` + "`500MiB`, `4GiB`, `1GB`" + ` | a size: 1 MiB is 1024 × 1024 bytes, 1 MB a million |
| ` + "`50_000`" + ` | a number; the underscores are for the reader |

A file may have 1 MiB, 10,000 values and 32 levels. Anchors, aliases, merge keys and tags of YAML are not read.

An example with most of the keys:

`

// page renders the structs as Markdown.
type page struct {
	t        *testing.T
	comments map[string]string // By Type.Field.
	defaults reflect.Value
	open     map[reflect.Type]bool // Being written: a rule inside a rule is not told again.
	b        strings.Builder
}

func newReference(t *testing.T) *page {
	p := &page{t: t, comments: map[string]string{}, open: map[reflect.Type]bool{}}
	for _, file := range []string{"../../model.go", "../../guardrail.go", "../../validation.go", "../../trigger.go", "../../loss.go", "../../costs.go", "config.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, field := range s.Fields.List {
					for _, name := range field.Names {
						p.comments[spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(field.Doc.Text()), " ")
					}
				}
			}
			return false
		})
	}
	// One comment explains both prices; kind says by its type what it is.
	p.comments["Loss.FalsePositive"] = p.comments["Loss.FalseNegative"]
	p.comments["Loss.Kind"] = "The shape of the loss; prices and a column imply it."
	m := hone.Model{Task: hone.Binary}
	Defaults(&m)
	m.Task = ""
	p.defaults = reflect.ValueOf(Config{
		Server: Server{Listen: "127.0.0.1:8420", Data: "hone-data"}, Models: map[string]hone.Model{"m": m},
	})
	return p
}

func (p *page) write() string {
	example, err := os.ReadFile("testdata/design.good.yaml")
	if err != nil {
		p.t.Fatal(err)
	}
	p.b.WriteString(intro + "```yaml\n" + string(example) + "```\n")
	p.section(reflect.TypeFor[Config](), p.defaults, "", "The file", "")
	return p.b.String()
}

// section writes the table of one struct, then the sections of those inside.
func (p *page) section(t reflect.Type, v reflect.Value, path, title, also string) {
	p.open[t] = true
	defer delete(p.open, t)
	fmt.Fprintf(&p.b, "\n## %s\n\n", title)
	if also != "" {
		fmt.Fprintf(&p.b, "May also be written as %s.\n\n", also)
	}
	p.b.WriteString("| key | type | default | meaning |\n|---|---|---|---|\n")
	var inner []func()
	for i := range t.NumField() {
		field := t.Field(i)
		key := field.Tag.Get("yaml")
		if key == "-" {
			continue
		}
		name := t.Name() + "." + key
		comment := p.comments[t.Name()+"."+field.Name]
		if comment == "" {
			p.t.Errorf("%s.%s has no comment", t.Name(), field.Name)
		}
		var value reflect.Value
		if v.IsValid() {
			value = v.Field(i)
		}
		def, meaning := p.defaultOf(name, comment, value)
		meaning = camel.ReplaceAllStringFunc(meaning, snake)
		sub := join(path, key)
		if rule := rules[name]; rule.also != "" && structIn(field.Type) == nil {
			meaning += " Write " + rule.also + "."
		}
		fmt.Fprintf(&p.b, "| `%s` | %s | %s | %s |\n", key, typeName(field.Type, name), def, strings.ReplaceAll(meaning, "|", "\\|"))
		if s := structIn(field.Type); s != nil && !p.open[s] {
			at, in := sub, reflect.Value{}
			switch field.Type.Kind() {
			case reflect.Struct:
				in = value
			case reflect.Map:
				at, in = sub+".NAME", value.MapIndex(reflect.ValueOf("m"))
			case reflect.Slice:
				at = sub + "[]"
			}
			inner = append(inner, func() {
				p.section(s, in, at, "`"+strings.TrimPrefix(at, "models.NAME.")+"`", rules[name].also)
			})
		}
	}
	for _, f := range inner {
		f()
	}
}

// camel finds the names of Go fields that are not also plain words.
var camel = regexp.MustCompile(`\b([A-Z][a-z]+){2,}\b`)

// snake turns such a name into the key that the file has.
func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return "`" + b.String() + "`"
}

var defaultSentence = regexp.MustCompile(` ?Default:? (.*)$`)

// defaultOf parts the default from the meaning, and checks that what the
// comment promises is what Defaults does.
func (p *page) defaultOf(name, comment string, v reflect.Value) (def, meaning string) {
	meaning = comment
	promised := ""
	if m := defaultSentence.FindStringSubmatchIndex(comment); m != nil {
		promised, meaning = strings.TrimSuffix(comment[m[2]:m[3]], "."), comment[:m[0]]
	}
	if rules[name].required {
		return "required", meaning
	}
	actual := ""
	if v.IsValid() && !v.IsZero() {
		actual = show(v, name)
	}
	short := promised != "" && !strings.ContainsAny(promised, " ")
	if actual != "" && short && strings.Trim(promised, `"`) != actual {
		p.t.Errorf("%s: the comment promises %q, Defaults gives %q", name, promised, actual)
	}
	switch {
	case actual != "":
		return "`" + actual + "`", meaning
	case short:
		return "`" + promised + "`", meaning
	case promised != "":
		return "see meaning", comment
	case v.IsValid() && v.Kind() == reflect.Bool:
		return "`false`", meaning
	case name == "Model.loss":
		return "`zero_one`; regression: `squared`", meaning
	case name == "Model.triggers":
		return "`[{recoverable_loss: {retrain_cost: 100}}]`", meaning
	case name == "RecoverableLoss.retrain_cost":
		return "`100`", meaning
	case name == "RolloutSpec.patience":
		return "`2%`; with `steps`, and strict: `100%`", meaning
	case name == "RolloutSpec.steps":
		return "`[{shadow: 300}, {weight: 50%}, {weight: 100%}]`; strict: shadow 1000, then 1, 5, 25, 50, 100 %", meaning
	}
	return "", meaning
}

// show writes a default value as the file would have it.
func show(v reflect.Value, name string) string {
	switch x := v.Interface().(type) {
	case hone.Duration:
		return x.String()
	case hone.Bytes:
		return formatBytes(x)
	}
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Float64:
		return write(v.Float(), name)
	}
	return ""
}

func structIn(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[frame.Field]() {
		return nil
	}
	return t
}

func typeName(t reflect.Type, name string) string {
	r := rules[name]
	if len(r.words) > 0 {
		return "`" + strings.Join(r.words, "`, `") + "`"
	}
	switch t {
	case reflect.TypeFor[hone.Duration]():
		return "duration"
	case reflect.TypeFor[hone.Bytes]():
		return "size"
	case reflect.TypeFor[hone.Price]():
		return "number or `auto`"
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "whole number"
	case reflect.Float64:
		return map[unit]string{plain: "number", share: "share", perMetric: "number, duration or size"}[r.unit]
	case reflect.Slice:
		if t == reflect.TypeFor[frame.Schema]() {
			return "mapping"
		}
		return "list"
	}
	return "mapping"
}
