package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"hone"
	"hone/internal/frame"
	"hone/internal/gateway"
	"hone/internal/predictor"
)

// answer is a ResponseWriter that keeps what is written.
type answer struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }
func (a *answer) WriteHeader(c int)   { a.code = c }
func (a *answer) Write(b []byte) (int, error) {
	return a.body.Write(b)
}

func call(t testing.TB, h http.Handler, method, path, body string) *answer {
	t.Helper()
	r, err := http.NewRequest(method, path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	a := &answer{header: http.Header{}, code: http.StatusOK}
	h.ServeHTTP(a, r)
	return a
}

// echo scores each row by its amount, so that a test sees what was understood.
func echo(sig hone.Signature) version {
	return version{sig, func(_ context.Context, f *frame.Frame) (hone.Scores, error) {
		s := hone.Scores{Width: sig.Width(), V: make([]float64, f.N*sig.Width())}
		for i := range f.N {
			for k := range s.Width {
				if x, ok := f.Value(i, 0).(float64); ok {
					s.V[i*s.Width+k] = x / float64(k+1)
				}
			}
		}
		return s, nil
	}}
}

// models of the handler's tests: fraud has mixed features and two classes,
// numbers has only numbers and gives a value, kinds has three classes.
func web(t testing.TB) (http.Handler, *journal) {
	t.Helper()
	models := map[string]hone.Model{
		"fraud":   fraud,
		"numbers": {Name: "numbers", Task: hone.Regression, Features: frame.Schema{{Name: "a", Kind: frame.Number}, {Name: "b", Kind: frame.Number}}},
		"kinds":   {Name: "kinds", Task: hone.Multiclass, Features: fraud.Features},
		"empty":   {Name: "empty", Task: hone.Binary, Features: fraud.Features},
	}
	log := &journal{}
	sigs := map[string]hone.Signature{"fraud": binary(fraud.Features),
		"numbers": {Task: hone.Regression, Features: models["numbers"].Features},
		"kinds":   {Task: hone.Multiclass, Features: fraud.Features, Classes: []string{"x", "y", `"z"`}}}
	g := gateway.New(gateway.Options{Log: log, Model: func(n string) (hone.Model, bool) { m, ok := models[n]; return m, ok },
		Pool: poolFunc(func(model string, v hone.VersionID) (predictor.Predictor, error) {
			if v != "v1" && v != "v2" {
				return nil, &hone.Error{Code: hone.NotFound, Message: "there is no version " + string(v)}
			}
			return echo(sigs[model]), nil
		})})
	t.Cleanup(g.Stop)
	for name := range sigs {
		if err := g.Apply(hone.Plan{Model: name, Token: 1, Champion: "v1", StickyBy: "user_id"}); err != nil {
			t.Fatal(err)
		}
	}
	return g.Handler(func(r *http.Request, model string) error {
		if r.Header.Get("Authorization") == "bad" || model == "secret" {
			return &hone.Error{Code: hone.Unknown, Message: "you may not ask " + model, Hint: "bring a token"}
		}
		return nil
	}), log
}

type poolFunc func(model string, v hone.VersionID) (predictor.Predictor, error)

func (f poolFunc) Acquire(_ context.Context, model string, v hone.VersionID) (predictor.Predictor, func(), error) {
	p, err := f(model, v)
	return p, func() {}, err
}
func (poolFunc) Keep(string, ...hone.VersionID) {}

func TestInfer(t *testing.T) {
	t.Parallel()
	h, _ := web(t)
	f := func(model, body, want string) {
		t.Helper()
		a := call(t, h, "POST", "/v2/models/"+model+"/infer", body)
		if got := strings.TrimSpace(a.body.String()); a.code != 200 || got != want {
			t.Errorf("%s\n got %d %s\nwant %s", body, a.code, got, want)
		}
	}
	outputs := func(id, outputs string) string {
		return `{"model_name":"fraud","model_version":"v1",` + id + `"outputs":[` + outputs + `]}`
	}
	one := `{"name":"score","datatype":"FP64","shape":[1],"data":[0.75]},{"name":"class","datatype":"BYTES","shape":[1],"data":["1"]}`
	f("fraud", `{"id":"p1","inputs":[{"name":"amount","shape":[1],"datatype":"FP64","data":[0.75]}]}`, outputs(`"id":"p1",`, one))
	// The keys of a tensor come in any order, and unknown ones are passed over.
	f("fraud", ` { "id" : "p1" , "extra":{"a":[1,{"b":null}]}, "parameters":{"unit":"u","x":1}, "inputs" : [ { "data":[ [7.5e-1 ] ], "more":[],"datatype":"FP32","shape":[1,1],"name":"amount" } ] } `, outputs(`"id":"p1",`, one))
	two := `{"name":"score","datatype":"FP64","shape":[2],"data":[0.5,0]},{"name":"class","datatype":"BYTES","shape":[2],"data":["1","0"]}`
	named := `,{"name":"prediction_id","datatype":"BYTES","shape":[2],"data":[%q,%q]}`
	f("fraud", `{"id":"p","inputs":[{"name":"amount","shape":[2,1],"datatype":"FP64","data":[[0.5],[null]]},{"name":"country","shape":[2],"datatype":"BYTES","data":["d\u00e9",null]}]}`,
		outputs(`"id":"p",`, two+fmt.Sprintf(named, "p-0", "p-1")))
	f("fraud", `{"id":"p","inputs":[{"name":"amount","shape":[2],"datatype":"FP64","data":[0.5,NaN]},{"name":"prediction_id","shape":[2],"datatype":"BYTES","data":["a","b"]}]}`,
		outputs(`"id":"p",`, two+fmt.Sprintf(named, "a", "b")))
	f("fraud", `{"id":"p","inputs":[{"name":"amount","shape":[1],"datatype":"BOOL","data":[true]}],"outputs":[{"name":"class"}]}`,
		outputs(`"id":"p",`, `{"name":"class","datatype":"BYTES","shape":[1],"data":["1"]}`))
	f("fraud", `{"id":"p","inputs":[{"name":"amount","shape":[1],"datatype":"INT8","data":[-128]}],"outputs":[{"name":"score"},{"name":"version"}]}`,
		outputs(`"id":"p",`, `{"name":"score","datatype":"FP64","shape":[1],"data":[-128]},{"name":"version","datatype":"BYTES","shape":[1],"data":["v1"]}`))
	f("fraud", `{"id":"p","inputs":[{"name":"amount","shape":[1],"datatype":"BYTES","data":["0.125"]}],"outputs":[{"name":"score"}]}`,
		outputs(`"id":"p",`, `{"name":"score","datatype":"FP64","shape":[1],"data":[0.125]}`))

	values := `{"model_name":"numbers","model_version":"v1","id":"n","outputs":[{"name":"value","datatype":"FP64","shape":[2],"data":[1.5,-3e-09]},{"name":"prediction_id","datatype":"BYTES","shape":[2],"data":["n-0","n-1"]}]}`
	f("numbers", `{"id":"n","inputs":[{"name":"input","shape":[2,2],"datatype":"FP64","data":[1.5,2,-3e-9,4]}]}`, values)
	f("numbers", `{"id":"n","inputs":[{"name":"whatever","shape":[2,2],"datatype":"FP32","data":[[1.5,2],[-3e-9,null]]}]}`, values)
	f("kinds", `{"id":"k","inputs":[{"name":"amount","shape":[1],"datatype":"FP64","data":[0.5]}]}`,
		`{"model_name":"kinds","model_version":"v1","id":"k","outputs":[{"name":"score","datatype":"FP64","shape":[1,3],"parameters":{"classes":["x","y","\"z\""]},"data":[0.5,0.25,0.16666666666666666]},{"name":"class","datatype":"BYTES","shape":[1],"data":["x"]}]}`)
}

func TestInferHeadersAndLog(t *testing.T) {
	t.Parallel()
	h, log := web(t)
	a := call(t, h, "POST", "/v2/models/fraud/infer", `{"inputs":[{"name":"amount","shape":[1],"datatype":"FP64","data":[0.5]},
		{"name":"country","shape":[1],"datatype":"INT64","data":[9007199254740993]},{"name":"user_id","shape":[1],"datatype":"INT32","data":[17]}]}`)
	p := log.predictions()[0]
	if a.code != 200 || !strings.HasPrefix(string(p.ID), hone.OwnPrefix) || p.Unit != "17" {
		t.Errorf("got %d %s, logged %+v", a.code, &a.body, p)
	}
	back := frame.New(fraud.Features, 1)
	if err := back.DecodeRow(0, p.Features); err != nil || back.Value(0, 1) != "9007199254740993" || back.Value(0, 2) != nil {
		t.Errorf("logged %v, %v", back.Cols, err)
	}
	want := map[string]string{"Content-Type": "application/json", "Hone-Version": "v1", "Hone-Route": "champion", "Hone-Log": "buffered",
		"Hone-Prediction-Id": string(p.ID), "Content-Length": fmt.Sprint(a.body.Len())}
	for k, v := range want {
		if got := a.header.Get(k); got != v {
			t.Errorf("%s is %q, want %q", k, got, v)
		}
	}
	if !strings.Contains(a.body.String(), `{"name":"prediction_id","datatype":"BYTES","shape":[1],"data":["`+string(p.ID)+`"]}`) {
		t.Errorf("the made id is not told: %s", &a.body)
	}
	a = call(t, h, "POST", "/v2/models/fraud/versions/v2/infer", `{"id":"x","inputs":[{"name":"amount","shape":[1],"datatype":"FP64","data":[0.5]},{"name":"unit","shape":[1],"datatype":"BYTES","data":["me"]}]}`)
	if a.header.Get("Hone-Version") != "v2" || a.header.Get("Hone-Route") != "version" || log.predictions()[1].Unit != "me" {
		t.Errorf("by name: %v, logged %+v", a.header, log.predictions()[1])
	}
}

func TestInferRefuses(t *testing.T) {
	t.Parallel()
	h, log := web(t)
	f := func(model, body string, code int, words ...string) {
		t.Helper()
		a := call(t, h, "POST", "/v2/models/"+model+"/infer", body)
		var e struct{ Error string }
		if err := json.Unmarshal(a.body.Bytes(), &e); err != nil || a.code != code || e.Error == "" {
			t.Errorf("%.200s\n got %d %s, want %d", body, a.code, &a.body, code)
		}
		for _, w := range words {
			if !strings.Contains(e.Error, w) {
				t.Errorf("%.200s\n got %q, want it to hold %q", body, e.Error, w)
			}
		}
	}
	with := func(inputs string) string { return `{"inputs":[` + inputs + `]}` }
	amount := func(datatype, shape, data string) string {
		return with(fmt.Sprintf(`{"name":"amount","shape":%s,"datatype":%q,"data":%s}`, shape, datatype, data))
	}
	good := `{"name":"amount","shape":[1],"datatype":"FP64","data":[1]}`
	for _, body := range []string{``, `null`, `[]`, `{`, `{"inputs"`, `{"inputs":[`, with(good) + `x`, with(good)[:30], `{"id":1,"inputs":[` + good + `]}`,
		`{"inputs":[` + good + `,]}`, `{"x":[}],"inputs":[` + good + `]}`, "{\"id\":\"a\nb\"}", `{"id":"\q"}`, `{"outputs":[1],"inputs":[` + good + `]}`} {
		f("fraud", body, 400, "byte")
	}
	f("fraud", `{}`, 400, "no inputs")
	f("fraud", strings.Repeat(`{"a":`, 100)+"1", 400, "nested deeper")
	f("fraud", `{"x":`+strings.Repeat(`[`, 1_000_000), 400, "nested deeper")
	f("fraud", with(`{"shape":[1],"datatype":"FP64","data":[1]}`), 400, "has no name")
	f("fraud", with(`{"name":"amount","shape":[1],"datatype":"FP64"}`), 400, "has no data", "binary_data=False")
	f("fraud", with(`{"name":"amount","datatype":"FP64","data":[1]}`), 400, "shape")
	f("fraud", with(good+","+good), 400, `"amount" comes twice`)
	f("fraud", with(`{"name":"amonut","shape":[1],"datatype":"FP64","data":[1]}`), 400, `no feature "amonut"`, `did you mean "amount"?`)
	f("fraud", with(`{"name":"cuontry","shape":[1,1],"datatype":"BYTES","data":["x"]},`+good), 400, `did you mean "country"?`)
	f("fraud", with(`{"name":"unit","shape":[1],"datatype":"BYTES","data":["x"]}`), 400, "none of the features")
	f("fraud", with(good+`,{"name":"age","shape":[2],"datatype":"FP64","data":[1,2]}`), 400, `"age"`, "[2]", "[1]")
	f("fraud", amount("FP64", "[2]", "[1]"), 400, "1 elements", "[2] has 2")
	f("fraud", amount("FP64", "[2]", "[1,2,3]"), 400, "more than the 2")
	f("fraud", amount("FP64", "[2]", "[[1],[2]]"), 400, "deeper than the shape")
	f("fraud", amount("FP64", "[2,1]", "[[1],2]"), 400, "neither flat nor nested")
	f("fraud", amount("FP64", "[2,1]", "[[1,2]]"), 400, "2 elements where")
	f("fraud", amount("FP64", "[1,1,1]", "[1]"), 400, "shape")
	f("fraud", amount("FP64", "[1,2]", "[1,2]"), 400, "[1 2]")
	f("fraud", amount("FP64", "[0]", "[]"), 400, "at least one row")
	f("fraud", amount("FP64", "[-1]", "[1]"), 400, "dimension -1")
	f("fraud", amount("FP64", "[1.5]", "[1]"), 400, "dimension 1.5")
	f("fraud", amount("FP64", "[10001]", "[1]"), 413, "10001 rows")
	f("fraud", amount("FP64", "[1]", "[]"), 400, "0 elements")
	f("fraud", amount("FP64", "[1]", "1"), 400, "neither flat")
	for _, bad := range []string{"01", "1.", ".5", "+1", "1e", "0x10", "1_0", "tru", "-", "{}", "nul", "1e999"} {
		f("fraud", amount("FP64", "[1]", "["+bad+"]"), 400, "byte")
	}
	f("fraud", amount("FP64", "[1]", `["x"]`), 400, "FP64", "element 0 is a string")
	f("fraud", amount("FP64", "[1]", `[true]`), 400, "element 0 is a boolean")
	f("fraud", amount("INT8", "[1]", `[128]`), 400, "INT8", "128")
	f("fraud", amount("UINT64", "[1]", `[-1]`), 400, "-1")
	f("fraud", amount("INT32", "[1]", `[1.5]`), 400, "1.5")
	f("fraud", amount("BOOL", "[1]", `[2]`), 400, "BOOL")
	f("fraud", amount("BYTES", "[1]", `["ten"]`), 400, `"ten"`, "is a number")
	f("fraud", amount("FP128", "[1]", `[1]`), 400, "FP128")
	f("fraud", amount("", "[1]", `[1]`), 400, "datatype")
	f("fraud", `{"id":"a b","inputs":[`+good+`]}`, 400, "printable")
	f("fraud", `{"outputs":[{"name":"probability"}],"inputs":[`+good+`]}`, 400, "probability", "score, class")
	f("fraud", with(`{"name":"prediction_id","shape":[2],"datatype":"BYTES","data":["a","a"]},{"name":"amount","shape":[2],"datatype":"FP64","data":[1,2]}`), 400, "rows 0 and 1")
	f("fraud", with(`{"name":"country","shape":[1],"datatype":"BYTES","data":["`+strings.Repeat("x", 65<<10)+`"]}`), 400, "65536")
	f("fraud", strings.Repeat(" ", 17<<20), 413, "16 MiB")
	f("fraud", with(strings.Repeat("{},", 1_000_000)+"{}"), 400, "more inputs")
	f("fraud", with(`{"name":"input","shape":[1,3],"datatype":"FP64","data":[1,2,3]}`), 400, `"country" is no number`)
	f("numbers", with(`{"name":"input","shape":[1,3],"datatype":"FP64","data":[1,2,3]}`), 400, "3 columns", "2 features")
	f("nobody", with(good), 404, `"nobody"`)
	f("empty", with(good), 503, "no champion yet")
	f("secret", with(good), 401, "you may not ask secret")
	if n := len(log.predictions()); n != 0 {
		t.Errorf("%d predictions were logged", n)
	}
}

func TestShortForm(t *testing.T) {
	t.Parallel()
	h, log := web(t)
	ok := func(model, body, want string) {
		t.Helper()
		a := call(t, h, "POST", "/api/v1/models/"+model+"/predict", body)
		if got := strings.TrimSpace(a.body.String()); a.code != 200 || got != want {
			t.Errorf("%s\n got %d %s\nwant %s", body, a.code, got, want)
		}
	}
	ok("fraud", `{"features":{"amount":0.75,"country":"de","age":null},"prediction_id":"p1","unit":"u1"}`,
		`{"prediction_id":"p1","version":"v1","route":"champion","answer":"1","score":0.75}`)
	if p := log.predictions()[0]; p.Unit != "u1" {
		t.Errorf("logged %+v", p)
	}
	ok("kinds", `{"features":{"amount":0.5,"country":7,"user_id":12},"prediction_id":"p1"}`,
		`{"prediction_id":"p1","version":"v1","route":"champion","answer":"x","scores":{"x":0.5,"y":0.25,"\"z\"":0.16666666666666666}}`)
	if p := log.predictions()[1]; p.Unit != "12" {
		t.Errorf("logged %+v", p)
	}
	ok("numbers", `{"rows":[{"features":{"a":2.5},"prediction_id":"a"},{"features":{"b":1},"prediction_id":"b"}]}`,
		`{"predictions":[{"prediction_id":"a","version":"v1","route":"champion","answer":"2.5","value":2.5},{"prediction_id":"b","version":"v1","route":"champion","answer":"0","value":0}]}`)

	bad := func(model, body string, code int, words ...string) {
		t.Helper()
		a := call(t, h, "POST", "/api/v1/models/"+model+"/predict", body)
		var p struct {
			Type, Title, Detail, Hint, Code string
			Status                          int
		}
		if err := json.Unmarshal(a.body.Bytes(), &p); err != nil || a.code != code || p.Status != code || a.header.Get("Content-Type") != "application/problem+json" ||
			p.Type == "" || p.Title == "" || p.Hint == "" || p.Code == "" {
			t.Errorf("%.200s\n got %d %v %s, want %d", body, a.code, a.header, &a.body, code)
		}
		for _, w := range words {
			if !strings.Contains(p.Detail+p.Hint, w) {
				t.Errorf("%.200s\n got %+v, want it to hold %q", body, p, w)
			}
		}
	}
	bad("fraud", `{"features":{"amonut":1}}`, 400, "amonut", `did you mean "amount"?`)
	bad("fraud", `{"features":{}}`, 400, "none of the features")
	bad("fraud", `{"amount":1}`, 400, `"amount" is not known`, "features")
	bad("fraud", `{"features":{"amount":"ten"}}`, 400, `"amount" wants a number`)
	bad("fraud", `{"features":{"amount":{"a":1}}}`, 400, `"amount" wants a number`)
	bad("fraud", `{"features":{"amount":1e999}}`, 400, "1e999")
	bad("fraud", `{"features":{"country":"`+strings.Repeat("x", 65<<10)+`"}}`, 400, "65536")
	bad("fraud", `{"rows":[{"features":{"amount":1}},{"features":{"amuont":1}}]}`, 400, "row 1: ", "amuont")
	bad("fraud", `{"rows":[]}`, 400, "empty")
	bad("fraud", `{"rows":[`+strings.Repeat(`{},`, 10_000)+`{}]}`, 413, "10000")
	bad("fraud", `{"rows":[{}],"unit":"x"}`, 400, "other keys")
	bad("fraud", `{"features":{"amount":1},"prediction_id":"`+strings.Repeat("x", 200)+`"}`, 400, "longer than 128 bytes")
	bad("fraud", `{"features":`+strings.Repeat(`[`, 1000), 400, "nested deeper")
	for _, body := range []string{``, `null`, `7`, `{"features":`, `{"features":{"amount":1}}x`, `{"rows":7}`, `{"rows":[7]}`, `{"features":[1]}`, `{"features":{"amount":1},"unit":7}`} {
		bad("fraud", body, 400)
	}
	bad("nobody", `{}`, 404, "nobody")
	bad("empty", `{"features":{"amount":1}}`, 503, "no champion yet")
	bad("secret", `{}`, 401, "secret")
}

func TestHealthAndMetadata(t *testing.T) {
	t.Parallel()
	h, _ := web(t)
	f := func(path string, code int, words ...string) {
		t.Helper()
		a := call(t, h, "GET", path, "")
		if a.code != code || !json.Valid(a.body.Bytes()) {
			t.Errorf("%s: %d %s, want %d", path, a.code, &a.body, code)
		}
		for _, w := range words {
			if !strings.Contains(a.body.String(), w) {
				t.Errorf("%s: %s, want it to hold %s", path, &a.body, w)
			}
		}
	}
	f("/v2", 200, `"name":"hone"`, `"version"`, `"extensions"`)
	f("/v2/health/live", 200, `"live":true`)
	f("/v2/health/ready", 200, `"ready":true`)
	f("/v2/models/fraud", 200, `"versions":["v1"]`, `"platform"`, `{"name":"amount","datatype":"FP64","shape":[-1]}`, `{"name":"country","datatype":"BYTES","shape":[-1]}`, `{"name":"score","datatype":"FP64","shape":[-1]}`)
	f("/v2/models/kinds/versions/v2", 200, `"versions":["v2"]`, `"shape":[-1,3],"classes":["x","y","\"z\""]`)
	f("/v2/models/numbers", 200, `{"name":"value","datatype":"FP64","shape":[-1]}`)
	f("/v2/models/empty", 200, `"versions":[]`, `"amount"`)
	f("/v2/models/fraud/versions/v9", 404, "v9")
	f("/v2/models/nobody", 404, "nobody")
	f("/v2/models/secret", 401, "secret")
	f("/v2/models/fraud/ready", 200, `"ready":true`)
	f("/v2/models/empty/ready", 503, `"ready":false`)
	f("/v2/models/fraud/versions/v1/ready", 200, `"ready":true`)
	f("/v2/models/fraud/versions/v9/ready", 503, `"ready":false`)
}

// FuzzInfer feeds the decoder: it never breaks, takes only JSON (or Python's
// NaN), and answers only JSON.
func FuzzInfer(f *testing.F) {
	for _, s := range []string{
		`{"id":"p","inputs":[{"name":"amount","shape":[2,1],"datatype":"FP64","data":[[0.5],[null]]},{"name":"country","shape":[2],"datatype":"BYTES","data":["d\u00e9",null]}]}`,
		`{"inputs":[{"name":"age","shape":[1],"datatype":"INT64","data":[-1e1]},{"name":"unit","shape":[1],"datatype":"BYTES","data":["\ud83d\ude00\\\""]}],"outputs":[{"name":"class"}],"parameters":{"unit":"x"}}`,
		`{"inputs":[{"name":"amount","shape":[1],"datatype":"BOOL","data":[NaN]}]}`, `{"x":[1,{"y":[]}],"inputs":[]}`,
	} {
		f.Add([]byte(s))
	}
	h, _ := web(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, path := range []string{"/v2/models/fraud/infer", "/api/v1/models/fraud/predict"} {
			a := call(t, h, "POST", path, string(body))
			if !json.Valid(a.body.Bytes()) {
				t.Fatalf("%q: the answer is no JSON: %s", body, &a.body)
			}
			python := bytes.Contains(body, []byte("NaN")) || bytes.Contains(body, []byte("Infinity"))
			if a.code == 200 && !json.Valid(body) && !python {
				t.Fatalf("%q is no JSON, but was answered: %s", body, &a.body)
			}
			if a.code != 200 && a.code != 400 && a.code != 413 {
				t.Fatalf("%q: %d %s", body, a.code, &a.body)
			}
		}
	})
}

func benchBody(rows int) string {
	var b strings.Builder
	b.WriteString(`{"id":"b","inputs":[`)
	rnd := rand.New(rand.NewPCG(1, 2))
	for k := range 20 {
		if k > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"name":"f%d","shape":[%d],"datatype":"FP64","data":[`, k, rows)
		for i := range rows {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprint(&b, rnd.NormFloat64())
		}
		b.WriteString(`]}`)
	}
	b.WriteString(`]}`)
	return b.String()
}

func benchmark(b *testing.B, rows int) {
	m := hone.Model{Name: "wide", Task: hone.Binary}
	for k := range 20 {
		m.Features = append(m.Features, frame.Field{Name: fmt.Sprint("f", k), Kind: frame.Number})
	}
	v := echo(binary(m.Features))
	g := gateway.New(gateway.Options{Log: nowhere{}, Model: func(string) (hone.Model, bool) { return m, true },
		Pool: poolFunc(func(string, hone.VersionID) (predictor.Predictor, error) { return v, nil })})
	defer g.Stop()
	if err := g.Apply(hone.Plan{Model: "wide", Token: 1, Champion: "v1"}); err != nil {
		b.Fatal(err)
	}
	h, body := g.Handler(nil), benchBody(rows)
	if a := call(b, h, "POST", "/v2/models/wide/infer", body); a.code != 200 {
		b.Fatal(a.body.String())
	}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		call(b, h, "POST", "/v2/models/wide/infer", body)
	}
}

type nowhere struct{}

func (nowhere) Offer(string, []hone.Prediction) bool { return true }
func (nowhere) AppendPredictions(context.Context, string, []hone.Prediction) (int, error) {
	return 0, nil
}
func (nowhere) AppendShadows(context.Context, string, []hone.ShadowScore) error { return nil }

func BenchmarkOneRow(b *testing.B)       { benchmark(b, 1) }
func BenchmarkThousandRows(b *testing.B) { benchmark(b, 1000) }
