package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"hone/bench/bar"
	"hone/bench/rig"
)

// servingBars are about what answers by a model that LightGBM made.
var servingBars = []bar.Measured{
	{Bar: bar.Bar{ID: "gateway_mlserver",
		About: "A LightGBM model of 100 trees over 28 numbers answers one row at a time over the Open Inference Protocol (REST): `hone serve`, the model scored in process (format lightgbm), every prediction logged, against MLServer with its LightGBM runtime in its main process, which logs nothing. Processor time of the server's process a request, from the same client with the same bytes over 8 kept connections, in interleaved pairs; the scores must be equal.",
		Limits: []bar.Limit{
			{Series: "ratio", Unit: "of MLServer's", Of: bar.Median, Under: 0.125, AtMost: true},
		}, Also: []string{"hone", "mlserver"}}, Measure: besideMLServer},
}

// mlServer is the peer that serves.
var mlServer = []string{"mlserver==1.7.1", "mlserver-lightgbm==1.7.1", "lightgbm==4.7.0", "numpy==2.4.6"}

const (
	served     = "bench"
	asked      = "/v2/models/" + served + "/infer"
	callers    = 8
	atATime    = 4000 // Requests of one sample.
	differents = 500  // Requests that are not the same.
	pairs      = 15
)

// besideMLServer lets both serve the model that LightGBM made of the same rows.
func besideMLServer(b *bar.Bench) error {
	world := rig.NewWorld(numbers)
	if err := writeWorld(b.Work, world); err != nil {
		return err
	}
	python, err := bar.Python(b.Work, "mlserver", mlServer...)
	if err != nil {
		return err
	}
	var used spent
	if err := run(b.Work, &used, python, "peers.py", "fit", b.Work, "2"); err != nil {
		return fail("LightGBM", err)
	}
	ours, err := serveHone(b, world)
	if err != nil {
		return fail("hone", err)
	}
	defer ours.Stop()
	theirs, err := servePeer(b, filepath.Join(filepath.Dir(python), "mlserver"))
	if err != nil {
		return fail("MLServer", err)
	}
	defer theirs.Stop()
	requests := rig.Many(differents, func() []byte { return bar.Post(asked, world.Matrix(1)) })
	if err := alike(ours.Addr, theirs.Addr, requests[:20]); err != nil {
		return err
	}
	var hones, peers, ratios []float64
	for i := range pairs + 1 {
		mine, err := rig.Fire(ours.Process, ours.Addr, requests, callers, atATime)
		if err != nil {
			return fail("hone", err)
		}
		peer, err := rig.Fire(theirs.Process, theirs.Addr, requests, callers, atATime)
		if err != nil {
			return fail("MLServer", err)
		}
		if i == 0 {
			continue // Warming up.
		}
		hones, peers, ratios = append(hones, mine.Micros()), append(peers, peer.Micros()), append(ratios, mine.Micros()/peer.Micros())
	}
	b.Keep("ratio", "of MLServer's", ratios...)
	b.Keep("hone", "µs", hones...)
	b.Keep("mlserver", "µs", peers...)
	return nil
}

// writeWorld leaves the peer's program, and rows of the world for it to learn from.
func writeWorld(dir string, w *rig.World) error {
	for name, n := range map[string]int{"train": 50_000, "test": 10} {
		var xs, ys []float64
		for range n {
			x, label := w.Row()
			y, err := strconv.ParseFloat(label, 64)
			if err != nil {
				return err
			}
			xs, ys = append(xs, x...), append(ys, y)
		}
		if err := errors.Join(writeFloats(filepath.Join(dir, name+".x.f64"), xs), writeFloats(filepath.Join(dir, name+".y.f64"), ys)); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "peers.py"), peersProgram, 0o600)
}

// serveHone starts a hone that has adopted the model.
func serveHone(b *bar.Bench, w *rig.World) (*rig.Server, error) {
	// LightGBM names columns by their number, as the world does its features.
	model, err := os.ReadFile(filepath.Join(b.Work, "model.txt"))
	if err != nil {
		return nil, err
	}
	named := filepath.Join(b.Work, "named.txt")
	if err := os.WriteFile(named, bytes.ReplaceAll(model, []byte("Column_"), []byte("f")), 0o600); err != nil {
		return nil, err
	}
	// What there is to learn from is for the reference: nothing is trained here.
	text := fmt.Sprintf("version: 1\nserver: {listen: \"127.0.0.1:0\", data: %q}\nmodels:\n  %s: {task: binary, features: %s, label: label, log: buffered, dataset: {min_rows: 100000}}\n",
		filepath.Join(b.Work, "data"), served, w.Features())
	config := filepath.Join(b.Work, "hone.yaml")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	s, err := rig.Serve(b.Hone, b.Work, config)
	if err != nil {
		return nil, err
	}
	if err = s.Teach(served, w, 0, rig.HistoryRows); err == nil {
		err = adopt(b, config, named)
	}
	if err == nil {
		err = s.Ready(served)
	}
	if err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func adopt(b *bar.Bench, config, model string) error {
	out, err := exec.Command(b.Hone, "register", served, model, "--champion", "--trained-until", "2025-12-31", "--classes", "0", "--classes", "1", "--config", config).CombinedOutput()
	if err != nil {
		return fmt.Errorf("register the model: %w: %s", err, out)
	}
	return nil
}

// servePeer starts MLServer with the same model, in one process, and on as many
// threads as its own single rows are worth.
func servePeer(b *bar.Bench, program string) (*rig.Server, error) {
	dir := filepath.Join(b.Work, "served")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	ports, err := freePorts()
	if err != nil {
		return nil, err
	}
	settings := fmt.Sprintf(`{"host": "127.0.0.1", "http_port": %d, "grpc_port": %d, "metrics_port": %d, "parallel_workers": 0, "debug": false}`, ports[0], ports[1], ports[2])
	model := fmt.Sprintf(`{"name": %q, "implementation": "mlserver_lightgbm.LightGBMModel", "parameters": {"uri": %q}}`, served, filepath.Join(b.Work, "model.txt"))
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "settings.json"), []byte(settings), 0o600), os.WriteFile(filepath.Join(dir, "model-settings.json"), []byte(model), 0o600)); err != nil {
		return nil, err
	}
	return startPeer(dir, program, ports[0])
}

// freePorts are three that nobody listens on at the moment.
func freePorts() (ports [3]int, err error) {
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return ports, err
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

func startPeer(dir, program string, port int) (*rig.Server, error) {
	p, err := bar.Start(dir, "mlserver", "env", "OMP_WAIT_POLICY=passive", "OMP_NUM_THREADS=1", program, "start", ".")
	if err != nil {
		return nil, err
	}
	s := &rig.Server{Process: p, Addr: fmt.Sprintf("127.0.0.1:%d", port)}
	if err := p.Until(2*time.Minute, "MLServer answers", func() bool { return s.OK("/v2/models/" + served + "/ready") }); err != nil {
		p.Stop()
		return nil, err
	}
	return s, nil
}

// alike holds that both give the same scores.
func alike(ours, theirs string, requests [][]byte) error {
	for i, r := range requests {
		_, body, _ := bytes.Cut(r, []byte("\r\n\r\n"))
		a, err := scored(ours, body)
		if err != nil {
			return fail("hone", err)
		}
		b, err := scored(theirs, body)
		if err != nil {
			return fail("MLServer", err)
		}
		if math.Abs(a-b) > 1e-9 {
			return fmt.Errorf("request %d is scored %v, and %v by MLServer", i, a, b)
		}
	}
	return nil
}

// scored is the first number that a server answers.
func scored(addr string, body []byte) (float64, error) {
	res, err := http.Post("http://"+addr+asked, "application/json", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	var r struct {
		Outputs []struct{ Data json.RawMessage }
	}
	if err := json.NewDecoder(res.Body).Decode(&r); err != nil {
		return 0, err
	}
	var x []float64
	if len(r.Outputs) == 0 || json.Unmarshal(r.Outputs[0].Data, &x) != nil || len(x) != 1 {
		return 0, fmt.Errorf("status %d and no score", res.StatusCode)
	}
	return x[0], nil
}
