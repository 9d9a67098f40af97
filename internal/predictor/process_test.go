package predictor_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/frame"
	"hone/internal/predictor"
)

func open(t *testing.T, dir string, o predictor.Options) predictor.Predictor {
	t.Helper()
	p, err := predictor.Open(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestProcessScores(t *testing.T) {
	t.Parallel()
	p := open(t, artefact(t, "good", binary), predictor.Options{})
	f := rows(binary, -1.5, math.NaN(), 1e300, 0.1)
	got, err := p.Predict(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{1 / (1 + math.Exp(1.5)), 0.5, 1, 1 / (1 + math.Exp(-0.1))} {
		if got.Width != 1 || got.V[i] != want {
			t.Errorf("row %d: got %v, want %v", i, got.Row(i), want)
		}
	}
	if m := p.Memory(); m < 1<<20 || m > 1<<31 {
		t.Errorf("memory is %d bytes", m)
	}
	if got, err := p.Predict(t.Context(), frame.New(binary.Features, 0)); err != nil || len(got.V) != 0 || got.Width != 1 {
		t.Errorf("no rows: got %v, %v", got, err)
	}
}

func TestProcessTasks(t *testing.T) {
	t.Parallel()
	many := hone.Signature{Task: hone.Multiclass, Classes: []string{"a", "b", "c"},
		Features: append(binary.Features[:2:2], frame.Field{Name: "more", Kind: frame.Text})}
	number := hone.Signature{Task: hone.Regression, Features: binary.Features}
	got, err := open(t, artefact(t, "good", many), predictor.Options{}).Predict(t.Context(), rows(many, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	if row := got.Row(1); got.Width != 3 || len(got.V) != 6 || math.Abs(row[2]-2.0/3) > 1e-12 {
		t.Errorf("multiclass: got %v", got)
	}
	got, err = open(t, artefact(t, "good", number), predictor.Options{}).Predict(t.Context(), rows(number, -7.25))
	if err != nil || got.V[0] != -7.25 {
		t.Errorf("regression: got %v, %v", got, err)
	}
}

func TestProcessConcurrently(t *testing.T) {
	t.Parallel()
	p := open(t, artefact(t, "good", binary), predictor.Options{})
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for j := range 20 {
				x := float64(i) - float64(j)/7
				got, err := p.Predict(t.Context(), rows(binary, x))
				if want := 1 / (1 + math.Exp(-x)); err != nil || got.V[0] != want {
					t.Errorf("x %v: got %v, %v; want %v", x, got.V, err, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestProcessRefusesBadAnswers(t *testing.T) {
	t.Parallel()
	f := func(mode, want string) {
		t.Helper()
		p := open(t, artefact(t, mode, binary), predictor.Options{})
		got, err := p.Predict(t.Context(), rows(binary, 1, 2))
		e, ok := hone.AsError(err)
		if !ok || e.Code != hone.Unavailable || e.Hint == "" || !strings.Contains(e.Message, want) {
			t.Errorf("%s: got %v, %v; want an error with %q", mode, got, err, want)
		}
		if got.V != nil {
			t.Errorf("%s: scores beside the error: %v", mode, got)
		}
	}
	f("garbage", "not JSON")
	f("html", "not JSON")
	f("nan", "not JSON")
	f("null", "null")
	f("huge", "not numbers")
	f("percent", "score 73 of row 1 is no probability")
	f("short", "holds 1 numbers")
	f("transpose", "shape [1 2]")
	f("integers", "INT64")
	f("misnamed", `no output "score"`)
	f("endless", "over")
	f("fault", "status 500")
	f("redirect", "status 303")
}

func TestProcessThatDiesAtStart(t *testing.T) {
	t.Parallel()
	_, err := predictor.Open(t.Context(), artefact(t, "dead", binary), predictor.Options{})
	if e, ok := hone.AsError(err); !ok || !strings.Contains(e.Message, "exit status 3") || !strings.Contains(e.Message, "model file is missing") {
		t.Errorf("got %v", err)
	}
	dir := t.TempDir()
	m := predictor.Manifest{Format: "process", Signature: binary, Command: []string{"./no-such-program"}}
	if err := predictor.WriteManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	if _, err := predictor.Open(t.Context(), dir, predictor.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no such program: got %v", err)
	}
}

func TestProcessThatIsNeverReady(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
	defer cancel()
	_, err := predictor.Open(ctx, artefact(t, "unready", binary), predictor.Options{})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "serving unready") {
		t.Errorf("got %v", err)
	}
}

func TestProcessThatHangs(t *testing.T) {
	t.Parallel()
	p := open(t, artefact(t, "hang", binary), predictor.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := p.Predict(ctx, rows(binary, 1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestProcessIsRestarted(t *testing.T) {
	t.Parallel()
	hands := clock.NewFake(time.Unix(0, 0))
	p := open(t, artefact(t, "die", binary), predictor.Options{Clock: hands})
	for range 2 {
		if _, err := p.Predict(t.Context(), rows(binary, 666)); code(err) != hone.Unavailable {
			t.Fatalf("the deadly request: got %v", err)
		}
		// The clock stands still, so nothing may come back by itself.
		eventually(t, func() bool {
			_, err := p.Predict(t.Context(), rows(binary, 1))
			return err != nil && strings.Contains(err.Error(), "exit status 5") && strings.Contains(err.Error(), "poisoned")
		})
		if m := p.Memory(); m != 0 {
			t.Errorf("memory of a dead server is %d bytes", m)
		}
		eventually(t, func() bool {
			hands.Advance(100 * time.Millisecond)
			_, err := p.Predict(t.Context(), rows(binary, 1))
			return err == nil
		})
	}
}

func TestProcessBacksOff(t *testing.T) {
	t.Parallel()
	hands := &recorder{until: 10}
	dir := artefact(t, "once", binary)
	p := open(t, dir, predictor.Options{Clock: hands})
	kill(t, p, dir)
	eventually(t, func() bool { return len(hands.waits()) > hands.until })
	var got []string
	for _, d := range hands.waits()[1:] { // The first is that for the next look at its health.
		got = append(got, d.String())
	}
	const want = "100ms 200ms 400ms 800ms 1.6s 3.2s 6.4s 10s 10s 10s"
	if s := strings.Join(got, " "); s != want {
		t.Errorf("waited %s, want %s", s, want)
	}
	if _, err := p.Predict(t.Context(), rows(binary, 1)); code(err) != hone.Unavailable || !strings.Contains(err.Error(), "exit status 4") {
		t.Errorf("got %v", err)
	}
}

func TestProcessThatIsSickIsReplaced(t *testing.T) {
	t.Parallel()
	hands := clock.NewFake(time.Unix(0, 0))
	var log lines
	dir := artefact(t, "good", binary)
	p := open(t, dir, predictor.Options{Clock: hands, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err := os.WriteFile(filepath.Join(dir, "sick"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { hands.Advance(10 * time.Second); return log.count("hangs") > 0 })
	if err := os.Remove(filepath.Join(dir, "sick")); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool {
		hands.Advance(100 * time.Millisecond)
		_, err := p.Predict(t.Context(), rows(binary, 1))
		return err == nil && log.count("restarted") > 0
	})
}

func TestCloseKillsTheWholeGroup(t *testing.T) {
	t.Parallel()
	dir := artefact(t, "parent", binary)
	p, err := predictor.Open(t.Context(), dir, predictor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "grandchild"))
	if err != nil {
		t.Fatal(err)
	}
	pid, _ := strconv.Atoi(string(b))
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the grandchild does not live: %v", err)
	}
	if err := p.Close(); err != nil { // The server ignores SIGTERM.
		t.Fatal(err)
	}
	eventually(t, func() bool {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		return err != nil || strings.Contains(string(b), ") Z ")
	})
}

func TestServerSeesLittleOfTheEnvironment(t *testing.T) {
	t.Parallel()
	dir := artefact(t, "environment", binary)
	p := open(t, dir, predictor.Options{})
	if _, err := p.Predict(t.Context(), rows(binary, 1)); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "environment"))
	if err != nil {
		t.Fatal(err)
	}
	allowed := " PATH HOME LANG TZ TMPDIR VIRTUAL_ENV OMP_NUM_THREADS MKL_NUM_THREADS OPENBLAS_NUM_THREADS NUMEXPR_NUM_THREADS GOMAXPROCS OMP_WAIT_POLICY HONE_ADDR HONE_MODEL "
	for line := range strings.Lines(string(b)) {
		name, _, _ := strings.Cut(line, "=")
		if !strings.Contains(allowed, " "+name+" ") && !strings.HasPrefix(name, "LC_") && !strings.HasPrefix(name, "PYTHON") {
			t.Errorf("the server sees %s", name)
		}
	}
	for _, want := range []string{"OMP_NUM_THREADS=1", "GOMAXPROCS=1", "OMP_WAIT_POLICY=passive"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s is missing", want)
		}
	}
}

// kill ends the server of a process artefact from outside.
func kill(t *testing.T, p predictor.Predictor, dir string) {
	t.Helper()
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && to == dir {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(link)))
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
	}
	eventually(t, func() bool {
		_, err := p.Predict(t.Context(), rows(binary, 1))
		return code(err) == hone.Unavailable
	})
}

// recorder is a clock on which every wait is over at once, but for the first and
// those after so many.
type recorder struct {
	clock.System
	until int

	mu    sync.Mutex
	asked []time.Duration
}

func (r *recorder) After(d time.Duration) <-chan time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, d)
	if n := len(r.asked); n == 1 || n > r.until {
		return nil
	}
	return time.After(0)
}

func (r *recorder) waits() []time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]time.Duration(nil), r.asked...)
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-deadline:
			t.Fatal("it did not happen within 20 s")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func code(err error) hone.Code {
	if e, ok := hone.AsError(err); ok {
		return e.Code
	}
	return ""
}

// lines is a log that can be counted in.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), s)
}
