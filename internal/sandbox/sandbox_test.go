package sandbox_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
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
	if s.Program == "" {
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

func TestHolds(t *testing.T) {
	out, b, err := shell(t, sandbox.Spec{Memory: 1 << 28, Tasks: 100}, `echo hello; exit 3`)
	if out != "hello" || err == nil || err.Error() != "exit status 3" {
		t.Fatalf("got %q, %v", out, err)
	}
	t.Log(b.Report())
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
