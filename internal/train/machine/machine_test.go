package machine_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"hone"
	"hone/internal/frame"
	"hone/internal/predictor"
	"hone/internal/sandbox"
	"hone/internal/train"
	"hone/internal/train/command"
	"hone/internal/train/machine"
)

// The test binary is also the process that is killed while it trains, and the
// program that contains its trainer.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == sandbox.Command {
		os.Exit(sandbox.Main())
	}
	if len(os.Args) == 4 && os.Args[1] == "begin" {
		os.Exit(begin(os.Args[2], os.Args[3]))
	}
	code := m.Run()
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// going writes a checkpoint, leaves two programs behind it, one of them in a group
// of its own, and goes on.
const going = `echo 7 > $HONE_RUN/checkpoint/epoch
sleep 1000 &
setsid sleep 1000 &
echo '{"step": 1}'
wait`

var first = train.Name{Run: "fraud-1", Part: "v1", Attempt: 1}

func open(dir, mode string) *machine.Engine {
	box := sandbox.Spec{}
	if mode == "contained" {
		box.Program = "/proc/self/exe"
	}
	return machine.New(machine.Options{Dir: dir, Trainers: map[string]train.Trainer{"command": command.New(command.Options{Box: box})}})
}

func job(script string) train.Job {
	features := frame.Schema{{Name: "x", Kind: frame.Number}}
	j := train.Job{
		Model:     hone.Model{Name: "fraud", Task: hone.Binary, Label: hone.LabelSpec{Name: "y"}, Train: hone.TrainSpec{Trainer: "command", Command: []string{"/bin/sh", "-c", script}}},
		Signature: hone.Signature{Task: hone.Binary, Features: features, Classes: []string{"0", "1"}},
		Rows:      frame.New(features, 2), Labels: []string{"0", "1"}, Targets: []float64{0, 1}, Inputs: "these",
	}
	return j
}

// begin trains until it is killed, and says when the trainer has spoken.
func begin(dir, mode string) int {
	e := open(dir, mode)
	if err := e.Submit(context.Background(), first, job(going)); err != nil {
		fmt.Println(err)
		return 1
	}
	_, err := e.Follow(context.Background(), first, 0, func(p train.Progress) {
		if p.Step == 1 {
			fmt.Println("begun")
		}
	})
	fmt.Println("over", err)
	return 1
}

// killed begins a training in another process and kills that.
func killed(t *testing.T, dir, mode string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe, "begin", dir, mode)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	e := open(dir, mode)
	defer e.Stop()
	if s, err := e.State(t.Context(), first); err != nil || s.State != train.Running {
		t.Errorf("while it lives the training is %v (%v)", s, err)
	}
	if err := e.Cancel(t.Context(), first); err == nil {
		t.Error("the training of another process was cancelled")
	}
	_ = c.Process.Kill()
	_ = c.Wait()
	if line != "begun\n" {
		t.Fatalf("it said %q", line)
	}
}

// TestKilled kills the process that trains, and holds that nothing of the training
// is left once it is told as lost, and that the next attempt goes on from it.
func TestKilled(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"bare", "contained"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			killed(t, dir, mode)
			e := open(dir, mode)
			defer e.Stop()
			if s, err := e.State(t.Context(), first); err != nil || s.State != train.Lost || s.Inputs != "these" {
				t.Fatalf("it is %v (%v)", s, err)
			}
			if left := alive(filepath.Join(dir, "fraud-1", "v1.1")); len(left) > 0 {
				t.Errorf("left are %q", left)
			}
			next := first
			next.Attempt = 2
			j := job(`cat $HONE_RUN/checkpoint/epoch; exit 3`)
			if err := e.Submit(t.Context(), next, j); err != nil {
				t.Fatal(err)
			}
			var said []string
			if _, err := e.Follow(t.Context(), next, 0, func(p train.Progress) { said = append(said, p.Line) }); err != nil {
				t.Error(err)
			}
			if !strings.Contains(strings.Join(said, "|"), "7") {
				t.Errorf("the next attempt found %q", said)
			}
			if _, err := os.Stat(filepath.Join(dir, "fraud-1", "v1.1")); err == nil {
				t.Error("the rows of the first attempt are kept")
			}
		})
	}
}

// alive lists the processes that have a folder's name as HONE_RUN.
func alive(dir string) (out []string) {
	all, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range all {
		if b, err := os.ReadFile(path); err == nil && strings.Contains("\x00"+string(b), "\x00HONE_RUN="+dir+"\x00") {
			out = append(out, path)
		}
	}
	return out
}

// scripted is a trainer by a function.
type scripted func(ctx context.Context, j train.Job, report func(train.Progress)) (train.Result, error)

func (s scripted) Train(ctx context.Context, j train.Job, report func(train.Progress)) (train.Result, error) {
	return s(ctx, j, report)
}

func with(t *testing.T, dir string, s scripted) *machine.Engine {
	e := machine.New(machine.Options{Dir: dir, Trainers: map[string]train.Trainer{"command": s}})
	t.Cleanup(e.Stop)
	return e
}

func made(_ context.Context, j train.Job, report func(train.Progress)) (train.Result, error) {
	report(train.Progress{Step: 1, Values: map[string]float64{"loss": 0.5}})
	dir := filepath.Join(j.Dir, "model")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return train.Result{}, err
	}
	return train.Result{Dir: dir}, predictor.WriteManifest(dir, predictor.Manifest{Format: "process", Signature: j.Signature, Command: []string{"x"}})
}

// TestDiedWhileItBegan finds what a process left that died before it had written
// down that the attempt begins: the checkpoint that it had moved is used.
func TestDiedWhileItBegan(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"checkpoint/epoch", "output/stale"} {
		path := filepath.Join(dir, "fraud-1", "v1.1", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("7"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "fraud-1", "v1.1.jsonl"), []byte(`{"step":9}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var found []string
	e := with(t, dir, func(ctx context.Context, j train.Job, report func(train.Progress)) (train.Result, error) {
		entries, err := os.ReadDir(j.Dir)
		for _, e := range entries {
			found = append(found, e.Name())
		}
		if err != nil {
			return train.Result{}, err
		}
		return made(ctx, j, report)
	})
	if err := e.Submit(t.Context(), first, job("")); err != nil {
		t.Fatal(err)
	}
	steps := 0
	if _, err := e.Follow(t.Context(), first, 0, func(p train.Progress) { steps += p.Step }); err != nil || steps != 1 {
		t.Errorf("%d steps were reported (%v)", steps, err)
	}
	if strings.Join(found, " ") != "checkpoint" {
		t.Errorf("its folder held %q", found)
	}
}

// TestArtefactThatIsGone holds that a finished attempt without its artefact is done
// again, not fetched.
func TestArtefactThatIsGone(t *testing.T) {
	t.Parallel()
	e := with(t, t.TempDir(), made)
	if err := e.Submit(t.Context(), first, job("")); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Follow(t.Context(), first, 0, func(train.Progress) {}); err != nil {
		t.Fatal(err)
	}
	r, err := e.Result(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(r.Dir); err != nil {
		t.Fatal(err)
	}
	if s, err := e.State(t.Context(), first); err != nil || s.State != train.Lost {
		t.Errorf("it is %v (%v)", s, err)
	}
}

// TestRecordThatCannotBeWritten holds that an attempt whose end is not on the disk
// is lost, and not forgotten as running.
func TestRecordThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := with(t, dir, func(ctx context.Context, j train.Job, report func(train.Progress)) (train.Result, error) {
		if err := os.Mkdir(filepath.Join(dir, "fraud-1", "v1.1.json.next"), 0o700); err != nil {
			return train.Result{}, err
		}
		return made(ctx, j, report)
	})
	if err := e.Submit(t.Context(), first, job("")); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Follow(t.Context(), first, 0, func(train.Progress) {}); err == nil {
		t.Error("who followed it was not told that its end cannot be written")
	}
	if err := os.Remove(filepath.Join(dir, "fraud-1", "v1.1.json.next")); err != nil {
		t.Fatal(err)
	}
	if s, err := e.State(t.Context(), first); err != nil || s.State != train.Lost {
		t.Errorf("it is %v (%v)", s, err)
	}
}

// TestStartStop starts and stops engines that train.
func TestStartStop(t *testing.T) {
	t.Parallel()
	for i := range 20 {
		dir := t.TempDir()
		e := with(t, dir, func(ctx context.Context, _ train.Job, report func(train.Progress)) (train.Result, error) {
			report(train.Progress{Step: 1})
			<-ctx.Done()
			return train.Result{}, context.Cause(ctx)
		})
		if err := e.Submit(t.Context(), first, job("")); err != nil {
			t.Fatal(err)
		}
		stopped := make(chan struct{})
		go func() { e.Stop(); close(stopped) }()
		if i%2 == 0 {
			_ = e.Cancel(t.Context(), first) // Either may come first.
		}
		e.Stop()
		<-stopped
		if s, err := e.State(t.Context(), first); err != nil || s.State != train.Lost && s.State != train.Cancelled {
			t.Errorf("it is %v (%v)", s, err)
		}
		second := first
		second.Attempt = 2
		if err := e.Submit(t.Context(), second, job("")); err == nil {
			t.Error("an engine that is stopped took a job")
		}
	}
}

// TestLogIsBounded holds that a trainer that reports without end fills no disk.
func TestLogIsBounded(t *testing.T) {
	t.Parallel()
	e := with(t, t.TempDir(), func(ctx context.Context, j train.Job, report func(train.Progress)) (train.Result, error) {
		for range 10_000 {
			report(train.Progress{Line: strings.Repeat("x", 4096)})
		}
		return made(ctx, j, report)
	})
	if err := e.Submit(t.Context(), first, job("")); err != nil {
		t.Fatal(err)
	}
	size, last := 0, ""
	if _, err := e.Follow(t.Context(), first, 0, func(p train.Progress) { size, last = size+len(p.Line), p.Line }); err != nil {
		t.Error(err)
	}
	if size > 9<<20 || size < 7<<20 || !strings.Contains(last, "dropped") {
		t.Errorf("%d bytes, and at the end %q", size, last)
	}
}
