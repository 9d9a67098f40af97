package command_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"hone"
	"hone/internal/clock"
	"hone/internal/frame"
	"hone/internal/predictor"
	"hone/internal/sandbox"
	"hone/internal/table"
	"hone/internal/train"
	"hone/internal/train/command"
)

// The test binary is also the trainer that the tests run: with the argument
// train it does what its next argument says.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == sandbox.Command {
		os.Exit(sandbox.Main())
	}
	if len(os.Args) > 2 && os.Args[1] == "attack" {
		os.Exit(attack(os.Args[2]))
	}
	if len(os.Args) > 2 && os.Args[1] == "train" {
		os.Exit(trainer(os.Args[2], os.Getenv("HONE_RUN")))
	}
	code := m.Run()
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

var signature = hone.Signature{
	Task:      hone.Binary,
	Features:  frame.Schema{{Name: "amount", Kind: frame.Number}, {Name: "country", Kind: frame.Category}},
	Classes:   []string{"0", "1"},
	Threshold: 0.25,
}

func trainer(mode, run string) int {
	in := func(names ...string) string { return filepath.Join(append([]string{run}, names...)...) }
	model := in("output", "model")
	write := func(text string, names ...string) {
		if err := os.WriteFile(in(names...), []byte(text), 0o600); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(9)
		}
	}
	if err := os.Mkdir(model, 0o700); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 9
	}
	s := signature
	switch mode {
	case "chatty":
		fmt.Println("loading")
		fmt.Println(`{"step": 1, "loss": 0.5, "note": "ignored"}`)
		fmt.Println(`{"loss": NaN}`)
		fmt.Fprintln(os.Stderr, "warning: old library")
		fmt.Println(`{"step": 2, "loss": 0.25}`)
		fmt.Println(strings.Repeat("x", 10000))
		write(`{"auc": 0.9, "rows": 4}`, "output", "metrics.json")
		here, _ := os.Getwd()
		write(here+"\n"+strings.Join(os.Environ(), "\n"), "output", "model", "seen")
	case "whisper":
		key := os.Getenv("ACME_KEY")
		fmt.Println("the key is " + key + ".")
		fmt.Println(`{"step": 1, "loss": 0.5, "` + key + `": 1}`)
		fmt.Println(strings.Repeat("x", 4096-len(key)/2) + key) // Cut in the middle.
		fmt.Fprintln(os.Stderr, "denied with "+key)
		return 3
	case "spill":
		write("before "+os.Getenv("ACME_KEY")+" after", "output", "model", "config")
		write(strings.Repeat("x", 1<<20)+os.Getenv("ACME_KEY"), "checkpoint", "state")
		write("innocent", "checkpoint", "other")
	case "fail":
		for i := range 30 {
			fmt.Fprintln(os.Stderr, "line", i)
		}
		return 3
	case "seen":
		return seen(in)
	case "going":
		return going(in)
	case "slow", "deaf":
		return slow(mode, in)
	case "hog":
		hog()
	case "flood":
		for i := range 64 {
			write(strings.Repeat("x", 1<<20), "output", "model", strconv.Itoa(i))
		}
	case "bigfile":
		write(strings.Repeat("x", 64<<20), "checkpoint", "big")
	case "talk":
		for range 4 << 10 {
			fmt.Println(strings.Repeat("word ", 200))
		}
	case "symlink":
		_ = os.Symlink("/etc/passwd", filepath.Join(model, "weights"))
	case "linked":
		_ = os.Remove(model)
		_ = os.Symlink("/tmp", model)
	case "pipe":
		_ = syscall.Mkfifo(filepath.Join(model, "queue"), 0o600)
	case "nothing":
		return 0
	case "gone":
		_ = os.RemoveAll(in("output"))
		return 0
	case "classes":
		s.Classes = []string{"no", "yes"}
	case "threshold":
		s.Threshold = 0.5
	case "features":
		s.Features = frame.Schema{signature.Features[1], signature.Features[0]}
	case "args":
		write(strings.Join(os.Args[3:], "\x00"), "output", "model", "seen")
	case "strings":
		write(`{"auc": "good"}`, "output", "metrics.json")
	case "null":
		write(`{"auc":null}`, "output", "metrics.json")
	case "gain":
		write(`{"training_cost": -1}`, "output", "metrics.json")
	case "daemon":
		c := exec.Command("sleep", "1000")
		c.Stdout, c.Stderr = os.Stdout, os.Stderr // Holds the pipes.
		if err := c.Start(); err != nil {
			return 9
		}
		write(strconv.Itoa(c.Process.Pid), "output", "model", "pid")
	}
	_ = os.Mkdir(model, 0o700)
	if err := predictor.WriteManifest(model, predictor.Manifest{Format: "process", Signature: s, Command: []string{"./serve"}}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 9
	}
	return 0
}

// slow waits to be stopped and then leaves a checkpoint; where it finds one, it
// is done at once.
func slow(mode string, in func(...string) string) int {
	if b, err := os.ReadFile(in("checkpoint", "epoch")); err == nil {
		m := predictor.Manifest{Format: "process", Signature: signature, Command: []string{"./serve"}}
		_ = os.WriteFile(in("output", "metrics.json"), []byte(`{"from_epoch": `+string(b)+`}`), 0o600)
		if predictor.WriteManifest(in("output", "model"), m) != nil {
			return 9
		}
		return 0
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	fmt.Println(`{"step": 0}`)
	<-stop
	_ = os.WriteFile(in("checkpoint", "epoch"), []byte("7"), 0o600)
	if mode == "deaf" {
		fmt.Println(`{"step": 1}`)
		forever()
	}
	return 0
}

// hog takes memory, in truth, until it is killed.
func hog() {
	var all [][]byte
	for {
		b := make([]byte, 16<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		if all = append(all, b); len(all) == 64 { // 1 GiB: far enough over any limit here.
			forever()
		}
	}
}

func job(t *testing.T, mode string) train.Job {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	j := train.Job{
		Model: hone.Model{Name: "fraud", Task: hone.Binary, Label: hone.LabelSpec{Name: "is_fraud"},
			Train: hone.TrainSpec{Command: []string{exe, "train", mode}, Limits: hone.Limits{
				Time: hone.Duration(time.Minute), Memory: 4 << 30, Output: 32 << 20}}},
		Signature: signature,
		Rows:      frame.New(signature.Features, 4),
		Labels:    []string{"0", "1", "1", "0"},
		Targets:   []float64{0, 1, 1, 0},
		Params:    map[string]any{"depth": 3},
		Dir:       t.TempDir(),
		Seed:      42,
	}
	copy(j.Rows.Cols[0].Num, []float64{1, 2.5, math.NaN(), -4})
	copy(j.Rows.Cols[1].Str, []string{"de", "", "a,b", "ü"})
	return j
}

func run(t *testing.T, j train.Job) ([]train.Progress, train.Result, error) {
	t.Helper()
	var seen []train.Progress
	engine := command.New(command.Options{Dir: t.TempDir()})
	r, err := engine.Train(t.Context(), j, func(p train.Progress) { seen = append(seen, p) })
	return seen, r, err
}

func TestTrain(t *testing.T) {
	t.Parallel()
	j := job(t, "chatty")
	dir := t.TempDir()
	var seen []train.Progress
	got, err := command.New(command.Options{Dir: dir}).Train(t.Context(), j, func(p train.Progress) { seen = append(seen, p) })
	if err != nil {
		t.Fatal(err)
	}
	if got.Dir != filepath.Join(j.Dir, "output", "model") || !reflect.DeepEqual(got.Metrics, map[string]float64{"auc": 0.9, "rows": 4}) {
		t.Errorf("got %v", got)
	}
	var steps []int
	text := ""
	for _, p := range seen {
		if p.Line == "" {
			steps = append(steps, p.Step)
		}
		text += p.Line + "\n"
		if len(p.Line) > 4096 {
			t.Errorf("a line of %d bytes", len(p.Line))
		}
	}
	if !reflect.DeepEqual(steps, []int{1, 2}) || !strings.Contains(text, "loading\n") || !strings.Contains(text, "warning: old") || !strings.Contains(text, "NaN") {
		t.Errorf("steps %v, log %q", steps, text)
	}
	b, _ := os.ReadFile(filepath.Join(got.Dir, "seen"))
	where, environment, _ := strings.Cut(string(b), "\n")
	if where != dir {
		t.Errorf("ran in %s, want %s", where, dir)
	}
	allowed := " PATH HOME LANG TZ TMPDIR VIRTUAL_ENV OMP_NUM_THREADS MKL_NUM_THREADS OPENBLAS_NUM_THREADS NUMEXPR_NUM_THREADS GOMAXPROCS OMP_WAIT_POLICY HONE_RUN "
	for line := range strings.Lines(environment) {
		name, value, _ := strings.Cut(line, "=")
		if name == "HOME" && strings.TrimSpace(value) != filepath.Join(j.Dir, "tmp") {
			t.Errorf("the trainer's home is %s", value)
		}
		if !strings.Contains(allowed, " "+name+" ") && !strings.HasPrefix(name, "LC_") && !strings.HasPrefix(name, "PYTHON") {
			t.Errorf("the trainer sees %s", name)
		}
	}
}

func TestTrainerFindsItsWork(t *testing.T) {
	t.Parallel()
	j := job(t, "ok")
	j.Model.Train.CSV = true
	j.Previous = t.TempDir()
	if err := os.MkdirAll(filepath.Join(j.Previous, "deep"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(j.Previous, "deep", "weights"), []byte("w"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := run(t, j); err != nil {
		t.Fatal(err)
	}
	read := func(name string, to any) {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(j.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, to); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	var schema struct {
		hone.Signature
		Label string
		Rows  int
		Seed  uint64
	}
	read("schema.json", &schema)
	if !reflect.DeepEqual(schema.Signature, signature) || schema.Label != "is_fraud" || schema.Rows != 4 || schema.Seed != 42 {
		t.Errorf("schema.json: got %+v", schema)
	}
	var params map[string]any
	read("params.json", &params)
	if !reflect.DeepEqual(params, map[string]any{"depth": 3.0}) {
		t.Errorf("params.json: got %v", params)
	}
	f, extra, err := table.ReadParquet(filepath.Join(j.Dir, "train.parquet"), signature.Features)
	if err != nil {
		t.Fatal(err)
	}
	if f.N != 4 || f.Cols[0].Num[1] != 2.5 || !math.IsNaN(f.Cols[0].Num[2]) || f.Cols[1].Str[3] != "ü" {
		t.Errorf("train.parquet: got %v", f)
	}
	if len(extra) != 1 || extra[0].Name != "is_fraud" || !reflect.DeepEqual(extra[0].Strings, j.Labels) {
		t.Errorf("train.parquet: got %v beside the features", extra)
	}
	b, _ := os.ReadFile(filepath.Join(j.Dir, "train.csv"))
	if want := "amount,country,is_fraud\n1,de,0\n2.5,,1\n,\"a,b\",1\n-4,ü,0\n"; string(b) != want {
		t.Errorf("train.csv: got %q, want %q", b, want)
	}
	if b, err := os.ReadFile(filepath.Join(j.Dir, "previous", "deep", "weights")); err != nil || string(b) != "w" {
		t.Errorf("previous: got %q, %v", b, err)
	}
}

// TestTrainerFindsWeights holds that rows that stand for several come with a column
// that says so, whose name schema.json gives.
func TestTrainerFindsWeights(t *testing.T) {
	t.Parallel()
	j := job(t, "ok")
	j.Model.Train.CSV = true
	j.Weights = []float64{1, 20, 2.5, 1}
	f := func(label, column string) {
		t.Helper()
		j.Model.Label.Name, j.Dir = label, t.TempDir()
		if _, _, err := run(t, j); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(j.Dir, "train.csv"))
		want := "amount,country," + label + "," + column + "\n1,de,0,1\n2.5,,1,20\n,\"a,b\",1,2.5\n-4,ü,0,1\n"
		if err != nil || string(b) != want {
			t.Errorf("train.csv: got %q, want %q (%v)", b, want, err)
		}
		raw, err := os.ReadFile(filepath.Join(j.Dir, "schema.json"))
		if err != nil || !strings.Contains(string(raw), `"weight": "`+column+`"`) {
			t.Errorf("schema.json does not name %s: %s (%v)", column, raw, err)
		}
	}
	f("is_fraud", "weight")
	f("weight", "_weight")
}

func TestTrainerFaults(t *testing.T) {
	t.Parallel()
	f := func(mode string, code hone.Code, want string) {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			j := job(t, mode)
			j.Model.Train.Limits.Output = 4 << 20
			if mode == "hog" {
				j.Model.Train.Limits.Memory = 128 << 20
			}
			_, r, err := run(t, j)
			e, ok := hone.AsError(err)
			if !ok || e.Code != code || e.Hint == "" || !strings.Contains(e.Message, want) {
				t.Errorf("got %v, %v; want %s with %q", r, err, code, want)
			}
		})
	}
	f("fail", hone.Invalid, "exit status 3; it said:\nline 10\n")
	f("hog", hone.TooLarge, "memory, over its limit of 128 MiB")
	f("flood", hone.TooLarge, "over its limit of 4096 KiB")
	f("bigfile", hone.Invalid, "it said:")
	f("symlink", hone.Invalid, "output/model/weights is not a regular file")
	f("linked", hone.Invalid, "output/model is not a regular file")
	f("pipe", hone.Invalid, "output/model/queue is not a regular file")
	f("nothing", hone.Invalid, "there is no hone.json")
	f("gone", hone.Invalid, "removed the folder output")
	f("classes", hone.Invalid, `classes ["no" "yes"] in the place of ["0" "1"]`)
	f("threshold", hone.Invalid, "threshold 0.5 in the place of 0.25")
	f("features", hone.Invalid, `feature 1 is "country" (category) in the place of "amount" (number)`)
	f("strings", hone.Invalid, "metrics.json is not an object of numbers")
	f("null", hone.Invalid, `"auc" in output/metrics.json is null`)
	f("gain", hone.Invalid, `"training_cost" in output/metrics.json is -1`)
}

func TestCommandThatIsNotThere(t *testing.T) {
	t.Parallel()
	j := job(t, "ok")
	for _, args := range [][]string{nil, {"no-such-program"}, {"./no-such-program"}} {
		j.Model.Train.Command = args
		if _, _, err := run(t, j); code(err) != hone.Invalid {
			t.Errorf("%q: got %v", args, err)
		}
	}
}

func TestTimeOutLeavesACheckpointForARetry(t *testing.T) {
	t.Parallel()
	hands := clock.NewFake(time.Unix(0, 0))
	engine := command.New(command.Options{Dir: t.TempDir(), Clock: hands})
	j := job(t, "slow")
	j.Model.Train.Limits.Time = hone.Duration(30 * time.Minute)
	_, err := engine.Train(t.Context(), j, func(p train.Progress) {
		if p.Line == "" { // It waits for SIGTERM now.
			hands.Advance(30 * time.Minute)
		}
	})
	if code(err) != hone.Unavailable || !strings.Contains(err.Error(), "longer than 30m") {
		t.Fatalf("got %v", err)
	}
	r, err := engine.Train(t.Context(), j, nil)
	if err != nil || r.Metrics["from_epoch"] != 7 {
		t.Errorf("the retry: got %v, %v", r, err)
	}
}

func TestTrainerThatIgnoresSIGTERMIsKilled(t *testing.T) {
	t.Parallel()
	hands := clock.NewFake(time.Unix(0, 0))
	ctx, cancel := context.WithCancel(t.Context())
	_, err := command.New(command.Options{Clock: hands}).Train(ctx, job(t, "deaf"), func(p train.Progress) {
		if p.Line != "" {
			return
		}
		if cancel(); p.Step == 1 { // It has had its SIGTERM, so the grace runs.
			hands.Advance(5 * time.Second)
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestLogIsBounded(t *testing.T) {
	t.Parallel()
	seen, _, err := run(t, job(t, "talk"))
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for _, p := range seen {
		size += len(p.Line)
	}
	if last := seen[len(seen)-1].Line; size > 1<<20+200 || size < 1<<19 || !strings.Contains(last, "dropped") {
		t.Errorf("%d bytes, and at the end %q", size, last)
	}
}

func TestWhatATrainerLeavesRunningIsKilled(t *testing.T) {
	t.Parallel()
	_, r, err := run(t, job(t, "daemon"))
	if err != nil {
		t.Fatal(err)
	}
	pid, _ := os.ReadFile(filepath.Join(r.Dir, "pid"))
	stat, err := os.ReadFile("/proc/" + string(pid) + "/stat")
	if err == nil && !strings.Contains(string(stat), ") Z ") {
		t.Errorf("it lives: %s", stat)
	}
}

func code(err error) hone.Code {
	if e, ok := hone.AsError(err); ok {
		return e.Code
	}
	return ""
}
