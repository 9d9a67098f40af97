package gateway_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"hone"
	"hone/internal/gateway"
	"hone/internal/predictor"
	"hone/internal/predictor/upstream"
)

// TestUpstreamFails lets a candidate's server go wrong in every way that a server of
// somebody else can: the champion answers each request.
func TestUpstreamFails(t *testing.T) {
	t.Parallel()
	var how atomic.Value
	how.Store("")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Rows []any }
		_ = json.NewDecoder(r.Body).Decode(&in)
		switch how.Load() {
		case "status":
			w.WriteHeader(http.StatusBadGateway)
		case "redirect":
			http.Redirect(w, r, "https://elsewhere.example", http.StatusTemporaryRedirect)
		case "cut":
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `{"p": [`)
		case "break":
			panic(http.ErrAbortHandler)
		case "nonsense":
			fmt.Fprint(w, `{"p": ["high"]}`)
		case "endless":
			_, _ = io.CopyN(w, zeros{}, 64<<20)
		default:
			scores := strings.Repeat(",0.75", len(in.Rows))
			fmt.Fprintf(w, `{"p": [%s]}`, scores[1:])
		}
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	s := upstream.Spec{URL: server.URL, Protocol: upstream.Plain, Request: json.RawMessage(`{"rows": "{{rows}}"}`), Answer: "/p"}
	if err := predictor.WriteManifest(dir, predictor.Manifest{Format: "upstream", Signature: binary(fraud.Features), Upstream: &s}); err != nil {
		t.Fatal(err)
	}
	v2, err := predictor.Open(t.Context(), dir, predictor.Options{Upstreams: func() []upstream.Allowed { return []upstream.Allowed{{URL: server.URL, Private: true}} }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v2.Close() })
	g := start(t, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25), "v2": v2})
	g.apply(t, canary(1))
	ask := func(want hone.VersionID, route hone.Route) {
		t.Helper()
		as, err := g.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(3)})
		if err != nil || as[2].Version != want || as[2].Route != route || as[2].Scores[0] != map[hone.VersionID]float64{"v1": 0.25, "v2": 0.75}[want] {
			t.Errorf("%q: got %+v, %v", how.Load(), as, err)
		}
	}
	ask("v2", hone.ByCanary)
	for _, mode := range []string{"status", "redirect", "cut", "break", "nonsense", "endless"} {
		how.Store(mode)
		ask("v1", hone.ByFallback)
		how.Store("") // So that it is not ejected before all was tried.
		ask("v2", hone.ByCanary)
	}
	server.CloseClientConnections()
	server.Close()
	for range 5 {
		ask("v1", hone.ByFallback)
	}
	if why := <-g.ejected; !strings.Contains(why, "fraud v2: 5 faults in a row") || !strings.Contains(why, "upstream "+server.URL) {
		t.Errorf("ejected: %s", why)
	}
	ask("v1", hone.ByChampion)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
