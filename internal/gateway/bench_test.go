package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"hone"
	"hone/internal/frame"
	"hone/internal/gateway"
	"hone/internal/predictor"
)

// BenchmarkRequest is what a request of one row of 28 numbers costs between the web
// server and the model, in each of its forms.
func BenchmarkRequest(b *testing.B) {
	const width = 28
	m := hone.Model{Name: "wide", Task: hone.Binary}
	var values, named, object []string
	for i := range width {
		x := fmt.Sprintf("%d.%04d", i%10, 7919*i%10_000)
		m.Features = append(m.Features, frame.Field{Name: fmt.Sprintf("f%d", i), Kind: frame.Number})
		values = append(values, x)
		named = append(named, fmt.Sprintf(`{"name":"f%d","shape":[1],"datatype":"FP64","data":[%s]}`, i, x))
		object = append(object, fmt.Sprintf(`"f%d":%s`, i, x))
	}
	g := gateway.New(gateway.Options{Log: &journal{offer: func([]hone.Prediction) bool { return false }}, Model: func(string) (hone.Model, bool) { return m, true },
		Pool: poolFunc(func(string, hone.VersionID) (predictor.Predictor, error) { return echo(binary(m.Features)), nil })})
	b.Cleanup(g.Stop)
	if err := g.Apply(hone.Plan{Model: m.Name, Token: 1, Champion: "v1"}); err != nil {
		b.Fatal(err)
	}
	h := g.Handler(nil)
	f := func(name, path, body string) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if a := call(b, h, http.MethodPost, path, body); a.code != http.StatusOK {
					b.Fatalf("got %d %s", a.code, &a.body)
				}
			}
		})
	}
	f("named", "/v2/models/wide/infer", `{"inputs":[`+strings.Join(named, ",")+`]}`)
	f("matrix", "/v2/models/wide/infer", fmt.Sprintf(`{"inputs":[{"name":"input","shape":[1,%d],"datatype":"FP64","data":[%s]}]}`, width, strings.Join(values, ",")))
	f("short", "/api/v1/models/wide/predict", `{"features":{`+strings.Join(object, ",")+`}}`)
}
