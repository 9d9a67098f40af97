package web_test

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"hone"
	"hone/internal/clock"
	"hone/internal/gateway"
	"hone/internal/oip"
	"hone/internal/op"
	"hone/internal/web"
)

// dial returns a client of gRPC as its users have it.
func dial(t *testing.T, at string, secure credentials.TransportCredentials) oip.GRPCInferenceServiceClient {
	t.Helper()
	conn, err := grpc.NewClient(at, grpc.WithTransportCredentials(secure))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return oip.NewGRPCInferenceServiceClient(conn)
}

func (w *world) calls(t *testing.T) oip.GRPCInferenceServiceClient {
	t.Helper()
	return dial(t, strings.TrimPrefix(w.base, "http://"), insecure.NewCredentials())
}

// bearing is a context that shows a token.
func bearing(t *testing.T, name string) context.Context {
	return metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+tokenOf(name))
}

type (
	in       = oip.ModelInferRequest_InferInputTensor
	contents = oip.InferTensorContents
)

// asking asks model fraud for two rows.
func asking(id string) *oip.ModelInferRequest {
	return &oip.ModelInferRequest{ModelName: "fraud", Id: id, Inputs: []*in{
		{Name: "amount", Datatype: "FP64", Shape: []int64{2}, Contents: &contents{Fp64Contents: []float64{10, 90}}},
		{Name: "country", Datatype: "BYTES", Shape: []int64{2, 1}, Contents: &contents{BytesContents: [][]byte{[]byte("DE"), []byte("IT")}}}}}
}

func TestCalls(t *testing.T) {
	t.Parallel()
	c := shared.calls(t)
	if r, err := c.ServerLive(t.Context(), &oip.ServerLiveRequest{}); err != nil || !r.Live {
		t.Errorf("live: %v, %v", r, err)
	}
	if r, err := c.ServerReady(t.Context(), &oip.ServerReadyRequest{}); err != nil || !r.Ready {
		t.Errorf("ready: %v, %v", r, err)
	}
	if r, err := c.ServerMetadata(t.Context(), &oip.ServerMetadataRequest{}); err != nil || r.Name != "hone" || r.Version == "" {
		t.Errorf("server: %v, %v", r, err)
	}
	ready := func(model, version string, want bool) {
		t.Helper()
		if r, err := c.ModelReady(t.Context(), &oip.ModelReadyRequest{Name: model, Version: version}); err != nil || r.Ready != want {
			t.Errorf("%s %s: %v, %v", model, version, r, err)
		}
	}
	ready("fraud", "", true)
	ready("fraud", "v1", true)
	ready("fraud", "v9", false)
	ready("price", "", false)
	m, err := c.ModelMetadata(t.Context(), &oip.ModelMetadataRequest{Name: "fraud"})
	if err != nil || m.Platform != "hone" || len(m.Versions) != 1 || len(m.Inputs) != 2 || m.Inputs[0].Datatype != "FP64" || m.Inputs[1].Datatype != "BYTES" || m.Outputs[0].Name != "score" || m.Outputs[0].Shape[0] != -1 {
		t.Errorf("model: %v, %v", m, err)
	}

	typed, err := c.ModelInfer(t.Context(), asking("call-1"))
	if err != nil {
		t.Fatal(err)
	}
	p := typed.Parameters
	if typed.ModelName != "fraud" || typed.ModelVersion != "v1" || typed.Id != "call-1" || p["version"].GetStringParam() != "v1" || p["route"].GetStringParam() != "champion" || p["log"].GetStringParam() != "buffered" {
		t.Errorf("got %v", typed)
	}
	raw := asking("call-2")
	for _, i := range raw.Inputs {
		i.Contents = nil
	}
	raw.RawInputContents = [][]byte{oip.AppendNumbers(nil, []float64{10, 90}), oip.AppendText(oip.AppendText(nil, "DE"), "IT")}
	answered, err := c.ModelInfer(t.Context(), raw)
	if err != nil || len(answered.RawOutputContents) != len(answered.Outputs) || len(typed.RawOutputContents) != 0 || typed.Outputs[0].Contents == nil || answered.Outputs[0].Contents != nil {
		t.Fatalf("got %v, %v", answered, err)
	}
	one, two := elements(t, typed), elements(t, answered)
	if one["score"] != two["score"] || one["class"] != "0 1 " || one["prediction_id"] != "call-1-0 call-1-1 " || two["prediction_id"] != "call-2-0 call-2-1 " {
		t.Errorf("typed %v, raw %v", one, two)
	}
	if err := shared.app.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"call-1-0", "call-2-1"} {
		if got := shared.ask(t, "GET", "/api/v1/trace/"+id, "", as(token(op.Admin))); got.status != http.StatusOK || !strings.Contains(got.body, `"v1"`) {
			t.Errorf("%s is not logged: %d %s", id, got.status, got.body)
		}
	}

	single := &oip.ModelInferRequest{ModelName: "fraud", ModelVersion: "v1", Inputs: []*in{{Name: "amount", Datatype: "FP32", Shape: []int64{1}, Contents: &contents{Fp32Contents: []float32{90}}}},
		Outputs: []*oip.ModelInferRequest_InferRequestedOutputTensor{{Name: "class"}}, Parameters: map[string]*oip.InferParameter{"unit": {ParameterChoice: &oip.InferParameter_StringParam{StringParam: "u1"}}}}
	got, err := c.ModelInfer(t.Context(), single)
	if err != nil || len(got.Outputs) != 1 || got.Outputs[0].Name != "class" || got.Id != "" || got.Parameters["prediction_id"].GetStringParam() == "" || got.Parameters["route"].GetStringParam() != "version" {
		t.Errorf("by name: %v, %v", got, err)
	}
}

// elements writes the outputs of an answer as text.
func elements(t *testing.T, r *oip.ModelInferResponse) map[string]string {
	t.Helper()
	outputs, err := oip.Out(r)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, o := range outputs {
		err := o.Each(int(o.Shape[0]), func(_ int, v oip.Value) error {
			all[o.Name] += slog.AnyValue(v.Num).String()
			if v.Kind == oip.Text {
				all[o.Name] = strings.TrimSuffix(all[o.Name], "0") + string(v.Text)
			}
			all[o.Name] += " "
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestCallsAreRefused(t *testing.T) {
	t.Parallel()
	c := shared.calls(t)
	f := func(want codes.Code, text string, edit func(*oip.ModelInferRequest)) {
		t.Helper()
		r := asking("")
		edit(r)
		got, err := c.ModelInfer(t.Context(), r)
		if s := status.Convert(err); s.Code() != want || !strings.Contains(s.Message(), text) {
			t.Errorf("%v: got %v, %v", r, got, err)
		}
		if found := inside.FindString(status.Convert(err).Message()); found != "" {
			t.Errorf("the answer shows %q", found)
		}
	}
	f(codes.NotFound, `there is no model "nothing"`, func(r *oip.ModelInferRequest) { r.ModelName = "nothing" })
	f(codes.NotFound, `no version "champion"`, func(r *oip.ModelInferRequest) { r.ModelVersion = "champion" })
	f(codes.Unavailable, "no champion yet", func(r *oip.ModelInferRequest) {
		*r = oip.ModelInferRequest{ModelName: "price", Inputs: []*in{{Name: "size", Datatype: "FP64", Shape: []int64{1}, Contents: &contents{Fp64Contents: []float64{1}}}}}
	})
	f(codes.InvalidArgument, "has no inputs", func(r *oip.ModelInferRequest) { r.Inputs = nil })
	f(codes.InvalidArgument, `did you mean "amount"?`, func(r *oip.ModelInferRequest) { r.Inputs[0].Name = "amuont" })
	f(codes.InvalidArgument, "comes twice", func(r *oip.ModelInferRequest) { r.Inputs[1].Name = "amount"; r.Inputs[1].Datatype = "BYTES" })
	f(codes.InvalidArgument, "it holds 2 elements of its datatype, its shape says 3", func(r *oip.ModelInferRequest) { r.Inputs[0].Shape[0], r.Inputs[1].Shape[0] = 3, 3 })
	f(codes.InvalidArgument, "a shape that no feature can have", func(r *oip.ModelInferRequest) { r.Inputs[0].Shape[0] = -1 })
	f(codes.InvalidArgument, "a shape that no feature can have", func(r *oip.ModelInferRequest) { r.Inputs[0].Shape[0] = 1 << 62 })
	f(codes.InvalidArgument, "rows at a time", func(r *oip.ModelInferRequest) { r.Inputs[0].Shape[0], r.Inputs[1].Shape[0] = 1e6, 1e6 })
	f(codes.InvalidArgument, `the datatype "FP65"`, func(r *oip.ModelInferRequest) { r.Inputs[0].Datatype = "FP65" })
	f(codes.InvalidArgument, "has contents beside raw_input_contents", func(r *oip.ModelInferRequest) { r.RawInputContents = [][]byte{{}, {}} })
	f(codes.InvalidArgument, "raw_input_contents has 1 entries for 2 tensors", func(r *oip.ModelInferRequest) { r.RawInputContents = [][]byte{{}} })
	f(codes.InvalidArgument, `no output "label"`, func(r *oip.ModelInferRequest) {
		r.Outputs = []*oip.ModelInferRequest_InferRequestedOutputTensor{{Name: "label"}}
	})
	f(codes.InvalidArgument, "more inputs than model fraud has features", func(r *oip.ModelInferRequest) {
		for range 100 {
			r.Inputs = append(r.Inputs, &in{})
		}
	})
	f(codes.ResourceExhausted, "larger than max", func(r *oip.ModelInferRequest) { r.Inputs[1].Contents.BytesContents[0] = make([]byte, 17<<20) })

	plain := shared.ask(t, "POST", "/inference.GRPCInferenceService/ModelInfer", "{}", nil)
	problem(t, "JSON to a method of gRPC", plain)
	if plain.status != http.StatusBadRequest {
		t.Errorf("JSON to a method of gRPC: %d %s", plain.status, plain.body)
	}
}

// TestCallsNeedATokenToo calls a server that lets nobody in without one.
func TestCallsNeedATokenToo(t *testing.T) {
	t.Parallel()
	closed, err := open(filepath.Join(t.TempDir(), "data"), "anonymous: none")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(closed.close)
	c := closed.calls(t)
	if r, err := c.ServerLive(t.Context(), &oip.ServerLiveRequest{}); err != nil || !r.Live {
		t.Errorf("live without a token: %v, %v", r, err)
	}
	f := func(name, model string, want codes.Code, text string) {
		t.Helper()
		ctx := t.Context()
		if name != "" {
			ctx = bearing(t, name)
		}
		r := asking("")
		r.ModelName = model
		_, infer := c.ModelInfer(ctx, r)
		_, ready := c.ModelReady(ctx, &oip.ModelReadyRequest{Name: model})
		_, about := c.ModelMetadata(ctx, &oip.ModelMetadataRequest{Name: model})
		for what, err := range map[string]error{"infer": infer, "ready": ready, "metadata": about} {
			s := status.Convert(err)
			if want == codes.OK && (s.Code() == codes.Unavailable || s.Code() == codes.InvalidArgument) {
				continue // It was let in, and there is no champion yet.
			}
			if s.Code() != want || want != codes.OK && !strings.Contains(s.Message(), text) {
				t.Errorf("%s, %s of %s: %v", name, what, model, err)
			}
		}
	}
	f("", "fraud", codes.Unauthenticated, "this needs a token: send Authorization")
	f("expired", "fraud", codes.Unauthenticated, "")
	f("nobody", "fraud", codes.Unauthenticated, "")
	f("feedback", "fraud", codes.PermissionDenied, "needs the role predictor")
	f("predictor", "fraud", codes.OK, "")
	f("predictor", "nothing", codes.NotFound, `there is no model "nothing"`)
	f("price-predictor", "price", codes.OK, "")
	f("price-predictor", "fraud", codes.NotFound, `there is no model "fraud"`)
}

// TestCallsOverTLS speaks gRPC and HTTP on one port that has a certificate, and ends
// a call under way with the server.
func TestCallsOverTLS(t *testing.T) {
	t.Parallel()
	dir, start := t.TempDir(), clock.System{}.Now()
	sign(t, dir, 1, start.Add(-time.Hour), start.Add(20*24*time.Hour))
	c, err := web.LoadCertificate(filepath.Join(dir, "hone.pem"), filepath.Join(dir, "hone.key"), clock.System{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	g := gateway.New(gateway.Options{Model: func(string) (hone.Model, bool) { return hone.Model{}, false }})
	s := web.New(web.Options{Listen: "127.0.0.1:0", Certificate: c, Anonymous: true, Principals: nobody{}, Metrics: http.NotFoundHandler(), Predict: g.Handler(nil), Calls: g.GRPC(nil), Log: slog.New(slog.DiscardHandler)})
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer g.Stop()
	defer s.Stop()
	client := dial(t, s.Addr(), credentials.NewTLS(&tls.Config{InsecureSkipVerify: true}))
	if r, err := client.ServerReady(t.Context(), &oip.ServerReadyRequest{}); err != nil || !r.Ready {
		t.Errorf("over TLS: %v, %v", r, err)
	}
	over := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}
	defer over.CloseIdleConnections()
	res, err := over.Get("https://" + s.Addr() + "/v2/health/ready")
	if err != nil || res.StatusCode != http.StatusOK || res.ProtoMajor != 2 {
		t.Errorf("HTTP beside it: %v, %v", res, err)
	}
	if err == nil {
		res.Body.Close()
	}
	plain := dial(t, s.Addr(), insecure.NewCredentials())
	if r, err := plain.ServerReady(t.Context(), &oip.ServerReadyRequest{}); err == nil {
		t.Errorf("without TLS: %v", r)
	}
	s.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if r, err := client.ServerReady(ctx, &oip.ServerReadyRequest{}); err == nil {
		t.Errorf("after the end: %v", r)
	}
}
