package web_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"hone"
	"hone/internal/op"
)

type document struct {
	OpenAPI string
	Paths   map[string]map[string]struct {
		OperationID string `json:"operationId"`
		Summary     string
		Parameters  []struct {
			Name, In string
			Required bool
		}
		RequestBody struct{ Content content }
		Responses   map[string]struct{ Content content }
		Security    []map[string][]string
	}
}

type content map[string]struct {
	Schema *jsonschema.Schema
}

func readDocument(t *testing.T) document {
	t.Helper()
	got := shared.ask(t, "GET", "/api/v1/openapi.json", "", nil)
	var d document
	if err := json.Unmarshal([]byte(got.body), &d); err != nil {
		t.Fatal(err)
	}
	if d.OpenAPI != "3.1.0" || strings.Contains(got.body, `"$ref"`) {
		t.Fatalf("openapi %q", d.OpenAPI)
	}
	return d
}

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	d := readDocument(t)
	seen := map[string]bool{}
	for _, o := range op.All() {
		entry, ok := d.Paths[o.Path][strings.ToLower(o.Method)]
		if !ok || entry.Summary == "" || seen[entry.OperationID] {
			t.Errorf("%s: %s %s is not described, or twice", o.Name, o.Method, o.Path)
			continue
		}
		seen[entry.OperationID] = true
		if got, open := fmt.Sprint(entry.Security), o.May(op.Anonymous); got != map[bool]string{true: "[map[] map[token:[]]]", false: "[map[token:[]]]"}[open] {
			t.Errorf("%s: security %v for the role %s", o.Name, got, o.Role)
		}
		names := 0
		for _, p := range entry.Parameters {
			if p.In == "path" {
				names++
				if !p.Required || !strings.Contains(o.Path, "{"+p.Name+"}") {
					t.Errorf("%s: parameter %+v", o.Name, p)
				}
			}
		}
		if names != strings.Count(o.Path, "{") {
			t.Errorf("%s: %d of the names in %s are described", o.Name, names, o.Path)
		}
		if body := entry.RequestBody.Content["application/json"].Schema; takesBody(o) != (body != nil) {
			t.Errorf("%s: %s with body %v", o.Name, o.Method, body)
		} else if body != nil {
			if _, err := body.Resolve(nil); err != nil {
				t.Errorf("%s: request: %v", o.Name, err)
			}
		}
		if _, err := entry.Responses["200"].Content["application/json"].Schema.Resolve(nil); err != nil {
			t.Errorf("%s: response: %v", o.Name, err)
		}
	}
}

// takesBody tells whether an operation has fields that stand in no address.
func takesBody(o op.Operation) bool {
	for i := range o.In.NumField() {
		if tag := o.In.Field(i).Tag; tag.Get("path") == "" && tag.Get("query") == "" {
			return true
		}
	}
	return false
}

// TestAnswersKeepTheirSchema asks all that reads, on a Hone with data.
func TestAnswersKeepTheirSchema(t *testing.T) {
	t.Parallel()
	d := readDocument(t)
	var run hone.Run
	if err := json.Unmarshal([]byte(shared.ask(t, "GET", "/api/v1/runs/fraud-1", "", nil).body), &run); err != nil || run.Dataset == "" {
		t.Fatalf("run %+v, %v", run, err)
	}
	for _, o := range op.All() {
		if o.Method != "GET" {
			continue
		}
		for _, m := range []string{"fraud", "price"} {
			if (o.Name == "schema" || o.Name == "weights") && m == "price" {
				continue // It has no champion, and says so.
			}
			path := strings.NewReplacer("{model}", m, "{run}", "fraud-1", "{prediction_id}", map[string]string{"fraud": "p-1", "price": "h-1"}[m], "{dataset}", string(run.Dataset)).Replace(o.Path)
			if o.Name == "signals" {
				path += "?" + url.Values{"name": {"traffic.served"}, "limit": {"3"}}.Encode()
			}
			got := shared.ask(t, "GET", path, "", as(token(op.Admin)))
			var answer any
			if err := json.Unmarshal([]byte(got.body), &answer); err != nil || got.status != 200 {
				t.Errorf("%s: %d %.200s", path, got.status, got.body)
				continue
			}
			schema, err := d.Paths[o.Path]["get"].Responses["200"].Content["application/json"].Schema.Resolve(nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(answer); err != nil {
				t.Errorf("%s: %v\n%.300s", path, err, got.body)
			}
		}
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(shared.metrics))
	if err != nil {
		t.Fatal(err)
	}
	value := func(name string, labels map[string]string) (float64, bool) {
		for _, m := range families[name].GetMetric() {
			if matches(m, labels) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount()), true
			}
		}
		return 0, false
	}
	fraud := map[string]string{"model": "fraud"}
	for name, want := range map[string]float64{"hone_predictions_total": 500, "hone_requests_total": 1, "hone_request_errors_total": 0,
		"hone_fallbacks_total": 0, "hone_log_shed_total": 0, "hone_request_seconds": 1, "hone_model_needs_person": 0, "hone_model_run_open": 0} {
		if v, ok := value(name, fraud); !ok || v != want {
			t.Errorf("%s is %v (%v), want %v", name, v, ok, want)
		}
	}
	for name, labels := range map[string]map[string]string{
		"loss":     {"model": "fraud", "signal": "loss", "slice": ""},
		"a slice":  {"model": "fraud", "signal": "loss", "slice": "country=DE"},
		"accuracy": {"model": "fraud", "signal": "accuracy", "slice": ""},
	} {
		if v, ok := value("hone_signal", labels); !ok || v < 0 || v > 1 {
			t.Errorf("%s is %v (%v)", name, v, ok)
		}
	}
	for name, f := range families {
		if strings.HasPrefix(name, "hone_") && f.GetHelp() == "" {
			t.Errorf("%s has no help", name)
		}
	}
}

func matches(m *dto.Metric, labels map[string]string) bool {
	for _, l := range m.GetLabel() {
		if want, ok := labels[l.GetName()]; ok && want != l.GetValue() {
			return false
		}
	}
	return true
}
