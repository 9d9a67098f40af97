package web

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"sync"

	"github.com/google/jsonschema-go/jsonschema"

	"hone"
	"hone/internal/op"
)

// document is the OpenAPI description, made once from the operations.
var document = sync.OnceValues(func() ([]byte, error) {
	paths := map[string]map[string]any{}
	for _, o := range op.All() {
		entry, err := describe(o)
		if err != nil {
			return nil, err
		}
		if paths[o.Path] == nil {
			paths[o.Path] = map[string]any{}
		}
		paths[o.Path][strings.ToLower(o.Method)] = entry
	}
	return json.MarshalIndent(map[string]any{
		"openapi": "3.1.0",
		"info":    map[string]any{"title": "Hone", "version": "1", "description": "Continuous training: every operation, as the command line has it too. Predictions are served by the Open Inference Protocol v2 under /v2."},
		"paths":   paths,
		"components": map[string]any{"securitySchemes": map[string]any{
			"token": map[string]any{"type": "http", "scheme": "bearer", "description": "A principal's token: `hone principal add` makes one. Without it callers from the server's own machine may read and send data, unless the server says otherwise."}}},
	}, "", "  ")
})

// OpenAPI returns the OpenAPI document of all operations.
func OpenAPI() ([]byte, error) { return document() }

func openAPI(w http.ResponseWriter, _ *http.Request) {
	b, err := document()
	if err != nil {
		problem(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(b)
}

func describe(o op.Operation) (map[string]any, error) {
	out, err := schemaOf(o.Out)
	if err != nil {
		return nil, err
	}
	entry := map[string]any{
		"operationId": strings.ReplaceAll(o.Name, " ", "_"), "summary": o.Summary,
		"description": strings.TrimSpace(o.Help + "\n\nRole: " + string(o.Role) + ". Roles that may: " + strings.Join(who(o), ", ") + ". Command: `" + o.Example + "`"),
		"responses": map[string]any{
			"200":     map[string]any{"description": "done", "content": jsonOf(out)},
			"default": map[string]any{"description": "problem details (RFC 9457) with code and hint", "content": map[string]any{"application/problem+json": map[string]any{}}},
		},
	}
	security := []any{map[string]any{"token": []any{}}}
	if o.May(op.Anonymous) { // Where the server lets them in.
		security = append([]any{map[string]any{}}, security...)
	}
	entry["security"] = security
	var parameters []any
	body := false
	for i := range o.In.NumField() {
		f := o.In.Field(i)
		where, name := "path", f.Tag.Get("path")
		if name == "" {
			where, name = "query", f.Tag.Get("query")
		}
		if name == "" {
			body = true
			continue
		}
		parameters = append(parameters, map[string]any{"name": name, "in": where, "required": where == "path",
			"description": f.Tag.Get("help"), "schema": map[string]any{"type": jsonType(f.Type)}})
	}
	if parameters != nil {
		entry["parameters"] = parameters
	}
	if body {
		in, err := schemaOf(o.In)
		if err != nil {
			return nil, err
		}
		entry["requestBody"] = map[string]any{"content": jsonOf(in)}
	}
	return entry, nil
}

// who lists the roles that may do an operation.
func who(o op.Operation) (out []string) {
	for _, g := range op.Grants() {
		if o.May(g.Role) {
			out = append(out, string(g.Role))
		}
	}
	return out
}

func jsonOf(schema any) map[string]any {
	return map[string]any{"application/json": map[string]any{"schema": schema}}
}

func jsonType(t reflect.Type) string {
	if s, ok := written[t]; ok {
		return s.Type
	}
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	}
	return "integer"
}

// written are the types whose JSON is not that of their Go kind.
var written = map[reflect.Type]*jsonschema.Schema{
	reflect.TypeFor[hone.Duration]():   {Type: "string", Description: "a length of time: 90s, 36h, 7d"},
	reflect.TypeFor[json.RawMessage](): {},
	// A schema cannot hold itself here.
	reflect.TypeFor[hone.Triggers](): {Types: []string{"null", "array"}, Items: &jsonschema.Schema{Type: "object"}, Description: "triggers, written as those of the model"},
}

func schemaOf(t reflect.Type) (*jsonschema.Schema, error) {
	s, err := jsonschema.ForType(t, &jsonschema.ForOptions{IgnoreInvalidTypes: true, TypeSchemas: written})
	if err == nil {
		allowNull(s)
	}
	return s, err
}

// allowNull admits null for maps, as encoding/json writes those that are nil.
func allowNull(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	if s.Type == "object" && s.Properties == nil {
		s.Type, s.Types = "", []string{"null", "object"}
	}
	for _, p := range s.Properties {
		allowNull(p)
	}
	allowNull(s.Items)
	allowNull(s.AdditionalProperties)
}
