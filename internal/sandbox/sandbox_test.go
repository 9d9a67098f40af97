package sandbox_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"hone"
	"hone/internal/sandbox"
)

// The test binary is also what takes on the sandbox.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == sandbox.Command {
		os.Exit(sandbox.Main())
	}
	os.Exit(m.Run())
}

const self = "/proc/self/exe"

// shell runs a script contained, and returns what it said.
func shell(t *testing.T, s sandbox.Spec, script string) (string, *sandbox.Box, error) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command("/bin/sh", "-c", script)
	cmd.Dir, cmd.Env = t.TempDir(), []string{"PATH=/usr/bin:/bin"}
	cmd.Stdout, cmd.Stderr = w, w
	if s.Program == "none" {
		s.Program = ""
	} else {
		s.Program = self
	}
	b, err := sandbox.Start(cmd, s)
	w.Close()
	if err != nil {
		return "", nil, err
	}
	var out bytes.Buffer
	_, _ = io.Copy(&out, r)
	err = b.Wait()
	return strings.TrimSpace(out.String()), b, err
}

func TestStart(t *testing.T) {
	t.Parallel()
	f := func(s sandbox.Spec, script, want, end string) {
		t.Helper()
		out, _, err := shell(t, s, script)
		if got := fmt.Sprint(err); out != want || got != end {
			t.Errorf("%s: got %q, %s; want %q, %s", script, out, got, want, end)
		}
	}
	// With every layer, with none but rlimits and filters, with what needs nothing
	// inside, and with nothing.
	for _, s := range []sandbox.Spec{{Memory: 1 << 28, Tasks: 100}, {Without: namespaces()}, {Program: "none"}, {Mode: sandbox.Off}} {
		f(s, "echo hello; exit 3", "hello", "exit status 3")
		f(s, "echo hello >&2", "hello", "<nil>")
		f(s, "kill -9 $$", "", "signal: killed")
		f(s, "kill -TERM $$; sleep 100", "", "signal: terminated")
		f(s, "kill -USR1 $$; sleep 100", "", "signal: user defined signal 1")
		f(s, "pwd | wc -l", "1", "<nil>")
		f(s, "ulimit -c", "0", "<nil>")
	}
	f(sandbox.Spec{File: 1 << 20}, "ulimit -f", "2048", "<nil>")
	f(sandbox.Spec{Nice: 15}, "nice", "15", "<nil>")
	f(sandbox.Spec{Seconds: 100}, "ulimit -t", "100", "<nil>")
	f(sandbox.Spec{}, "head -c 1 /dev/zero | wc -c; echo x > /dev/null; (echo y > /dev/shm/y && cat /dev/shm/y)", "1\ny", "<nil>")
}

func namespaces() []string {
	return []string{sandbox.Users, sandbox.Mounts, sandbox.Processes, sandbox.IPC, sandbox.Names, sandbox.Net}
}

func TestStartOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.Command("./no-such-program")
	cmd.Dir = t.TempDir()
	if _, err := sandbox.Start(cmd, sandbox.Spec{Program: self, Read: []string{cmd.Dir}}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	cmd = exec.Command("./text")
	cmd.Dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(cmd.Dir, "text"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sandbox.Start(cmd, sandbox.Spec{Program: self, Read: []string{cmd.Dir}}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v", err)
	}
	cmd = exec.Command("/bin/true")
	if _, err := sandbox.Start(cmd, sandbox.Spec{Program: "/no/such/hone"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// TestGrants walks round in a sandbox with both layers that guard files, and with
// each alone.
func TestGrants(t *testing.T) {
	t.Parallel()
	have, err := sandbox.Probe(self)
	if err != nil {
		t.Fatal(err)
	}
	for title, without := range map[string][]string{"all": nil, "landlock": namespaces(), "namespaces": {sandbox.Landlock}} {
		layer := map[string]string{"all": sandbox.Landlock, "landlock": sandbox.Landlock, "namespaces": sandbox.Mounts}[title]
		if !have.Holds(layer) {
			t.Logf("NOT TESTED: %s: %v", title, have)
			continue
		}
		root := t.TempDir()
		in := func(name string) string { return filepath.Join(root, name) }
		for _, name := range []string{"given/deep/a", "given/deep/b", "out/x", "secret", "alone"} {
			if err := errors.Join(os.MkdirAll(filepath.Dir(in(name)), 0o755), os.WriteFile(in(name), []byte(name), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink(in("given"), in("link")); err != nil {
			t.Fatal(err)
		}
		s := sandbox.Spec{Without: without, Read: []string{in("link/deep"), in("given"), in("alone"), in("not-there")}, Write: []string{in("out")}}
		out, _, err := shell(t, s, "cd "+root+`
			cat given/deep/a link/deep/b alone; echo
			echo new > out/new && mkdir out/dir && mv out/new out/dir/ && cat out/dir/new
			echo x > given/deep/a; echo x > alone; echo x > there; rm -f given/deep/b; rm -rf given; mv out away; cat secret; ln secret out/s
			cat out/x`)
		said, bad := "given/deep/agiven/deep/balone\nnew", []string{"\nsecret", "cannot stat out"}
		if err != nil || !strings.HasPrefix(out, said) || !strings.HasSuffix(out, "out/x") || strings.Contains(out, bad[0]) {
			t.Errorf("%s: got %v\n%s", title, err, out)
		}
		for _, name := range []string{"given/deep/a", "given/deep/b", "out/x", "secret", "alone"} {
			if b, err := os.ReadFile(in(name)); err != nil || string(b) != name {
				t.Errorf("%s: %s is %q, %v", title, name, b, err)
			}
		}
		if b, err := os.ReadFile(in("out/dir/new")); err != nil || string(b) != "new\n" {
			t.Errorf("%s: what it wrote is %q, %v", title, b, err)
		}
	}
}

func TestNeeds(t *testing.T) {
	root := t.TempDir()
	in := func(name string) string { return filepath.Join(root, name) }
	for _, name := range []string{"py/bin/python3", "py/lib/python3.12/os.py", "venv/pyvenv.cfg", "project/train.py", "data.csv", "site/x.py"} {
		text := ""
		if strings.HasSuffix(name, ".cfg") {
			text = "version = 3.12\nhome = " + in("py/bin") + "\n"
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(in(name)), 0o755), os.WriteFile(in(name), []byte(text), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(in("venv/bin"), 0o755), os.Symlink(in("py/bin/python3"), in("venv/bin/python"))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"PYTHONHOME", "PYTHONUSERBASE", "VIRTUAL_ENV"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", root)
	t.Setenv("PYTHONPATH", in("site")+":relative")
	got := sandbox.Needs([]string{in("venv/bin/python"), "train.py", "--from", in("data.csv"), root}, in("project"))
	for _, want := range []string{in("venv/bin/python"), in("data.csv"), in("venv"), in("py"), in("site")} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not among %s", want, got)
		}
	}
	for _, bad := range []string{root, "/", "relative", in("project")} {
		if slices.Contains(got, bad) {
			t.Errorf("%s is among them", bad)
		}
	}
	if got := sandbox.Needs([]string{"./train"}, in("project")); !slices.Equal(got, []string{in("project/train")}) {
		t.Errorf("got %s", got)
	}
	if got := sandbox.Needs(nil, root); len(got) != 0 {
		t.Errorf("got %s", got)
	}
}

func TestRequire(t *testing.T) {
	t.Parallel()
	for _, layer := range []string{sandbox.Processes, sandbox.NoCaps, sandbox.Seccomp, sandbox.CgroupMemory} {
		_, _, err := shell(t, sandbox.Spec{Mode: sandbox.Require, Memory: 1 << 28, Without: []string{layer}}, `true`)
		if e, ok := hone.AsError(err); !ok || !strings.Contains(e.Message, "lacks") || !strings.Contains(e.Message, layer) {
			t.Errorf("without %s: got %v", layer, err)
		}
	}
}

func TestFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"train.py", ".env", ".venv/bin/python", "data/token", "data/runs/r1/x", "lib/a.py"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := strings.ReplaceAll(strings.Join(sandbox.Folder(dir, filepath.Join(dir, "data")), " "), dir, "")
	if want := "/.venv /lib /train.py"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	got = strings.ReplaceAll(strings.Join(sandbox.Folder(dir, filepath.Join(dir, "data", "runs")), " "), dir, "")
	if want := "/.venv /data/token /lib /train.py"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := sandbox.Folder(filepath.Join(dir, "lib")); len(got) != 1 || got[0] != filepath.Join(dir, "lib") {
		t.Errorf("got %s", got)
	}
}
