package sandbox_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hone/internal/sandbox"
)

// TestPythonInside does what trainers in Python do besides reading and writing:
// processes that share memory, semaphores, temporary files, and sockets to
// themselves.
func TestPythonInside(t *testing.T) {
	t.Parallel()
	python := os.Getenv("HONE_TEST_PYTHON")
	if python == "" {
		t.Skip("NOT TESTED: HONE_TEST_PYTHON names a Python that has examples/python/requirements.txt installed")
	}
	const script = `
import faulthandler; faulthandler.dump_traceback_later(60, exit=True)
import multiprocessing, multiprocessing.shared_memory, os, socket, subprocess, sys, tempfile, threading
import numpy
from joblib import Parallel, delayed
from math import sqrt

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(abs, [-1, 2]) == [1, 2]
    assert Parallel(n_jobs=2)(delayed(sqrt)(i) for i in range(4))[2] > 1.4
    shared = multiprocessing.shared_memory.SharedMemory(create=True, size=1 << 20)
    shared.close(); shared.unlink()
    with tempfile.TemporaryFile() as f:
        f.write(b"x" * 1000)
    l = socket.create_server(("127.0.0.1", 0))
    c = socket.create_connection(l.getsockname())
    assert subprocess.run([sys.executable, "-c", "print(7)"], capture_output=True).stdout == b"7\n"
    assert numpy.ones((500, 500)).dot(numpy.ones((500, 500)))[0, 0] == 500
    assert os.cpu_count() > 0
    print("all well")
`
	for title, without := range map[string][]string{"all": nil, "without_landlock": {sandbox.Landlock}} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "x.py"), []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
		s := sandbox.Spec{Without: without, Memory: 2 << 30, Tasks: 1000, File: 1 << 30, Write: []string{dir}, Read: sandbox.Needs([]string{python}, dir)}
		out, b, err := shell(t, s, "cd "+dir+" && HOME="+dir+" TMPDIR="+dir+" "+python+" x.py")
		if err != nil || !strings.HasSuffix(out, "all well") {
			t.Errorf("%s: %v\n%s", title, err, out)
		}
		if b != nil {
			t.Logf("%s: %v", title, b.Report())
		}
	}
}
