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

// TestReference keeps docs/guide/rest.md equal to the operations.
func TestReference(t *testing.T) {
	t.Parallel()
	const path = "../../docs/guide/rest.md"
	want := reference()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the operations say; go test ./internal/web -run Reference -update rewrites it", path)
	}
}

func reference() string {
	var b strings.Builder
	b.WriteString(`# REST

Made from the operations (` + "`go test ./internal/web -run Reference -update`" + `). The same document for
machines: ` + "`GET /api/v1/openapi.json`" + `. Answers are JSON; errors are problem details (RFC 9457)
with ` + "`code` and `hint`" + `. Without a token everybody on this machine has the role feedback; what
needs more wants ` + "`Authorization: Bearer TOKEN`" + `, the owner's being in the data folder, in the file ` + "`token`" + `.

Predictions: ` + "`POST /v2/models/{model}/infer`" + ` (Open Inference Protocol v2, also with
` + "`/versions/{version}`" + `), or the short form ` + "`POST /api/v1/models/{model}/predict`" + ` with
` + "`{\"features\": {…}, \"prediction_id\": \"…\", \"unit\": \"…\"}` or `{\"rows\": […]}`" + `. What changes is streamed
from ` + "`GET /api/v1/events`" + ` (server-sent events: ` + "`audit`, `status`" + `).

| operation | role | takes | what it does |
|---|---|---|---|
`)
	for _, o := range op.All() {
		fmt.Fprintf(&b, "| `%s %s` | %s | %s | %s. `%s` |\n", o.Method, o.Path, o.Role, inputs(o.In), o.Summary, strings.ReplaceAll(o.Example, "|", "\\|"))
	}
	return b.String()
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
