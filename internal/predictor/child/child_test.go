package child_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"hone"
	"hone/internal/predictor/child"
	"hone/internal/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shell starts a script and returns it with the lines it printed, which may be
// read once it is over.
func shell(t *testing.T, s child.Spec, script string) (*child.Process, *[]string) {
	t.Helper()
	var out []string
	s.Command = []string{"/bin/sh", "-c", script}
	s.Env = append(s.Env, "PATH="+os.Getenv("PATH"))
	s.Stdout = func(line string) { out = append(out, line) }
	p, err := child.Start(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Signal(syscall.SIGKILL); <-p.Done() })
	return p, &out
}

func TestLines(t *testing.T) {
	t.Parallel()
	p, out := shell(t, child.Spec{Env: []string{"WORD=hello"}}, `echo $WORD; printf 'a\r\n\nb\377c'; for i in $(seq 1 30); do echo $i >&2; done; exit 7`)
	<-p.Done()
	if got := strings.Join(*out, "|"); got != "hello|a||b\uFFFDc" {
		t.Errorf("got %q", got)
	}
	if tail := strings.Split(p.Tail(), "\n"); len(tail) != 20 || tail[0] != "11" || tail[19] != "30" {
		t.Errorf("the tail is %q", tail)
	}
	if err := p.Err(); err == nil || err.Error() != "exit status 7" {
		t.Errorf("got %v", err)
	}
}

func TestLongLinesAreCut(t *testing.T) {
	t.Parallel()
	p, out := shell(t, child.Spec{}, `head -c 100000 /dev/zero | tr '\0' x; echo; echo next`)
	<-p.Done()
	if len(*out) != 2 || len((*out)[0]) != 4096 || (*out)[1] != "next" {
		t.Errorf("%d lines, the first of %d bytes", len(*out), len((*out)[0]))
	}
}

func TestUsageCountsDescendants(t *testing.T) {
	t.Parallel()
	ready := filepath.Join(t.TempDir(), "ready")
	if err := syscall.Mkfifo(ready, 0o600); err != nil {
		t.Fatal(err)
	}
	// One child in the group, and one that has left it.
	p, _ := shell(t, child.Spec{Env: []string{"READY=" + ready}}, `sleep 1000 & setsid sh -c 'echo > $READY; sleep 1000; true' & wait`)
	if _, err := os.ReadFile(ready); err != nil {
		t.Fatal(err)
	}
	u := p.Usage()
	if len(u.PIDs) < 3 || u.Memory < 100<<10 {
		t.Errorf("%d processes with %d bytes", len(u.PIDs), u.Memory)
	}
	p.Signal(syscall.SIGKILL)
	<-p.Done()
	for _, pid := range u.PIDs {
		for range 1000 { // The kernel takes a moment for those that had left the group.
			if b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); err != nil || strings.Contains(string(b), ") Z ") {
				pid = 0
				break
			}
			<-time.After(time.Millisecond)
		}
		if pid != 0 {
			t.Errorf("process %d lives on", pid)
		}
	}
}

// TestProcessor holds that the time of processors is that of the program and of what it
// waited for, as the shell counts it.
func TestProcessor(t *testing.T) {
	t.Parallel()
	const spin = `i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done`
	p, out := shell(t, child.Spec{}, spin+"; ("+spin+"); times")
	<-p.Done()
	var want time.Duration
	for _, word := range strings.Fields(strings.Join(*out, " ")) {
		d, err := time.ParseDuration(word)
		if err != nil {
			t.Fatalf("times says %q", *out)
		}
		want += d
	}
	if got := p.Processor(); want < 20*time.Millisecond || got < want-40*time.Millisecond || got > want+200*time.Millisecond {
		t.Errorf("it took %v, and the shell says %v", got, want)
	}
	p, _ = shell(t, child.Spec{}, "(while :; do :; done)")
	var seen time.Duration
	for range 10_000 {
		if seen = p.Usage().Processor; seen >= 50*time.Millisecond {
			break
		}
		<-time.After(time.Millisecond)
	}
	p.Signal(syscall.SIGKILL)
	<-p.Done()
	if seen < 50*time.Millisecond || seen > time.Minute {
		t.Errorf("while it ran it was seen to have taken %v", seen)
	}
}

func TestWhoHoldsThePipesIsNotWaitedForLong(t *testing.T) {
	t.Parallel()
	pid := filepath.Join(t.TempDir(), "pid")
	p, out := shell(t, child.Spec{Env: []string{"PIDFILE=" + pid}}, `mkfifo $PIDFILE.go; setsid sh -c 'echo $$ > $PIDFILE; echo > $PIDFILE.go; exec sleep 1000' & read x < $PIDFILE.go; echo done`)
	<-p.Done()
	if len(*out) != 1 || (*out)[0] != "done" {
		t.Errorf("got %q", *out)
	}
	b, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	_ = syscall.Kill(n, syscall.SIGKILL)
}

func TestLimits(t *testing.T) {
	t.Parallel()
	// The limits are set just after the start, so the script waits for its nice.
	p, out := shell(t, child.Spec{Box: sandbox.Spec{Nice: 7, File: 1 << 20}}, `until [ $(nice) = 7 ]; do :; done; ulimit -f; ulimit -c`)
	<-p.Done()
	if got := strings.Join(*out, " "); got != "2048 0" {
		t.Errorf("file size in blocks of 512 bytes, and core: got %q", got)
	}
}

func TestFindPython(t *testing.T) {
	t.Parallel()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := child.FindPython("sh"); err != nil || got != sh {
		t.Errorf("got %q, %v; want %q", got, err, sh)
	}
	_, err = child.FindPython("/no/such/python")
	if e, ok := hone.AsError(err); !ok || e.Hint == "" || !strings.Contains(e.Message, "/no/such/python") {
		t.Errorf("got %v", err)
	}
	if _, err := child.Start(child.Spec{Command: []string{"{python}", "x.py"}, Python: "/no/such/python"}); err == nil {
		t.Error("started a Python that is not there")
	}
	if _, err := child.Start(child.Spec{}); err == nil {
		t.Error("started nothing")
	}
	if _, err := child.Start(child.Spec{Command: []string{"/bin/sh"}, Dir: "/no/such/folder"}); err == nil {
		t.Error("started in a folder that is not there")
	}
}

func TestStopKillsAfterTheGrace(t *testing.T) {
	t.Parallel()
	deaf := make(chan struct{})
	p, err := child.Start(child.Spec{Command: []string{"/bin/sh", "-c", `trap '' TERM; echo deaf; while :; do sleep 1000; done`},
		Stdout: func(string) { close(deaf) }})
	if err != nil {
		t.Fatal(err)
	}
	<-deaf
	p.Stop(time.After(50 * time.Millisecond))
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("got %v", err)
	}
	p.Signal(syscall.SIGTERM) // To one that is gone: nothing.
}
