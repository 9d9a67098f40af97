package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/learn/linear"
)

// TestE2EEjection lets a candidate turn bad in canary on a gateway of its own,
// while the server sees no traffic itself: the gateway takes it off at once, the
// server hears of it and ends the rollout, and no request fails.
func TestE2EEjection(t *testing.T) {
	x := newTrial(t, "    gates: [{metric: latency_p99, max: 10s}]\n") // v1 has no process to ask.
	x.start()
	if err := os.WriteFile(x.at("control", "turning"), []byte("fails"), 0o600); err != nil {
		t.Fatal(err)
	}
	g := newGate(x.server, "gw1")
	g.start()
	traffic := ask(t, g.listen, "p", 60)
	x.retrain()
	x.await(hone.Canary)
	if err := os.WriteFile(x.at("control", "bad"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	x.eventually("m-2 is over", func() bool { return x.run("m-2").State == hone.Closed })
	r := x.run("m-2")
	// By word of the gateway, or by the rows that it served, which may come first.
	if r.Ending != hone.RolledBack || !strings.Contains(r.Sentence, "faults in a row") && !strings.Contains(r.Sentence, "it failed on 5 of 5 requests") {
		t.Errorf("m-2 ended %s: %s", r.Ending, r.Sentence)
	}
	x.eventually("the plan has no challenger", func() bool { return x.plan().Challenger == "" })
	answers := traffic.stop()
	good(t, answers)
	// Not so many faults: a machine that was held up sends many requests at once.
	var faults []answer
	for _, a := range answers {
		if a.Route == hone.ByFallback {
			faults = append(faults, a)
		}
	}
	if len(faults) == 0 {
		t.Fatalf("none of %d requests saw the fault", len(answers))
	}
	if long := faults[len(faults)-1].sent.Sub(faults[0].sent); long > time.Second {
		t.Errorf("%d of %d requests saw the fault, over %v", len(faults), len(answers), long)
	}
}

// turning serves the model in its folder, or one that answers 0, until a file is
// there; then it fails in one of four ways. One that is steady must have a model.
func turning(how, file string) error {
	l, err := net.Listen("tcp", os.Getenv("HONE_ADDR"))
	if err != nil {
		return err
	}
	var model *linear.Model
	raw, err := os.ReadFile("model.json")
	if err == nil {
		model, err = linear.Unmarshal(raw)
	} else if how != "steady" && errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return err
	}
	var bad atomic.Bool
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/health/{what}", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /v2/models/{model}/infer", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Inputs []struct {
				Name  string
				Shape []int
				Data  []float64
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Inputs) == 0 {
			http.Error(w, `{"error": "bad request"}`, http.StatusBadRequest)
			return
		}
		if bad.Load() || exists(file) {
			bad.Store(true)
			switch how {
			case "fails":
				http.Error(w, `{"error": "out of memory"}`, http.StatusInternalServerError)
				return
			case "garbage":
				fmt.Fprint(w, `{"outputs": [{"name": "score", "shape": [1], "datatype": "FP64", "data": ["NaN", {}]}]}`, strings.Repeat("\xff", 1000))
				return
			case "hangs":
				<-r.Context().Done()
				return
			case "dies":
				os.Exit(1)
			}
		}
		n := in.Inputs[0].Shape[0]
		out := make([]float64, n)
		if model != nil {
			f := frame.New(model.Schema(), n)
			for _, input := range in.Inputs {
				if c := f.Schema.Index(input.Name); c >= 0 {
					copy(f.Cols[c].Num, input.Data)
				}
			}
			model.Predict(f, out)
		}
		json.NewEncoder(w).Encode(map[string]any{"model_name": r.PathValue("model"), "outputs": []any{
			map[string]any{"name": "score", "shape": []int{n}, "datatype": "FP64", "data": out}}})
	})
	return http.Serve(l, mux)
}
