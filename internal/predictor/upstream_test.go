package predictor_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"hone"
	"hone/internal/clock"
	"hone/internal/frame"
	"hone/internal/oip"
	"hone/internal/predictor"
	"hone/internal/predictor/upstream"
)

// elsewhere is a server that somebody else runs.
type elsewhere struct {
	url   string
	sick  atomic.Bool
	calls atomic.Int64 // Of inference.
	conns atomic.Int64 // That were opened.
	seen  atomic.Value // The last request, as text.
}

// website serves answer at every POST, and health at every GET.
func website(t *testing.T, answer http.HandlerFunc) *elsewhere {
	t.Helper()
	f := &elsewhere{}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			if f.sick.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			return
		}
		body, _ := io.ReadAll(r.Body)
		f.calls.Add(1)
		f.seen.Store(r.URL.Path + " " + r.Header.Get("Authorization") + " " + string(body))
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		answer(w, r)
	}))
	s.Config.ConnState = func(_ net.Conn, c http.ConnState) {
		if c == http.StateNew {
			f.conns.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	f.url = s.URL
	return f
}

// allow lets an artefact call a server of this machine.
func allow(url string, headers map[string]string) func() []upstream.Allowed {
	return func() []upstream.Allowed {
		return []upstream.Allowed{{URL: url, Private: true, Headers: func() (map[string]string, error) { return headers, nil }}}
	}
}

// remote writes the artefact of an upstream.
func remote(t *testing.T, s hone.Signature, u upstream.Spec) string {
	t.Helper()
	dir := t.TempDir()
	if err := predictor.WriteManifest(dir, predictor.Manifest{Format: "upstream", Signature: s, Upstream: &u}); err != nil {
		t.Fatal(err)
	}
	return dir
}

var (
	several = hone.Signature{Task: hone.Multiclass, Classes: []string{"a", "b", "c"}, Features: append(binary.Features[:2:2], frame.Field{Name: "more", Kind: frame.Text})}
	value   = hone.Signature{Task: hone.Regression, Features: binary.Features}
	numeric = hone.Signature{Task: hone.Binary, Classes: []string{"no", "yes"}, Threshold: 0.5, Features: frame.Schema{{Name: "x", Kind: frame.Number}, {Name: "y", Kind: frame.Number}}}
)

// oipAnswer answers as the server of a process artefact would.
func oipAnswer(mode string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { answer(w, r, mode) }
}

func TestUpstreamREST(t *testing.T) {
	t.Parallel()
	f := website(t, oipAnswer("good"))
	o := predictor.Options{Upstreams: allow(f.url, map[string]string{"Authorization": "Bearer canary-1"})}
	p := open(t, remote(t, binary, upstream.Spec{URL: f.url, Protocol: upstream.REST, Model: "fraud", Version: "7"}), o)
	for range 3 {
		got, err := p.Predict(t.Context(), rows(binary, -1.5, math.NaN(), 1e300, 0.1))
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []float64{1 / (1 + math.Exp(1.5)), 0.5, 1, 1 / (1 + math.Exp(-0.1))} {
			if got.Width != 1 || got.V[i] != want {
				t.Errorf("row %d: got %v, want %v", i, got.Row(i), want)
			}
		}
	}
	if seen := f.seen.Load().(string); !strings.HasPrefix(seen, "/v2/models/fraud/versions/7/infer Bearer canary-1 {") || !strings.Contains(seen, `"name":"x","datatype":"FP64","shape":[4],"data":[-1.5,null,1e+300,0.1]`) {
		t.Errorf("the upstream saw %s", seen)
	}
	if f.calls.Load() != 3 || f.conns.Load() != 1 {
		t.Errorf("%d calls over %d connections, want 3 over 1", f.calls.Load(), f.conns.Load())
	}
	if got, err := p.Predict(t.Context(), frame.New(binary.Features, 0)); err != nil || len(got.V) != 0 || got.Width != 1 || f.calls.Load() != 3 {
		t.Errorf("no rows: got %v, %v", got, err)
	}
	if _, err := p.Predict(t.Context(), frame.New(value.Features[:1], 1)); code(err) != hone.Invalid {
		t.Errorf("other features: got %v", err)
	}

	o.Upstreams = allow(f.url+"/", nil)
	got, err := open(t, remote(t, several, upstream.Spec{URL: f.url, Protocol: upstream.REST, Model: "m", Classes: []string{"c", "a", "b"}}), o).Predict(t.Context(), rows(several, 0, 0))
	if err != nil || got.Width != 3 || math.Abs(got.Row(1)[1]-2.0/3) > 1e-12 {
		t.Errorf("several: got %v, %v", got, err)
	}
	got, err = open(t, remote(t, value, upstream.Spec{URL: f.url, Protocol: upstream.REST, Model: "m"}), o).Predict(t.Context(), rows(value, -7.25))
	if err != nil || got.V[0] != -7.25 {
		t.Errorf("value: got %v, %v", got, err)
	}
}

// TestUpstreamMatrix sends all features as one tensor, and reads the scores of both
// classes in the server's order.
func TestUpstreamMatrix(t *testing.T) {
	t.Parallel()
	f := website(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"outputs":[{"name":"label","shape":[2],"datatype":"INT64","data":[0,1]},{"name":"proba","shape":[2,2],"datatype":"FP32","data":[[0.75,0.25],[0.125,0.875]]}]}`)
	})
	s := upstream.Spec{URL: f.url, Protocol: upstream.REST, Model: "m", Input: "input-0", Datatype: "FP32", Output: "proba", Classes: []string{"yes", "no"},
		Parameters: map[string]any{"content_type": "np", "fast": true}}
	p := open(t, remote(t, numeric, s), predictor.Options{Upstreams: allow(f.url, nil)})
	x := frame.New(numeric.Features, 2)
	copy(x.Cols[0].Num, []float64{1, 2})
	copy(x.Cols[1].Num, []float64{3, 4})
	got, err := p.Predict(t.Context(), x)
	if err != nil || !slices.Equal(got.V, []float64{0.75, 0.125}) {
		t.Errorf("got %v, %v", got, err)
	}
	const want = `{"parameters":{"content_type":"np","fast":true},"inputs":[{"name":"input-0","datatype":"FP32","shape":[2,2],"data":[1,3,2,4]}],"outputs":[{"name":"proba"}]}`
	if seen := f.seen.Load().(string); seen != "/v2/models/m/infer  "+want {
		t.Errorf("the upstream saw %s", seen)
	}
}

func TestUpstreamPlain(t *testing.T) {
	t.Parallel()
	f := func(spec, answer, saw string, want ...float64) {
		t.Helper()
		f := website(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, answer) })
		s := upstream.Spec{URL: f.url + "/score?v=1", Protocol: upstream.Plain}
		if err := json.Unmarshal([]byte(spec), &s); err != nil {
			t.Fatal(err)
		}
		p := open(t, remote(t, binary, s), predictor.Options{Upstreams: allow(f.url, nil)})
		x := frame.New(binary.Features, 2)
		x.Cols[0].Num[0], x.Cols[1].Str[1] = 1.5, `a"b`
		got, err := p.Predict(t.Context(), x)
		if err != nil || !slices.Equal(got.V, want) {
			t.Errorf("%s: got %v, %v", spec, got, err)
		}
		if seen := f.seen.Load().(string); seen != "/score  "+saw {
			t.Errorf("%s: the upstream saw %s", spec, seen)
		}
	}
	f(`{"request": {"instances": "{{rows}}"}, "answer": "/predictions"}`, `{"predictions": [0.25, 0.5]}`,
		`{"instances":[{"x":1.5,"country":""},{"x":null,"country":"a\"b"}]}`, 0.25, 0.5)
	f(`{"request": {"data": "{{rows}}", "n": 1e2}, "row": ["{{country}}", {"v": "{{x}}"}], "answer": ""}`, `[[0.25], [0.5]]`,
		`{"data":[["",{"v":1.5}],["a\"b",{"v":null}]],"n":1e2}`, 0.25, 0.5)
	f(`{"request": {"c": "{{country}}", "x": "{{x}}", "e": {}, "l": []}, "answer": "/out/*/p~1q"}`, `{"out": [{"p/q": 0.25}, {"p/q": 1}]}`,
		`{"c":["","a\"b"],"e":{},"l":[],"x":[1.5,null]}`, 0.25, 1)
	f(`{"request": "{{rows}}", "answer": "/0/proba", "health": "/healthz", "classes": ["1", "0"]}`, `[{"proba": [[0.75, 0.25], [1, 0]]}]`,
		`[{"x":1.5,"country":""},{"x":null,"country":"a\"b"}]`, 0.75, 1)
	f(`{"request": "{{rows}}", "answer": "/s", "classes": ["1", "0"]}`, `{"s": [0.25, 0]}`,
		`[{"x":1.5,"country":""},{"x":null,"country":"a\"b"}]`, 0.75, 1)
}

// elsewhereGRPC is a server of inference.GRPCInferenceService.
type elsewhereGRPC struct {
	oip.UnimplementedGRPCInferenceServiceServer
	elsewhere
	infer func(context.Context, *oip.ModelInferRequest) (*oip.ModelInferResponse, error)
}

func (f *elsewhereGRPC) ModelReady(context.Context, *oip.ModelReadyRequest) (*oip.ModelReadyResponse, error) {
	return &oip.ModelReadyResponse{Ready: !f.sick.Load()}, nil
}

func (f *elsewhereGRPC) ModelInfer(ctx context.Context, r *oip.ModelInferRequest) (*oip.ModelInferResponse, error) {
	f.calls.Add(1)
	md, _ := metadata.FromIncomingContext(ctx)
	f.seen.Store(fmt.Sprint(r.ModelName, " ", r.ModelVersion, " ", md.Get("authorization"), " ", r.Inputs, r.Outputs))
	return f.infer(ctx, r)
}

func serveGRPC(t *testing.T, infer func(context.Context, *oip.ModelInferRequest) (*oip.ModelInferResponse, error)) *elsewhereGRPC {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &elsewhereGRPC{infer: infer, elsewhere: elsewhere{url: "http://" + l.Addr().String()}}
	s := grpc.NewServer()
	oip.RegisterGRPCInferenceServiceServer(s, f)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return f
}

// output is an answer of one tensor.
func output(name, datatype string, c *oip.InferTensorContents, shape ...int64) *oip.ModelInferResponse {
	return &oip.ModelInferResponse{Outputs: []*oip.ModelInferResponse_InferOutputTensor{{Name: name, Datatype: datatype, Shape: shape, Contents: c}}}
}

func TestUpstreamGRPC(t *testing.T) {
	t.Parallel()
	f := serveGRPC(t, func(_ context.Context, r *oip.ModelInferRequest) (*oip.ModelInferResponse, error) {
		in, err := oip.In(r)
		if err != nil {
			return nil, err
		}
		out := output("score", "FP64", nil, in[0].Shape...)
		var scores []float64
		err = in[0].Each(int(in[0].Shape[0]), func(_ int, v oip.Value) error {
			scores = append(scores, 1/(1+math.Exp(-v.Num)))
			return nil
		})
		out.RawOutputContents = [][]byte{oip.AppendNumbers(nil, scores)}
		return out, err
	})
	o := predictor.Options{Upstreams: allow(f.url, map[string]string{"Authorization": "Bearer canary-2"})}
	p := open(t, remote(t, binary, upstream.Spec{URL: f.url, Protocol: upstream.GRPC, Model: "fraud", Version: "7"}), o)
	got, err := p.Predict(t.Context(), rows(binary, 0, 2))
	if err != nil || !slices.Equal(got.V, []float64{0.5, 1 / (1 + math.Exp(-2))}) {
		t.Errorf("got %v, %v", got, err)
	}
	if seen := f.seen.Load().(string); !strings.HasPrefix(seen, "fraud 7 [Bearer canary-2] ") || !strings.Contains(seen, "bytes_contents") {
		t.Errorf("the upstream saw %s", seen)
	}

	f.infer = func(_ context.Context, r *oip.ModelInferRequest) (*oip.ModelInferResponse, error) {
		return output("p", "FP32", &oip.InferTensorContents{Fp32Contents: []float32{0.25, 0.75}}, 1, 2), nil
	}
	p = open(t, remote(t, numeric, upstream.Spec{URL: f.url, Protocol: upstream.GRPC, Model: "m", Input: "all", Datatype: "FP32", Output: "p", Parameters: map[string]any{"a": "b", "c": 1.0, "d": false}}), o)
	got, err = p.Predict(t.Context(), frame.New(numeric.Features, 1))
	if err != nil || !slices.Equal(got.V, []float64{0.75}) {
		t.Errorf("got %v, %v", got, err)
	}
}

// refused holds that a wrong answer is an error of the upstream, and no score.
func refused(t *testing.T, what string, p predictor.Predictor, want string) {
	t.Helper()
	got, err := p.Predict(t.Context(), rows(binary, 1, 2))
	e, ok := hone.AsError(err)
	if !ok || e.Code != hone.Unavailable || e.Hint == "" || !strings.Contains(e.Message, want) || !strings.Contains(e.Message, "upstream http://127.0.0.1:") {
		t.Errorf("%s: got %v, %v; want an error with %q", what, got, err, want)
	}
	if got.V != nil {
		t.Errorf("%s: scores beside the error: %v", what, got)
	}
	if strings.Contains(fmt.Sprint(err), "canary") {
		t.Errorf("%s: the error shows what is secret: %v", what, err)
	}
}

func TestUpstreamRefusesBadAnswers(t *testing.T) {
	t.Parallel()
	f := func(mode, want string) {
		t.Helper()
		f := website(t, oipAnswer(mode))
		o := predictor.Options{Upstreams: allow(f.url, map[string]string{"Authorization": "canary-3", "X-Key": "canary-4"})}
		refused(t, mode, open(t, remote(t, binary, upstream.Spec{URL: f.url, Protocol: upstream.REST, Model: "model"}), o), want)
	}
	f("garbage", "not JSON")
	f("html", "not JSON")
	f("nan", "not JSON")
	f("null", "null")
	f("huge", "out of range")
	f("percent", "score 73 of row 1 is no probability")
	f("short", "holds 1 numbers")
	f("transpose", "shape [1 2]")
	f("integers", "INT64")
	f("misnamed", `no output "score"; it has "output0"`)
	f("endless", "not JSON")
	f("fault", "status 500")
	f("redirect", "a redirect, and none is followed")
}

func TestUpstreamRefusesBadPlainAnswers(t *testing.T) {
	t.Parallel()
	f := func(body, want string) {
		t.Helper()
		f := website(t, func(w http.ResponseWriter, r *http.Request) {
			if body == "echo" {
				http.Error(w, "bad token "+r.Header.Get("Authorization"), http.StatusForbidden)
				return
			}
			fmt.Fprint(w, body)
		})
		s := upstream.Spec{URL: f.url, Protocol: upstream.Plain, Request: json.RawMessage(`"{{rows}}"`), Answer: "/p"}
		o := predictor.Options{Upstreams: allow(f.url, map[string]string{"Authorization": "Bearer canary-5"})}
		refused(t, body[:min(len(body), 40)], open(t, remote(t, binary, s), o), want)
	}
	f("echo", `status 403: "bad token [secret]`)
	f(`{"p": [0.5]}`, "it scores 1 rows, and 2 were asked for")
	f(`{"p": [0.5, 0.5, 0.5]}`, "it scores 3 rows")
	f(`{"p": [[0.5, 0.25, 0.25], [0.5, 0.25, 0.25]]}`, "3 numbers a row where 1 are wanted")
	f(`{"p": [[0.5, 0.5], [0.5]]}`, "row 1 has 1 scores, the first has 2")
	f(`{"p": [[], []]}`, "row 0 has 0 scores")
	f(`{"p": ["0.5", 0.5]}`, "the score of row 0 is a text")
	f(`{"p": [null, 0.5]}`, "the score of row 0 is null")
	f(`{"p": [true, 0.5]}`, "the score of row 0 is a boolean")
	f(`{"p": [{}, 0.5]}`, "the score of row 0 is an object")
	f(`{"p": [1e999, 0.5]}`, "the score of row 0 is the number")
	f(`{"p": [0.5, 1.5]}`, "no probability")
	f(`{"p": 0.5}`, "there is the number")
	f(`{"q": [0.5, 0.5]}`, `no key "p"`)
	f(`[0.5, 0.5]`, `a list of 2 has no item "p"`)
	f(`{"p": [0.5, 0.5]} {}`, "goes on after its end")
	f(`{"p": [0.5, `, "not JSON")
	f(`{"p": `+strings.Repeat("[", 100), "nests deeper than 64")
	f(strings.Repeat(" ", 2<<20), "the answer is over")
}

func TestUpstreamRefusesBadGRPCAnswers(t *testing.T) {
	t.Parallel()
	type c = oip.InferTensorContents
	f := func(r *oip.ModelInferResponse, err error, want string) {
		t.Helper()
		f := serveGRPC(t, func(context.Context, *oip.ModelInferRequest) (*oip.ModelInferResponse, error) { return r, err })
		o := predictor.Options{Upstreams: allow(f.url, map[string]string{"x-key": "canary-6"})}
		refused(t, want, open(t, remote(t, binary, upstream.Spec{URL: f.url, Protocol: upstream.GRPC, Model: "m"}), o), want)
	}
	f(nil, status.Error(codes.Unauthenticated, "no canary-6 here"), `it answered with Unauthenticated: "no [secret] here"`)
	f(nil, status.Error(codes.Unavailable, "going down"), "going down")
	f(&oip.ModelInferResponse{}, nil, `no output "score"`)
	f(output("score", "INT64", &c{Int64Contents: []int64{0, 1}}, 2), nil, "INT64")
	f(output("score", "FP64", &c{Fp64Contents: []float64{0.5, 0.5}}, 1, 2), nil, "shape [1 2]")
	f(output("score", "FP64", &c{Fp64Contents: []float64{0.5, 0.5}}), nil, "shape []")
	f(output("score", "FP64", &c{Fp64Contents: []float64{0.5}}, 2), nil, "holds 1 elements")
	f(output("score", "FP64", &c{Fp64Contents: []float64{0.5, math.NaN()}}, 2), nil, "not finite")
	f(output("score", "FP64", &c{Fp64Contents: []float64{0.5, 73}}, 2), nil, "no probability")
	f(output("score", "FP64", &c{Fp64Contents: make([]float64, 1<<19)}, 2), nil, "larger than max")
}

// TestUpstreamsAreAllowed holds that no server is called but those that the owner
// names, none at a private address unless that is said, and that what a name leads to
// counts.
func TestUpstreamsAreAllowed(t *testing.T) {
	t.Parallel()
	f := website(t, oipAnswer("good"))
	port := f.url[strings.LastIndexByte(f.url, ':'):]
	g := func(url, protocol string, allowed func() []upstream.Allowed, want string) {
		t.Helper()
		s := upstream.Spec{URL: url, Protocol: protocol, Model: "m"}
		if protocol == upstream.Plain {
			s = upstream.Spec{URL: url, Protocol: protocol, Request: json.RawMessage(`"{{rows}}"`)}
		}
		p, err := predictor.Open(t.Context(), remote(t, binary, s), predictor.Options{Upstreams: allowed})
		if e, ok := hone.AsError(err); !ok || e.Code != hone.Unavailable || e.Hint == "" || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, %v; want %q", url, p, err, want)
		}
		if err == nil {
			p.Close()
		}
	}
	public := func(url string) func() []upstream.Allowed {
		return func() []upstream.Allowed { return []upstream.Allowed{{URL: url}} }
	}
	for _, protocol := range []string{upstream.REST, upstream.GRPC, upstream.Plain} {
		g(f.url, protocol, nil, "write upstreams: [{url: "+f.url+"}]")
		g(f.url, protocol, allow("http://127.0.0.1:1", nil), "does not allow")
		g(f.url, protocol, allow(strings.Replace(f.url, "http:", "https:", 1), nil), "does not allow")
		g(f.url, protocol, public(f.url), "is a private address")
		g("http://localhost"+port, protocol, public("http://localhost"+port), "is a private address")
		g("http://[::ffff:127.0.0.1]"+port, protocol, public("http://[::ffff:127.0.0.1]"+port), "is a private address")
		g("http://169.254.169.254", protocol, allow("http://169.254.169.254:80", nil), "no address of a server")
		g("http://0.0.0.0"+port, protocol, allow("http://0.0.0.0"+port, nil), "no address of a server")
	}
	if f.conns.Load() != 0 {
		t.Errorf("%d connections came", f.conns.Load())
	}
	unread := func() []upstream.Allowed {
		return []upstream.Allowed{{URL: f.url, Private: true, Headers: func() (map[string]string, error) {
			return nil, &hone.Error{Code: hone.Invalid, Message: "there is no secret at secrets/acme", Hint: "write it"}
		}}}
	}
	g(f.url, upstream.REST, unread, "there is no secret at secrets/acme")
}

// TestUpstreamDown holds that a server that is down is not asked, and is found again.
func TestUpstreamDown(t *testing.T) {
	t.Parallel()
	f, g := website(t, oipAnswer("good")), serveGRPC(t, func(context.Context, *oip.ModelInferRequest) (*oip.ModelInferResponse, error) {
		return output("score", "FP64", &oip.InferTensorContents{Fp64Contents: []float64{0.5}}, 1), nil
	})
	for _, x := range []struct {
		*elsewhere
		protocol string
	}{{f, upstream.REST}, {&g.elsewhere, upstream.GRPC}} {
		hands := clock.NewFake(time.Unix(0, 0))
		var allowed atomic.Bool
		allowed.Store(true)
		yes := allow(x.url, nil)
		o := predictor.Options{Clock: hands, Upstreams: func() []upstream.Allowed {
			if !allowed.Load() {
				return nil
			}
			return yes()
		}}
		dir := remote(t, binary, upstream.Spec{URL: x.url, Protocol: x.protocol, Model: "m"})
		x.sick.Store(true)
		if _, err := predictor.Open(t.Context(), dir, o); code(err) != hone.Unavailable {
			t.Errorf("%s, sick from the start: got %v", x.protocol, err)
		}
		x.sick.Store(false)
		p := open(t, dir, o)
		ask := func() error { _, err := p.Predict(t.Context(), rows(binary, 1)); return err }
		if err := ask(); err != nil {
			t.Fatal(x.protocol, err)
		}
		x.sick.Store(true)
		eventually(t, func() bool { hands.Advance(10 * time.Second); return ask() != nil })
		calls := x.calls.Load()
		if err := ask(); code(err) != hone.Unavailable || x.calls.Load() != calls {
			t.Errorf("%s, down: asked %d times, %v", x.protocol, x.calls.Load()-calls, err)
		}
		x.sick.Store(false)
		eventually(t, func() bool { hands.Advance(time.Second); return ask() == nil })
		allowed.Store(false)
		eventually(t, func() bool {
			hands.Advance(10 * time.Second)
			err := ask()
			return err != nil && strings.Contains(err.Error(), "does not allow")
		})
		allowed.Store(true)
		eventually(t, func() bool { hands.Advance(time.Second); return ask() == nil })
	}
}

func TestUpstreamThatHangs(t *testing.T) {
	t.Parallel()
	began, gone := make(chan struct{}, 8), make(chan struct{}, 8)
	f := website(t, func(w http.ResponseWriter, r *http.Request) {
		began <- struct{}{}
		<-r.Context().Done()
		gone <- struct{}{}
	})
	g := serveGRPC(t, func(ctx context.Context, _ *oip.ModelInferRequest) (*oip.ModelInferResponse, error) {
		began <- struct{}{}
		<-ctx.Done()
		gone <- struct{}{}
		return nil, ctx.Err()
	})
	for url, protocol := range map[string]string{f.url: upstream.REST, g.url: upstream.GRPC} {
		s := upstream.Spec{URL: url, Protocol: protocol, Model: "m", Timeout: hone.Duration(50 * time.Millisecond)}
		p := open(t, remote(t, binary, s), predictor.Options{Upstreams: allow(url, nil)})
		if _, err := p.Predict(t.Context(), rows(binary, 1)); code(err) != hone.Unavailable || !strings.Contains(err.Error(), "no answer within 50ms") {
			t.Errorf("%s: got %v", protocol, err)
		}
		<-began
		<-gone
		s.Timeout = 0
		p = open(t, remote(t, binary, s), predictor.Options{Upstreams: allow(url, nil)})
		ctx, cancel := context.WithCancelCause(t.Context())
		mine := errors.New("the user went away")
		go func() { <-began; cancel(mine) }()
		if _, err := p.Predict(ctx, rows(binary, 1)); !errors.Is(err, mine) {
			t.Errorf("%s: got %v", protocol, err)
		}
		<-gone
	}
}

func TestUpstreamManifestRefuses(t *testing.T) {
	t.Parallel()
	f := func(spec, want string) {
		t.Helper()
		s := upstream.Spec{URL: "https://scores.example", Protocol: upstream.Plain, Request: json.RawMessage(`"{{rows}}"`)}
		if strings.Contains(spec, `"oip`) {
			s = upstream.Spec{URL: s.URL, Model: "m"}
		}
		if err := json.Unmarshal([]byte(spec), &s); err != nil {
			t.Fatal(err)
		}
		err := predictor.WriteManifest(t.TempDir(), predictor.Manifest{Format: "upstream", Signature: binary, Upstream: &s})
		e, ok := hone.AsError(err)
		if want == "" && err == nil {
			return
		}
		if !ok || e.Code != hone.Invalid || e.Hint == "" || !strings.Contains(e.Message, want) {
			t.Errorf("%s: got %v, want an error with %q", spec, err, want)
		}
	}
	f(`{}`, "")
	f(`{"protocol": "oip"}`, "")
	f(`{"protocol": "oip_grpc"}`, "")
	f(`{"protocol": "soap"}`, `"soap" is not known`)
	for _, url := range []string{"", "scores.example", "ftp://scores.example", "file:///etc/passwd", "https://", "https:scores", "unix:///run/x", "//scores.example", "https://%zz"} {
		f(`{"url": "`+url+`"}`, "no address")
	}
	f(`{"url": "https://ada:canary@scores.example"}`, "a user or a password")
	f(`{"url": "https://scores.example#x"}`, "after the path")
	f(`{"protocol": "oip", "url": "https://scores.example/?q=1"}`, "after the path")
	f(`{"protocol": "oip_grpc", "url": "https://scores.example/v2"}`, "gRPC knows none")
	f(`{"protocol": "oip_grpc", "health": "/healthz"}`, "upstream.health")
	f(`{"health": "healthz"}`, "upstream.health")
	f(`{"timeout": "5m"}`, "upstream.timeout")
	f(`{"classes": ["0"]}`, "upstream.classes")
	f(`{"classes": ["0", "0"]}`, "upstream.classes")
	f(`{"protocol": "oip", "model": ""}`, "upstream.model")
	f(`{"protocol": "oip", "answer": "/x"}`, "are for the protocol json")
	f(`{"protocol": "oip", "datatype": "INT8"}`, "upstream.datatype")
	f(`{"protocol": "oip", "parameters": {"a": [1]}}`, "upstream.parameters.a")
	f(`{"protocol": "oip", "input": "all"}`, `feature "country" is none`)
	f(`{"model": "m"}`, "for the Open Inference Protocol")
	f(`{"answer": "predictions"}`, "no JSON pointer")
	f(`{"answer": "/a~2"}`, "no JSON pointer")
	f(`{"answer": "/*/*"}`, `more than one "*"`)
	f(`{"request": null}`, "no place for feature")
	f(`{"request": {"x": "{{x}}"}}`, `no place for feature "country"`)
	f(`{"request": {"x": "{{amount}}", "all": "{{rows}}"}}`, `a place for "amount"`)
	f(`{"request": {"x": "v={{x}}"}}`, "within the text")
	f(`{"request": {"x": "{{x}}{{x}}"}}`, "within the text")
	f(`{"request": {"{{x}}": "{{rows}}"}}`, "in the key")
	f(`{"row": {"x": "{{x}}"}}`, `no place for feature "country"`)
	f(`{"row": ["{{x}}", "{{country}}", "{{rows}}"]}`, "has rows in it")
	f(`{"request": {}, "row": ["{{x}}", "{{country}}"]}`, "has no rows")
	f(`{"request": [`+strings.Repeat("[", 100)+`"{{rows}}"`+strings.Repeat("]", 101)+`}`, "nests deeper")
	f(`{"request": ["{{rows}}", "`+strings.Repeat("x", 64<<10)+`"]}`, "is over")
	err := predictor.WriteManifest(t.TempDir(), predictor.Manifest{Format: "upstream", Signature: binary})
	if code(err) != hone.Invalid {
		t.Errorf("without its server: %v", err)
	}
	err = predictor.WriteManifest(t.TempDir(), predictor.Manifest{Format: "linear", Signature: binary, Upstream: &upstream.Spec{}})
	if code(err) != hone.Invalid {
		t.Errorf("of another format: %v", err)
	}
}
