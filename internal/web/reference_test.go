package web_test

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"hone/internal/op"
)

var update = flag.Bool("update", false, "rewrite generated documents")

// TestReference keeps docs/guide/rest.md and the tables of people.md equal to the
// operations.
func TestReference(t *testing.T) {
	t.Parallel()
	keep(t, "../../docs/guide/rest.md", func(string) string { return reference() })
	keep(t, "../../docs/guide/people.md", func(page string) string {
		before, rest, ok := strings.Cut(page, "<!-- who may what -->\n")
		_, after, ok2 := strings.Cut(rest, "<!-- end -->\n")
		if !ok || !ok2 {
			t.Fatal("people.md does not say where its tables stand")
		}
		return before + "<!-- who may what -->\n" + whoMayWhat() + "<!-- end -->\n" + after
	})
}

func keep(t *testing.T, path string, made func(page string) string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := made(string(got))
	if want == string(got) {
		return
	}
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s is not what the operations say; go test ./internal/web -run Reference -update rewrites it", path)
}

// whoMayWhat is a table of the roles, and one of what each may do.
func whoMayWhat() string {
	var b strings.Builder
	b.WriteString("| role | of | who has it |\n|---|---|---|\n")
	for _, g := range op.Grants() {
		of := "people, services"
		switch {
		case g.Role == op.Anonymous:
			of = "nobody"
		case g.Machine:
			of = "services"
		case g.Role == op.Approver:
			of = "people"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", g.Role, of, g.Sentence)
	}
	b.WriteString("\n| |")
	for _, g := range op.Grants() {
		fmt.Fprintf(&b, " %s |", g.Role)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(op.Grants())) + "\n")
	row := func(name string, may func(op.Role) bool) {
		fmt.Fprintf(&b, "| %s |", name)
		for _, g := range op.Grants() {
			fmt.Fprintf(&b, " %s |", map[bool]string{true: "yes"}[may(g.Role)])
		}
		b.WriteString("\n")
	}
	for _, o := range append(op.All(), op.Predict()) {
		name := "`" + o.Name + "`"
		if o.Person {
			name += " ¹"
		}
		row(name, o.May)
	}
	row("`/v2` (but health)", func(r op.Role) bool { return r.May(op.Predictor) })
	row("`/api/v1/events`, `/metrics`", func(r op.Role) bool { return r.May(op.Viewer) })
	b.WriteString("\n¹ A person alone: a service may not, whatever its role.\n")
	return b.String()
}

func reference() string {
	var b strings.Builder
	b.WriteString(`# REST

Made from the operations (` + "`go test ./internal/web -run Reference -update`" + `). The same document for
machines: ` + "`GET /api/v1/openapi.json`" + `. Answers are JSON; errors are problem details (RFC 9457)
with ` + "`code` and `hint`" + `. Without a token everybody on this machine may read and send data; what
needs more wants ` + "`Authorization: Bearer TOKEN`" + `, the owner's being in the data folder, in the file ` + "`token`" + `.
[people.md](people.md) says who may do what.

Predictions: ` + "`POST /v2/models/{model}/infer`" + ` (Open Inference Protocol v2, also with
` + "`/versions/{version}`" + `), or the short form ` + "`POST /api/v1/models/{model}/predict`" + ` with
` + "`{\"features\": {…}, \"prediction_id\": \"…\", \"unit\": \"…\"}` or `{\"rows\": […]}`" + `. The same port speaks
gRPC (` + "`inference.GRPCInferenceService`" + `, see [serving.md](serving.md)). What changes is streamed
from ` + "`GET /api/v1/events`" + ` (server-sent events: ` + "`audit`, `status`" + `). With a token of the role
predictor, ` + "`GET /api/v1/models/{model}/versions/{version}/files/{file}`" + ` gives one of a version's files as it is
([served elsewhere](external.md)).

| operation | role | takes | what it does |
|---|---|---|---|
`)
	for _, o := range op.All() {
		fmt.Fprintf(&b, "| `%s %s` | %s | %s | %s. `%s` |\n", o.Method, o.Path, strings.Join(append([]string{string(o.Role)}, also(o)...), ", "), inputs(o.In), o.Summary, strings.ReplaceAll(o.Example, "|", "\\|"))
	}
	return b.String()
}

func also(o op.Operation) (out []string) {
	for _, r := range o.Also {
		out = append(out, string(r))
	}
	return out
}

func inputs(t reflect.Type) string {
	var out []string
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("query")
		if f.Tag.Get("path") != "" {
			continue
		}
		if name == "" {
			name, _, _ = strings.Cut(f.Tag.Get("json"), ",")
		} else {
			name = "?" + name
		}
		out = append(out, "`"+name+"`: "+f.Tag.Get("help"))
	}
	return strings.Join(out, "<br>")
}
