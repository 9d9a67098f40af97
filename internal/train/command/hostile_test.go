package command_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/sandbox"
	"hone/internal/train"
	"hone/internal/train/command"
)

// host is what the hostile trainers are after, each thing with a canary in it.
type host struct {
	data   string // The data folder, beside the configuration's.
	config string
	ssh    string // A key outside of everything.
	addr   string // Where the control interface listens,
	calls  *atomic.Int64
	victim *exec.Cmd // A process of ours.
}

const canary = "canary-5d1c7e"

func newHost(t *testing.T) host {
	t.Helper()
	root := t.TempDir()
	h := host{config: filepath.Join(root, "project"), data: filepath.Join(root, "project", "hone-data"), ssh: filepath.Join(root, ".ssh", "id_ed25519"), calls: new(atomic.Int64)}
	for _, path := range []string{h.ssh, h.in("token"), h.in("control.db"), h.in("blobs", "tree", "aa", "weights"), filepath.Join(h.config, "train.py"), filepath.Join(h.config, ".env"), filepath.Join(root, "outside")} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(canary), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			h.calls.Add(1)
			c.Close()
		}
	}()
	h.addr, h.victim = l.Addr().String(), exec.Command("sleep", "1000")
	h.victim.Env = []string{"SECRET=" + canary}
	if err := h.victim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = h.victim.Process.Kill()
		_ = h.victim.Wait()
		l.Close()
		<-ended
	})
	return h
}

func (h host) in(names ...string) string {
	return filepath.Join(append([]string{h.data}, names...)...)
}

// unharmed checks that everything on the host is as it was.
func (h host) unharmed(t *testing.T) {
	t.Helper()
	for _, path := range []string{h.ssh, h.in("token"), h.in("control.db"), h.in("blobs", "tree", "aa", "weights"), filepath.Join(h.config, "train.py")} {
		if b, err := os.ReadFile(path); err != nil || string(b) != canary {
			t.Errorf("%s holds %q, %v", path, b, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(h.config, "owned")); err == nil {
		t.Error("a file was written beside the configuration")
	}
	if n := h.calls.Load(); n > 0 {
		t.Errorf("the control interface was called %d times", n)
	}
	b, err := os.ReadFile("/proc/" + strconv.Itoa(h.victim.Process.Pid) + "/stat")
	if err != nil || strings.Contains(string(b), ") Z ") || strings.Contains(string(b), ") t ") {
		t.Errorf("a process of the host is dead or traced: %s, %v", b, err)
	}
}

// trainHere runs an attack on h.
func trainHere(t *testing.T, h host, without []string, name string, args ...string) (train.Job, string, error) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	j := job(t, "")
	j.Dir = h.in("runs", "r1", "v"+strconv.FormatInt(attempt.Add(1), 10))
	if err := os.MkdirAll(j.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	j.Model.Train.Command, j.Params = []string{exe, "attack", name}, map[string]any{"args": args}
	j.Model.Train.Limits.Memory, j.Model.Train.Limits.Output = 128<<20, 4<<20
	var said strings.Builder
	engine := command.New(command.Options{Dir: h.config, Data: h.data, Box: sandbox.Spec{Program: "/proc/self/exe", Tasks: 64, Without: without}})
	_, err = engine.Train(t.Context(), j, func(p train.Progress) {
		if said.Len() < 4<<20 {
			said.WriteString(p.Line + "\n")
		}
	})
	return j, said.String(), err
}

var attempt atomic.Int64

type hostile struct {
	name string
	args func(h host) []string
	want string // In the sentence with which the run fails; of several, one.
	code hone.Code
	// stopped by any one of these layers; none: by Hone itself.
	by []string
}

func path(f func(h host) string) func(h host) []string {
	return func(h host) []string { return []string{f(h)} }
}

func hostiles() []hostile {
	files := []string{sandbox.Mounts, sandbox.Landlock}
	ssh := path(func(h host) string { return h.ssh })
	pid := path(func(h host) string { return strconv.Itoa(h.victim.Process.Pid) })
	tasks := []string{sandbox.CgroupPIDs}
	if os.Geteuid() != 0 {
		tasks = append(tasks, sandbox.Users) // The limit of processes counts in one.
	}
	const refused = "no such file|permission denied|read-only|operation not permitted"
	return []hostile{
		{"read", ssh, refused, hone.Invalid, files},
		{"read", path(func(h host) string { return h.in("token") }), refused, hone.Invalid, files},
		{"read", path(func(h host) string { return h.in("control.db") }), refused, hone.Invalid, files},
		{"read", path(func(h host) string { return filepath.Join(h.config, ".env") }), refused, hone.Invalid, files},
		{"read", path(func(host) string { return "/etc/shadow" }), refused, hone.Invalid, files},
		{"write", path(func(h host) string { return filepath.Join(h.config, "owned") }), refused, hone.Invalid, files},
		{"overwrite", path(func(h host) string { return filepath.Join(h.config, "train.py") }), refused, hone.Invalid, files},
		{"overwrite", path(func(h host) string { return h.in("blobs", "tree", "aa", "weights") }), refused, hone.Invalid, files},
		{"input", nil, refused, hone.Invalid, files},
		{"link", ssh, "output/model/weights is not a regular file", hone.Invalid, nil},
		{"hard-link", ssh, refused + "|cross-device", hone.Invalid, files},
		{"hard-link-within", nil, "is a hard link", hone.Invalid, nil},
		{"proc-root", func(h host) []string { return append(ssh(h), pid(h)...) }, refused, hone.Invalid, files},
		{"rename-run", nil, refused + "|busy", hone.Invalid, files},
		{"sysctl", nil, refused, hone.Invalid, files},
		{"cgroup", nil, refused, hone.Invalid, files},
		{"large", nil, "file too large|over its limit of 4096 KiB", "", []string{sandbox.Rlimits}},
		{"sparse", nil, "file too large", hone.Invalid, []string{sandbox.Rlimits}},
		{"connect", path(func(h host) string { return h.addr }), "refused|permission denied", hone.Invalid, []string{sandbox.Net, sandbox.LandlockNet, sandbox.Seccomp}},
		{"environ", pid, "no canary", hone.Invalid, []string{sandbox.Processes, sandbox.Landlock}},
		{"kill", pid, "no such process|operation not permitted", hone.Invalid, []string{sandbox.Processes, sandbox.Landlock}},
		{"kill-first", nil, "the first process lives on", hone.Invalid, []string{sandbox.Processes}},
		{"trace", pid, "operation not permitted", hone.Invalid, []string{sandbox.Seccomp, sandbox.Landlock}},
		{"daemon", path(func(h host) string { return marker(h) }), "there is no hone.json", hone.Invalid, []string{sandbox.Processes, sandbox.Reaper}},
		{"bomb", nil, "it wanted more than 64 processes|out of memory|it burnt out", "", tasks},
		{"tasks", nil, "it wanted more than 64 processes|out of memory|temporarily unavailable", "", tasks},
		{"hog", nil, "out of memory", hone.TooLarge, nil}, // By the kernel or, without a cgroup, by looking.
		{"prints", nil, "it was all read", hone.Invalid, nil},
		{"raw", nil, "operation not permitted|not supported|permission denied", hone.Invalid, []string{sandbox.NoCaps, sandbox.Seccomp}},
		{"setuid", nil, "operation not permitted|invalid argument", hone.Invalid, []string{sandbox.NoCaps}},
		{"set-user-id-file", nil, "counts for nothing", hone.Invalid, []string{sandbox.Mounts}},
		{"mount", nil, "operation not permitted", hone.Invalid, []string{sandbox.Seccomp, sandbox.NoCaps}},
		{"unshare", nil, "operation not permitted", hone.Invalid, []string{sandbox.Seccomp}},
		{"device", nil, "operation not permitted|permission denied", hone.Invalid, []string{sandbox.NoCaps, sandbox.Landlock}},
		{"calls", nil, "operation not permitted", hone.Invalid, []string{sandbox.Seccomp}},
		{"nothing", nil, "there is no hone.json", hone.Invalid, nil},
		{"garbage", nil, "hone.json cannot be read", hone.Invalid, nil},
		{"deep", nil, "hone.json cannot be read", hone.Invalid, nil},
		{"traversal", nil, `unknown field "files"`, hone.Invalid, nil},
		{"fifo", nil, "output/model/queue is not a regular file", hone.Invalid, nil},
		{"socket", nil, "output/model/door is not a regular file", hone.Invalid, nil},
		{"late", nil, "there is no hone.json", hone.Invalid, []string{sandbox.Processes, sandbox.Reaper}},
	}
}

// marker is a word by which a process that was left behind is found.
func marker(h host) string { return "left-behind" + strings.ReplaceAll(h.data, "/", "-") }

// alive tells whether a process has a word in its command line.
func alive(word string) bool {
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	return slices.ContainsFunc(all, func(name string) bool {
		b, err := os.ReadFile(name)
		return err == nil && strings.Contains(string(b), word)
	})
}

// TestHostileTrainers lets each trainer do its worst, with every layer that the
// machine has, and again with one half of them and with the other: what two
// layers stop, each must stop alone.
func TestHostileTrainers(t *testing.T) {
	t.Setenv("SECRET", canary)
	namespaces := []string{sandbox.Users, sandbox.Mounts, sandbox.Processes, sandbox.IPC, sandbox.Names, sandbox.Net}
	for title, without := range map[string][]string{
		"all":                nil,
		"without_landlock":   {sandbox.Landlock, sandbox.LandlockNet, sandbox.CgroupPIDs, sandbox.CgroupMemory, sandbox.CgroupCPU},
		"without_namespaces": namespaces,
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			have, err := sandbox.Probe("/proc/self/exe", without...)
			if err != nil {
				t.Fatal(err)
			}
			t.Log(have)
			for _, c := range hostiles() {
				t.Run(c.name, func(t *testing.T) { // One after another: they are not gentle.
					by := slices.DeleteFunc(slices.Clone(c.by), func(l string) bool {
						return !have.Holds(l)
					})
					if len(c.by) > 0 && len(by) == 0 {
						t.Skipf("NOT TESTED: none of %v holds here", c.by)
					}
					c.run(t, without, by)
				})
			}
		})
	}
}

func (c hostile) run(t *testing.T, without, by []string) {
	h := newHost(t)
	var args []string
	if c.args != nil {
		args = c.args(h)
	}
	j, said, err := trainHere(t, h, without, c.name, args...)
	h.unharmed(t)
	e, ok := hone.AsError(err)
	if !ok || e.Hint == "" || c.code != "" && e.Code != c.code {
		t.Fatalf("got %v; want an error of code %s with a hint", err, c.code)
	}
	if strings.Contains(said+e.Message, harm) || strings.Contains(said+e.Message, canary) {
		t.Errorf("it did harm: %s", e.Message)
	}
	if !slices.ContainsFunc(strings.Split(c.want, "|"), func(w string) bool { return strings.Contains(e.Message, w) }) {
		t.Errorf("got %q; want one of %q", e.Message, c.want)
	}
	if alive(marker(h)) {
		t.Error("what it started lives on")
	}
	if c.name == "prints" && (len(said) > 3<<20 || !strings.Contains(said, "… the trainer printed more than 1 MiB")) {
		t.Errorf("%d bytes of its log were kept", len(said))
	}
	if err := os.RemoveAll(j.Dir); err != nil {
		t.Errorf("what it left cannot be removed: %v", err)
	}
	first, _, _ := strings.Cut(e.Message, "\n")
	t.Logf("stopped by %v: %s", by, first)
}

func TestHostileTrainerThatHangs(t *testing.T) {
	t.Parallel()
	hands := clock.NewFake(time.Unix(0, 0))
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	j := job(t, "")
	j.Model.Train.Command = []string{exe, "attack", "deaf"}
	j.Model.Train.Limits.Time = hone.Duration(30 * time.Minute)
	engine := command.New(command.Options{Dir: t.TempDir(), Clock: hands, Box: sandbox.Spec{Program: "/proc/self/exe"}})
	tick := make(chan struct{})
	ended := make(chan struct{})
	go func() { // Time flies from when it does not hear SIGTERM any more.
		defer close(ended)
		<-tick
		for {
			select {
			case <-tick:
				return
			case <-time.After(20 * time.Millisecond):
				hands.Advance(10 * time.Minute)
			}
		}
	}()
	_, err = engine.Train(t.Context(), j, func(p train.Progress) {
		if p.Step == 1 {
			tick <- struct{}{}
		}
	})
	close(tick)
	<-ended
	if code(err) != hone.Unavailable || !strings.Contains(err.Error(), "it took longer than 30m") {
		t.Errorf("got %v", err)
	}
}

func TestTrainingRecordsItsSandbox(t *testing.T) {
	t.Parallel()
	j := job(t, "chatty")
	for mode, want := range map[string]bool{"best_effort": true, "off": false} {
		j.Model.Train.Sandbox = mode
		j.Dir = t.TempDir()
		r, err := command.New(command.Options{Dir: t.TempDir(), Box: sandbox.Spec{Program: "/proc/self/exe"}}).Train(t.Context(), j, nil)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(r.Sandbox, sandbox.NoPrivileges) != want || !slices.Contains(r.Sandbox, sandbox.Group) {
			t.Errorf("%s: held %v", mode, r.Sandbox)
		}
	}
	var said strings.Builder
	j.Model.Train.Sandbox, j.Dir = "best_effort", t.TempDir()
	engine := command.New(command.Options{Dir: t.TempDir(), Box: sandbox.Spec{Program: "/proc/self/exe", Without: []string{sandbox.Seccomp}}})
	if r, err := engine.Train(t.Context(), j, func(p train.Progress) { said.WriteString(p.Line) }); err != nil || slices.Contains(r.Sandbox, sandbox.Seccomp) || !strings.Contains(said.String(), "seccomp (left out)") {
		t.Errorf("got %v, %v, and in its log %q", r, err, said.String())
	}
	j.Model.Train.Sandbox, j.Dir = "require", t.TempDir()
	_, err := command.New(command.Options{Dir: t.TempDir(), Box: sandbox.Spec{Program: "/proc/self/exe", Without: []string{sandbox.Seccomp}}}).Train(t.Context(), j, nil)
	if code(err) != hone.Invalid || !strings.Contains(err.Error(), "lacks seccomp") {
		t.Errorf("got %v", err)
	}
}

// TestHostileTrainersOfAnybody runs the same as a user without rights, where the
// machine lets them have namespaces.
func TestHostileTrainersOfAnybody(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: only the superuser can become another; the suite itself runs as nobody special here")
	}
	if testing.Short() {
		t.Skip("some seconds")
	}
	const nobody = 65534
	dir, err := os.MkdirTemp("", "hone-nobody-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "command.test")
	if err := os.WriteFile(program, b, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	which := "^TestHostileTrainers$/^all$"
	if long() {
		which = "^TestHostileTrainers$"
	}
	cmd := exec.CommandContext(t.Context(), program, "-test.run", which, "-test.v")
	cmd.Dir, cmd.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + dir, "HOME=" + dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("as user %d: %v\n%s", nobody, err, out)
	}
	t.Logf("as user %d: %d held, %d skipped", nobody, strings.Count(string(out), "stopped by"), strings.Count(string(out), "NOT TESTED"))
	t.Log(lineWith(string(out), "held:"))
}

// long tells whether there is time for what takes seconds.
func long() bool { return os.Getenv("HONE_TEST_LONG") != "" }

// TestHostileTrainerOfManyFiles takes some seconds to make them, and to remove
// them.
func TestHostileTrainerOfManyFiles(t *testing.T) {
	if !long() {
		t.Skip("HONE_TEST_LONG=1 runs it")
	}
	h := newHost(t)
	_, _, err := trainHere(t, h, nil, "many-files")
	h.unharmed(t)
	if code(err) != hone.TooLarge || !strings.Contains(err.Error(), "more than 100000 files") {
		t.Errorf("got %v", err)
	}
}

func lineWith(s, with string) string {
	for line := range strings.Lines(s) {
		if strings.Contains(line, with) {
			return line
		}
	}
	return ""
}
