package e2e

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"hone/internal/predictor"
	"hone/internal/stream"
)

// served is a configuration whose trainer leaves the artefact that lies beside it.
const served = `version: 1
server: {listen: "127.0.0.1:0", data: data, onnx: {program: bin/hone-onnx, library: %q}}
models:
  m:
    task: binary
    features: {a: number, shop: category, b: number, c: number}
    label: {name: label}
    train: {trainer: command, command: [/bin/sh, -c, 'cp -r artefact "$HONE_RUN/output/model"']}
    triggers: [{data_volume: 1000000}]
    validation: {off: [leakage]}      # Few rows, each often: any feature tells them apart.
`

// TestE2EONNX serves a model in ONNX by hone-onnx, both as they are built: it becomes
// champion and answers as scikit-learn does, also after its process was killed.
func TestE2EONNX(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it starts servers")
	}
	t.Parallel()
	library, err := predictor.FindLibrary(os.Getenv("HONE_TEST_ONNX_LIBRARY"), os.Getenv("HONE_TEST_PYTHON"))
	if err != nil {
		t.Skip("NOT TESTED: a model in ONNX. Set HONE_TEST_ONNX_LIBRARY to libonnxruntime.so, or HONE_TEST_PYTHON to a Python that has examples/python/requirements.txt installed: ", err)
	}
	s := &server{t: t, dir: t.TempDir(), rows: stream.NewSEA(1, nil, 0)}
	program := s.at("bin", "hone-onnx")
	if out, err := exec.Command("go", "build", "-o", program, "../cmd/hone-onnx").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	const from = "../internal/onnx/testdata/matrix"
	if err := os.CopyFS(s.at("artefact"), os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.at("hone.yaml"), fmt.Appendf(nil, served, library), 0o600); err != nil {
		t.Fatal(err)
	}
	s.start()
	t.Cleanup(func() { s.end(syscall.SIGTERM) })
	rows, want := knownRows(t, filepath.Join(from, "known.json"))
	var items []map[string]any
	for i := range 600 {
		k := i % len(rows)
		items = append(items, map[string]any{"prediction_id": fmt.Sprint("h", i), "features": rows[k], "label": fmt.Sprint(math.Round(want[k])),
			"time": time.Now().Add(time.Duration(i-600) * time.Second)})
	}
	s.must("POST", "/api/v1/models/m/history", map[string]any{"rows": items}, nil)
	s.eventually("v1 is champion", func() bool { return s.champion() == "v1" })
	s.answersAs(rows, want)

	killed := 0
	programs, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, link := range programs {
		var pid int
		if to, err := os.Readlink(link); err == nil && to == program {
			_, _ = fmt.Sscanf(link, "/proc/%d/exe", &pid)
			if err := syscall.Kill(pid, syscall.SIGKILL); err == nil {
				killed++
			}
		}
	}
	if killed == 0 {
		t.Error("no hone-onnx runs")
	}
	s.eventually("it answers again", func() bool {
		return s.do("POST", "/api/v1/models/m/predict", map[string]any{"features": rows[0]}, nil) == nil
	})
	s.answersAs(rows, want)
}

// knownRows reads rows as features by name, and their scores.
func knownRows(t *testing.T, file string) (rows []map[string]any, scores []float64) {
	t.Helper()
	var known struct {
		Rows   [][]any
		Scores [][]float64
	}
	b, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(b, &known)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range known.Rows {
		rows = append(rows, map[string]any{"a": r[0], "shop": r[1], "b": r[2], "c": r[3]})
		scores = append(scores, known.Scores[i][0])
	}
	return rows, scores
}

// answersAs asks for the scores of rows.
func (s *server) answersAs(rows []map[string]any, want []float64) {
	s.t.Helper()
	for i, r := range rows {
		var got struct {
			Score float64
		}
		s.must("POST", "/api/v1/models/m/predict", map[string]any{"features": r}, &got)
		if !(math.Abs(got.Score-want[i]) <= 1e-5) {
			s.t.Errorf("row %d: got %v, want %v", i, got.Score, want[i])
		}
	}
}
