package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/stream"
)

const configuration = `version: 1
server: {listen: "127.0.0.1:0", data: data}
models:
  m:
    task: binary
    features: {f0: number, f1: number, f2: number}
    label: {name: label}
    train: {trainer: command, command: [%q, trainer, %q], read: [control]}
    triggers: [{data_volume: 1000000}]
    guards: {cooldown: 1s, min_new_labels: 1}
    rollout: {steps: [{shadow: 20}, {weight: 50%%, min_requests: 20}], probation: {labels: 300}}
    log: durable
`

// patience bounds every wait.
const patience = 60 * time.Second

// server is a hone on a folder of its own.
type server struct {
	t       *testing.T
	dir     string
	program *exec.Cmd
	env     []string // Besides this process's own.
	said    *bytes.Buffer
	base    string
	token   string
	next    int
	rows    stream.Stream
}

// at returns a path in the server's folder.
func (s *server) at(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

// start starts the server and waits until it answers.
func (s *server) start() {
	s.t.Helper()
	s.program = exec.Command(binary, "serve", "--config", s.at("hone.yaml"))
	s.program.Env = append(os.Environ(), s.env...)
	s.launch("data")
}

// launch starts the program, whose data folder has this name, and waits until it answers.
func (s *server) launch(data string) {
	s.t.Helper()
	os.Remove(s.at(data, "address"))
	s.said = &bytes.Buffer{}
	s.program.Stdout, s.program.Stderr = s.said, s.said
	if err := s.program.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.eventually("the server answers", func() bool {
		b, err := os.ReadFile(s.at(data, "address"))
		if err != nil || len(b) == 0 {
			return false
		}
		s.base = string(b)
		return s.do("GET", "/v2/health/live", nil, nil) == nil
	})
	b, err := os.ReadFile(s.at(data, "token"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.token = string(b)
}

// end sends a signal and waits for the server's end.
func (s *server) end(with os.Signal) {
	s.t.Helper()
	if s.program == nil {
		return
	}
	if err := s.program.Process.Signal(with); err != nil {
		s.t.Error(err)
	}
	err := s.program.Wait()
	if with == syscall.SIGTERM && err != nil {
		s.t.Errorf("stop: %v\n%s", err, s.said)
	}
	s.program = nil
}

func (s *server) eventually(what string, f func() bool) {
	s.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !f() {
		select {
		case <-tick.C:
		case <-late:
			var model any
			_ = s.do("GET", "/api/v1/models/m", nil, &model)
			s.t.Fatalf("not within %s: %s\nmodel %v\nserver %s", patience, what, model, s.said)
		}
	}
}

func (s *server) do(method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, s.base+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %d: %s", method, path, res.StatusCode, strings.TrimSpace(string(b)))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}

// must does a request that has to succeed.
func (s *server) must(method, path string, in, out any) {
	s.t.Helper()
	if err := s.do(method, path, in, out); err != nil {
		s.t.Fatalf("%v\n%s", err, s.said)
	}
}

// row is one row of traffic with its truth.
type row struct {
	ID       string         `json:"prediction_id"`
	Features map[string]any `json:"features"`
	label    string
}

func (s *server) make(n int) []row {
	f := frame.New(s.rows.Schema(), 1)
	out := make([]row, n)
	for i := range out {
		label := s.rows.Next(f, 0)
		out[i] = row{fmt.Sprintf("p%d", s.next), map[string]any{"f0": f.Cols[0].Num[0], "f1": f.Cols[1].Num[0], "f2": f.Cols[2].Num[0]}, label}
		s.next++
	}
	return out
}

// acknowledged are ids of what the server said that it had stored.
type acknowledged struct {
	predictions []string
	labels      map[string]string
}

// send asks for predictions and then sends their labels, and keeps count of what
// was acknowledged.
func (s *server) send(n int, a *acknowledged) error {
	rows := s.make(n)
	if err := s.do("POST", "/api/v1/models/m/predict", map[string]any{"rows": rows}, nil); err != nil {
		return err
	}
	labels := make([]map[string]any, n)
	for i, r := range rows {
		a.predictions = append(a.predictions, r.ID)
		labels[i] = map[string]any{"prediction_id": r.ID, "label": r.label}
	}
	if err := s.do("POST", "/api/v1/models/m/feedback", map[string]any{"feedback": labels}, nil); err != nil {
		return err
	}
	for _, r := range rows {
		a.labels[r.ID] = r.label
	}
	return nil
}

var (
	once   sync.Once
	folder string // Of a server that was stopped, with a champion and fresh labels.
)

// prepared returns a server, not started, with a champion v1 and 200 labels that
// it has not seen. A change of the configuration may be given.
func prepared(t *testing.T, change string) *server {
	t.Helper()
	once.Do(func() { folder = prepare(t) })
	if folder == "" {
		t.Fatal("there is no prepared folder")
	}
	s := &server{t: t, dir: t.TempDir(), rows: stream.NewSEA(8, nil, 0.05), next: 100_000}
	if err := os.CopyFS(s.at("data"), os.DirFS(filepath.Join(folder, "data"))); err != nil {
		t.Fatal(err)
	}
	s.configure(change)
	t.Cleanup(func() { s.end(syscall.SIGTERM) })
	return s
}

func (s *server) configure(change string) {
	s.t.Helper()
	program, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.MkdirAll(s.at("control"), 0o700); err != nil {
		s.t.Fatal(err)
	}
	text := fmt.Sprintf(configuration, program, s.at("control")) + change
	if err := os.WriteFile(s.at("hone.yaml"), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func prepare(t *testing.T) string {
	dir, err := os.MkdirTemp(filepath.Dir(binary), "prepared-")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, dir: dir, rows: stream.NewSEA(7, nil, 0.05)}
	s.configure("")
	s.start()
	defer s.end(syscall.SIGTERM)
	var items []map[string]any
	for i, r := range s.make(600) {
		items = append(items, map[string]any{"prediction_id": r.ID, "features": r.Features, "label": r.label,
			"time": time.Now().Add(time.Duration(i-600) * time.Second)})
	}
	s.must("POST", "/api/v1/models/m/history", map[string]any{"rows": items}, nil)
	s.eventually("v1 is champion", func() bool { return s.champion() == "v1" })
	a := acknowledged{labels: map[string]string{}}
	for range 4 {
		if err := s.send(50, &a); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// state is what the tests read of a model.
type state struct {
	Champion hone.VersionID                `json:"champion"`
	Aliases  map[hone.Alias]hone.VersionID `json:"aliases"`
	Open     *hone.Run                     `json:"open_run"`
	Watch    *hone.Watch                   `json:"probation"`
}

func (s *server) model() (m state) {
	s.t.Helper()
	s.must("GET", "/api/v1/models/m", nil, &m)
	return m
}

func (s *server) champion() hone.VersionID { return s.model().Champion }

func (s *server) run(id string) (r hone.Run) {
	s.t.Helper()
	s.must("GET", "/api/v1/runs/"+id, nil, &r)
	return r
}
