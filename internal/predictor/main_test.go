package predictor_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"hone"
	"hone/internal/frame"
	"hone/internal/predictor"
	"hone/internal/sandbox"
)

// The test binary is also the server that the tests start: with the argument
// serve it answers, in the manner that its next argument says.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == sandbox.Command {
		os.Exit(sandbox.Main())
	}
	if len(os.Args) > 2 && os.Args[1] == "serve" {
		serve(os.Args[2], os.Args[3:])
		return
	}
	code := m.Run()
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if left := children(os.Getpid()); len(left) > 0 {
		fmt.Fprintln(os.Stderr, "left behind:", left)
		code = 1
	}
	os.Exit(code)
}

// children lists the processes, zombies too, whose parent is pid.
func children(pid int) (out []string) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		if f[1] == strconv.Itoa(pid) {
			out = append(out, string(b))
		}
	}
	return out
}

func serve(mode string, args []string) {
	fmt.Fprintln(os.Stderr, "serving", mode)
	switch mode {
	case "dead":
		fmt.Fprintln(os.Stderr, "model file is missing")
		os.Exit(3)
	case "deaf", "parent":
		signal.Ignore(syscall.SIGTERM)
	case "once": // Lives on its first start only.
		if _, err := os.Stat("started"); err == nil {
			os.Exit(4)
		}
		_ = os.WriteFile("started", nil, 0o600)
	}
	if mode == "parent" {
		c := exec.Command("sleep", "1000")
		if err := c.Start(); err != nil {
			panic(err)
		}
		_ = os.WriteFile("grandchild", []byte(strconv.Itoa(c.Process.Pid)), 0o600)
	}
	var mu sync.Mutex
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/health/ready", func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if _, err := os.Stat("sick"); err == nil || mode == "unready" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("POST /v2/models/model/infer", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, mode)
	})
	panic(http.ListenAndServe(os.Getenv("HONE_ADDR"), mux))
}

type request struct {
	Inputs []struct {
		Name     string
		Shape    []int
		Datatype string
		Data     []any
	}
	Outputs []struct{ Name string }
}

func answer(w http.ResponseWriter, r *http.Request, mode string) {
	body, _ := io.ReadAll(r.Body)
	var q request
	if err := json.Unmarshal(body, &q); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	n := q.Inputs[0].Shape[0]
	fixed := map[string]string{
		"garbage":   `{"outputs": [{"na`,
		"html":      `<html>`,
		"nan":       `{"outputs":[{"name":"score","shape":[2],"datatype":"FP64","data":[0.5,NaN]}]}`,
		"null":      `{"outputs":[{"name":"score","shape":[2],"datatype":"FP64","data":[0.5,null]}]}`,
		"huge":      `{"outputs":[{"name":"score","shape":[2],"datatype":"FP64","data":[0.5,1e999]}]}`,
		"percent":   `{"outputs":[{"name":"score","shape":[2],"datatype":"FP64","data":[0.5,73]}]}`,
		"short":     `{"outputs":[{"name":"score","shape":[2],"datatype":"FP64","data":[0.5]}]}`,
		"transpose": `{"outputs":[{"name":"score","shape":[1,2],"datatype":"FP64","data":[0.5,0.5]}]}`,
		"integers":  `{"outputs":[{"name":"score","shape":[2],"datatype":"INT64","data":[0,1]}]}`,
		"misnamed":  `{"outputs":[{"name":"output0","shape":[2],"datatype":"FP64","data":[0.5,0.5]}]}`,
		"endless":   strings.Repeat(" ", 1<<20),
	}
	if s, ok := fixed[mode]; ok {
		_, _ = io.WriteString(w, s)
		return
	}
	switch mode {
	case "die":
		if q.Inputs[0].Data[0] == float64(666) {
			fmt.Fprintln(os.Stderr, "poisoned")
			os.Exit(5)
		}
	case "hang":
		<-r.Context().Done()
		return
	case "fault":
		http.Error(w, `{"error":"no such column"}`, http.StatusInternalServerError)
		return
	case "redirect":
		http.Redirect(w, r, "/v2/health/ready", http.StatusSeeOther)
		return
	case "spy":
		http.Error(w, spy(), http.StatusTeapot)
		return
	case "hog":
		for all := [][]byte{}; ; {
			b := make([]byte, 16<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			all = append(all, b)
		}
	case "environment":
		_ = os.WriteFile("environment", []byte(strings.Join(os.Environ(), "\n")), 0o600)
	}
	writeScores(w, q, n)
}

// writeScores gives each row the logistic function of x, a missing x 0.5; a
// third of that goes to each of three classes, nested by row; or x itself.
func writeScores(w http.ResponseWriter, q request, n int) {
	data, shape := make([]any, n), []int{n}
	for i := range data {
		x, _ := q.Inputs[0].Data[i].(float64)
		p := 1 / (1 + math.Exp(-x))
		data[i] = p
		if q.Outputs[0].Name == "value" {
			data[i] = x
		} else if len(q.Inputs) > 2 {
			data[i], shape = []float64{p / 3, p / 3, 1 - 2*p/3}, []int{n, 3}
		}
		if name, ok := q.Inputs[1].Data[i].(string); !ok || q.Inputs[1].Datatype != "BYTES" || name == "refuse" {
			http.Error(w, "name", http.StatusBadRequest)
			return
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"model_name": "model", "outputs": []any{
		map[string]any{"name": q.Outputs[0].Name, "shape": shape, "datatype": "FP64", "data": data}}})
}

var binary = hone.Signature{
	Task:      hone.Binary,
	Features:  frame.Schema{{Name: "x", Kind: frame.Number}, {Name: "country", Kind: frame.Category}},
	Classes:   []string{"0", "1"},
	Threshold: 0.5,
}

// artefact writes a process artefact whose server behaves as mode says.
func artefact(t *testing.T, mode string, s hone.Signature) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	m := predictor.Manifest{Format: "process", Signature: s, Command: []string{exe, "serve", mode}}
	if err := predictor.WriteManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	return dir
}

// rows makes a frame of the features x and country, and others that are missing.
func rows(s hone.Signature, x ...float64) *frame.Frame {
	f := frame.New(s.Features, len(x))
	copy(f.Cols[0].Num, x)
	for i := range x {
		f.Cols[1].Str[i] = "Österreich \"\\\n" + strconv.Itoa(i)
	}
	return f
}
