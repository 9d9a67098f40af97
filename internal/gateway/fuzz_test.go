package gateway_test

import (
	"bytes"
	"crypto/sha256"
	wire "encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"hone"
	"hone/internal/clock"
	"hone/internal/gateway"
	"hone/internal/oip"
	"hone/internal/predictor"
)

// FuzzPlanFile: whatever lies where a plan is kept, with a checksum that fits or
// without, a gateway answers by a version that loads, or says why it does not.
func FuzzPlanFile(f *testing.F) {
	for _, line := range []string{
		`{"model":"fraud","token":7,"champion":"v1","challenger":"v2","weight":0.5,"sticky_by":"user_id","artefacts":{"v1":"../../token"}}`,
		`{"model":"fraud","token":-1,"champion":"../v1","weight":1e308,"timeout":-1}`,
		`{"model":"../fraud","champion":"v1"}`, `{"model":"fraud","champion":"v1","features":[{"name":"x","kind":"image"},{"name":"x","kind":"number"}],"task":"nothing"}`,
		`{"model":"fraud","token":9223372036854775807,"champion":"v1","shadow":"v1","previous":"v9","weight":1}`, `null`, `[`, ``,
	} {
		f.Add([]byte(line), true)
		f.Add([]byte(line), false)
	}
	s := start(f, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25), "v2": constant(0.75)})
	go func() { // Ejections are told as often as they happen.
		for range s.ejected {
		}
	}()
	f.Cleanup(func() { close(s.ejected) })
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	f.Fuzz(func(t *testing.T, line []byte, seal bool) {
		folder := t.TempDir()
		text := line
		if seal {
			sum := sha256.Sum256(line)
			text = fmt.Appendf(nil, "%s\n%s\n", line, hex.EncodeToString(sum[:]))
		}
		if err := os.WriteFile(filepath.Join(folder, "fraud.json"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		here := *s
		here.folder = folder
		for _, made := range []func() (*gateway.Gateway, func()){
			func() (*gateway.Gateway, func()) { // Of the server, which restores.
				g := here.gateway(clock.System{})
				if err := g.Restore(); err != nil && err.Error() == "" {
					t.Errorf("%q: refused without a word", line)
				}
				return g, g.Stop
			},
			func() (*gateway.Gateway, func()) { // On its own, which follows.
				follower := gateway.NewFollower(folder, func(name string) (hone.Model, bool) { return fraud, name == "fraud" }, clock.System{}, quiet)
				g := gateway.New(gateway.Options{Pool: s.pool, Log: s.log, Model: follower.Model, Logger: quiet, Prefix: "gw-"})
				follower.Start(t.Context(), g)
				return g, func() { g.Stop(); follower.Stop() }
			},
		} {
			g, stop := made()
			as, err := g.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(1)})
			stop()
			if err != nil {
				if _, told := hone.AsError(err); !told {
					t.Fatalf("%q: %v", line, err)
				}
				continue
			}
			if v := as[0].Version; v != "v1" && v != "v2" {
				t.Fatalf("%q: answered by %q", line, v)
			}
		}
	})
}

// FuzzCall: whatever message comes, a caller is told what is wrong with it, or has an
// answer; nothing breaks.
func FuzzCall(f *testing.F) {
	for _, r := range []*oip.ModelInferRequest{
		{ModelName: "fraud", Id: "a", Inputs: []*oip.ModelInferRequest_InferInputTensor{{Name: "amount", Datatype: "FP64", Shape: []int64{1}, Contents: &oip.InferTensorContents{Fp64Contents: []float64{1}}}}},
		{ModelName: "fraud", Inputs: []*oip.ModelInferRequest_InferInputTensor{{Name: "country", Datatype: "BYTES", Shape: []int64{1, 1}}}, RawInputContents: [][]byte{oip.AppendText(nil, "CH")}},
	} {
		b, err := proto.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	s := start(f, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25)})
	s.apply(f, hone.Plan{Model: "fraud", Token: 1, Champion: "v1"})
	calls := s.GRPC(nil)
	f.Fuzz(func(t *testing.T, message []byte) {
		framed := append(wire.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
		r := httptest.NewRequest("POST", "/inference.GRPCInferenceService/ModelInfer", bytes.NewReader(framed))
		r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0
		r.Header.Set("Content-Type", "application/grpc")
		w := httptest.NewRecorder()
		calls.ServeHTTP(w, r)
		got := w.Result().Trailer
		if got.Get("Grpc-Status") == "" || strings.Contains(got.Get("Grpc-Message"), "something went wrong inside") {
			t.Errorf("%q: %v", message, got)
		}
		if (got.Get("Grpc-Status") == "0") != (w.Body.Len() > 5) {
			t.Errorf("%q: %v and %d bytes", message, got, w.Body.Len())
		}
	})
}

// FuzzShort: whatever body comes, its sender is told what is wrong with it, or has an
// answer by the number that encoding/json reads there.
func FuzzShort(f *testing.F) {
	for _, body := range []string{
		`{"features":{"amount":0.75,"country":"de","age":null},"prediction_id":"p1","unit":"u1"}`, `{"features":{"amount":-1e-5,"country":7,"user_id":12},"unit":null}`,
		`{"rows":[{"features":{"age":"2.5","user_id":"x"},"prediction_id":"a"},{"features":{"amount":true,"country":false}}]}`, `{"features":{"amount":[{"a":1}]}}`,
		`{"features":{"amount":1,"country":"d\u00e9","amount":2},"features":{"amount":3}}`, "{\"features\":{\"amo\\u0075nt\":4,\"country\":\"\xff\"}}", `{"features":{"amount":NaN}}`, `null`, `{"rows":[7]}`, `{"rows":[{}],"unit":"x"}`, `{"features":{"amount":1}}x`,
	} {
		f.Add(body)
	}
	h, _ := web(f)
	f.Fuzz(func(t *testing.T, body string) {
		a := call(t, h, "POST", "/api/v1/models/fraud/predict", body)
		if a.code != 200 {
			if (a.code != 400 && a.code != 413) || !json.Valid(a.body.Bytes()) {
				t.Errorf("%q: %d %s", body, a.code, &a.body)
			}
			return
		}
		var keys map[string]json.RawMessage
		var features map[string]any
		var got struct{ Score float64 }
		if json.Unmarshal([]byte(body), &keys) != nil || json.Unmarshal(keys["features"], &features) != nil {
			return // Many rows, or one whose key comes twice.
		}
		if err := json.Unmarshal(a.body.Bytes(), &got); err != nil {
			t.Fatalf("%q: %s", body, &a.body)
		}
		if want, ok := features["amount"].(float64); ok && got.Score != want {
			t.Errorf("%q: the amount is read as %v, want %v", body, got.Score, want)
		}
	})
}
