package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"hone"
	"hone/internal/stream"
)

// The secrets of the canary test, as the trainer gets them.
const (
	byVariable = "canary-variable-5f2c8e1b"
	byFile     = "canary-file-93d07a4e"
)

// blurt is what a careless trainer does with its secrets: it prints them. It
// leaves their hash, by which the test knows that it had them.
func blurt(control, run string) error {
	a, b := os.Getenv("ACME_KEY"), os.Getenv("DB_PASSWORD")
	if a+b == "" {
		return nil
	}
	fmt.Println("connecting as " + a + ":" + b)
	fmt.Printf("{\"step\": 1, \"loss\": 0.5, %q: 2}\n", a)
	fmt.Fprintln(os.Stderr, "warning: the password is "+b)
	sum := sha256.Sum256([]byte(a + b))
	if err := os.WriteFile(filepath.Join(run, "tmp", "seen"), []byte(hex.EncodeToString(sum[:])), 0o600); err != nil {
		return err
	}
	if exists(filepath.Join(control, "fail")) {
		return fmt.Errorf("denied with %s and %s", a, b)
	}
	return nil
}

// TestE2ESecrets takes a model whose trainer is given secrets round the loop,
// and a training that fails, and then looks for the secrets in everything that
// Hone wrote, logged or answered.
func TestE2ESecrets(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a server")
	}
	t.Setenv("HONE_TEST_ACME_KEY", byVariable)
	s := &server{t: t, dir: t.TempDir(), rows: stream.NewSEA(7, nil, 0.05)}
	t.Cleanup(func() { s.end(syscall.SIGTERM) })
	if err := os.WriteFile(s.at("password"), []byte(byFile+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.configure("")
	b, err := os.ReadFile(s.at("hone.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(b), "train: {", "train: {env: {ACME_KEY: env:HONE_TEST_ACME_KEY, DB_PASSWORD: file:password}, ", 1)
	if err := os.WriteFile(s.at("hone.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.start()
	var said bytes.Buffer // All that was answered.
	s.walkTheLoop()
	s.askEverything(&said)

	// A reload, and a literal where a reference belongs.
	s.cli(&said, 0, "config", "diff", "--days", "14")
	literal := strings.Replace(text, "file:password", byFile, 1)
	if err := os.WriteFile(s.at("hone.yaml"), []byte(literal), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"config", "check"}, {"config", "check", "--json"}, {"config", "diff"}, {"config", "apply"}, {"status"}} {
		s.cli(&said, 2, args...)
	}
	err = s.do("POST", "/api/v1/config/apply", map[string]any{"text": literal, "base": strings.Repeat("0", 64)}, nil)
	if err == nil || !strings.Contains(err.Error(), "no reference to a secret") {
		t.Errorf("a literal was applied: %v", err)
	}
	fmt.Fprintln(&said, err)
	if err := os.WriteFile(s.at("hone.yaml"), []byte(text+"    owner: ada\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.cli(&said, 0, "config", "apply", "--reason", "an owner")
	s.cli(&said, 0, "doctor")
	s.askEverything(&said)
	log := s.said
	s.end(syscall.SIGTERM)

	look := func(what string, b []byte) {
		for _, canary := range []string{byVariable, byFile} {
			if i := bytes.Index(b, []byte(canary)); i >= 0 {
				t.Errorf("%s shows a secret: %q", what, b[max(0, i-60):min(len(b), i+60)])
			}
		}
	}
	look("the server's log", log.Bytes())
	look("what was answered", said.Bytes())
	files := 0
	err = filepath.WalkDir(s.at("data"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		files++
		look(path, b)
		return err
	})
	if err != nil || files < 20 {
		t.Errorf("%d files of the data folder were read: %v", files, err)
	}
	if !bytes.Contains(said.Bytes(), []byte("denied with [secret] and [secret]")) || !bytes.Contains(said.Bytes(), []byte("env:HONE_TEST_ACME_KEY")) {
		t.Error("the failed training, or the reference, is not among what was answered")
	}
}

// walkTheLoop brings a first version, a second one that is rolled out, and a
// training that fails.
func (s *server) walkTheLoop() {
	s.t.Helper()
	var items []map[string]any
	for i, r := range s.make(600) {
		items = append(items, map[string]any{"prediction_id": r.ID, "features": r.Features, "label": r.label,
			"time": time.Now().Add(time.Duration(i-600) * time.Second)})
	}
	s.must("POST", "/api/v1/models/m/history", map[string]any{"rows": items}, nil)
	s.eventually("v1 is champion", func() bool { return s.champion() == "v1" })
	sum := sha256.Sum256([]byte(byVariable + byFile))
	said, err := filepath.Glob(s.at("data", "runs", "*", "*", "tmp", "seen"))
	if err != nil || len(said) == 0 {
		s.t.Fatalf("the trainer did not say what it got: %v", err)
	}
	if seen, err := os.ReadFile(said[0]); err != nil || string(seen) != hex.EncodeToString(sum[:]) {
		s.t.Fatalf("the trainer did not get its secrets: %s %v", seen, err)
	}
	a := acknowledged{labels: map[string]string{}}
	for range 4 {
		if err := s.send(50, &a); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := os.WriteFile(s.at("control", "fail"), nil, 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.must("POST", "/api/v1/models/m/runs", map[string]any{"force": true}, nil)
	s.eventually("the run has failed", func() bool { return s.run("m-2").Ending == hone.Failed })
	if err := os.Remove(s.at("control", "fail")); err != nil {
		s.t.Fatal(err)
	}
	s.must("POST", "/api/v1/models/m/runs", map[string]any{"force": true}, nil)
	s.eventually("the third run is over", func() bool {
		if err := s.send(5, &a); err != nil {
			s.t.Fatal(err)
		}
		return s.run("m-3").State == hone.Closed
	})
}

// askEverything reads whatever can be read over HTTP without a body.
func (s *server) askEverything(into io.Writer) {
	s.t.Helper()
	var doc struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	s.must("GET", "/api/v1/openapi.json", nil, &doc)
	names := strings.NewReplacer("{model}", "m", "{run}", "m-2", "{prediction_id}", "p700", "{dataset}", string(s.run("m-2").Dataset))
	paths := []string{"/", "/metrics", "/api/v1/openapi.json", "/v2/models/m", "/v2/health/ready", "/api/v1/runs/m-1", "/api/v1/runs/m-3", "/api/v1/audit?limit=10000"}
	for path, methods := range doc.Paths {
		if _, reads := methods["get"]; reads && path != "/api/v1/events" {
			paths = append(paths, names.Replace(path))
		}
	}
	if len(paths) < 20 {
		s.t.Errorf("only %d paths are read", len(paths))
	}
	for _, path := range paths {
		req, err := http.NewRequest(http.MethodGet, s.base+path, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+s.token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			s.t.Fatal(err)
		}
		fmt.Fprintf(into, "GET %s %v\n", path, res.Header)
		if _, err := io.Copy(into, res.Body); err != nil {
			s.t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil {
			s.t.Fatal(err)
		}
	}
}

// cli runs a command on the server's configuration.
func (s *server) cli(into io.Writer, want int, args ...string) {
	s.t.Helper()
	c := exec.Command(binary, append(args, "--config", s.at("hone.yaml"))...)
	out, err := c.CombinedOutput()
	if got := c.ProcessState.ExitCode(); got != want {
		s.t.Errorf("hone %s: status %d, %v\n%s", strings.Join(args, " "), got, err, out)
	}
	_, _ = into.Write(out) // A buffer.
}
