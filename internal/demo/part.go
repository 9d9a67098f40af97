package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"hone"
	"hone/internal/frame"
	"hone/internal/learn/linear"
	"hone/internal/predictor"
	"hone/internal/table"
)

// leakAfter is how many single requests the leaking server answers before it
// dies.
const leakAfter = 500

// Part plays a trainer with a bug, or the server of a model with one. It keeps
// the contract of any trainer and any server.
func Part(ctx context.Context, args []string) error {
	if len(args) == 2 && args[0] == "trainer" {
		return trainer(args[1])
	}
	if len(args) == 2 && args[0] == "server" {
		return server(ctx, args[1] == "leaking")
	}
	return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("demo-part %q is unknown", args), Hint: "scenarios start it themselves"}
}

// trainer fits the rows of HONE_RUN. The first version is sound; a retrain has
// the bug.
func trainer(bug string) error {
	run := os.Getenv("HONE_RUN")
	raw, err := os.ReadFile(filepath.Join(run, "schema.json"))
	if err != nil {
		return err
	}
	var schema struct {
		hone.Signature
		Label string `json:"label"`
	}
	if err := json.Unmarshal(raw, &schema); err != nil {
		return err
	}
	rows, labels, err := readTraining(filepath.Join(run, "train.parquet"), schema.Features, schema.Label)
	if err != nil {
		return err
	}
	_, err = os.Stat(filepath.Join(run, "previous", predictor.ManifestName))
	retrain := err == nil
	y := make([]float64, len(labels))
	for i, l := range labels {
		y[i] = schema.Target(l)
		if retrain && bug == "flipped" {
			y[i] = 1 - y[i]
		}
	}
	fit, err := linear.Fit(rows, y, nil, linear.Defaults(), nil, nil)
	if err != nil {
		return err
	}
	dir := filepath.Join(run, "output", "model")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	fmt.Printf("{\"step\": %d, \"loss\": %g}\n", fit.Steps, fit.Loss)
	if err := predictor.WriteLinear(dir, schema.Signature, fit); err != nil || bug != "leaking" {
		return err
	}
	kind := "sound"
	if retrain {
		kind = "leaking"
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(dir, predictor.ManifestName)); err != nil {
		return err
	}
	return predictor.WriteManifest(dir, predictor.Manifest{Format: "process", Signature: schema.Signature, Command: []string{program, "demo-part", "server", kind}})
}

func readTraining(path string, s frame.Schema, label string) (*frame.Frame, []string, error) {
	rows, extra, err := table.ReadParquet(path, s)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range extra {
		if e.Name == label && len(e.Strings) == rows.N {
			return rows, e.Strings, nil
		}
	}
	return nil, nil, fmt.Errorf("%s has no column %q", path, label)
}

// tensor is one tensor of the Open Inference Protocol.
type tensor struct {
	Name     string     `json:"name"`
	Shape    []int      `json:"shape"`
	Datatype string     `json:"datatype"`
	Data     []*float64 `json:"data"`
}

// server answers the Open Inference Protocol for the model in its folder; a
// leaking one until it has leaked too much.
func server(ctx context.Context, leak bool) error {
	raw, err := os.ReadFile("model.json")
	if err != nil {
		return err
	}
	model, err := linear.Unmarshal(raw)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", os.Getenv("HONE_ADDR"))
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	s := &http.Server{Handler: answering(model, leak)}
	go func() {
		<-ctx.Done()
		s.Close()
	}()
	if err := s.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}

func answering(model *linear.Model, leak bool) http.Handler {
	var asked atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/health/{what}", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /v2/models/{model}/infer", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Inputs []tensor `json:"inputs"`
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Inputs) == 0 {
			http.Error(w, `{"error": "bad request"}`, http.StatusBadRequest)
			return
		}
		n := in.Inputs[0].Shape[0]
		if n == 1 && asked.Add(1) > leakAfter && leak {
			os.Exit(1) // The machine has killed the process for its memory.
		}
		f := frame.New(model.Schema(), n)
		for _, t := range in.Inputs {
			for i, v := range t.Data {
				if c := f.Schema.Index(t.Name); c >= 0 && v != nil && i < n {
					f.Cols[c].Num[i] = *v
				}
			}
		}
		out := make([]float64, n)
		model.Predict(f, out)
		json.NewEncoder(w).Encode(map[string]any{"model_name": r.PathValue("model"), "outputs": []any{
			map[string]any{"name": "score", "shape": []int{n}, "datatype": "FP64", "data": out}}})
	})
	return mux
}
