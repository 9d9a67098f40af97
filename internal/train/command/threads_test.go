package command_test

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"hone"
	"hone/internal/sandbox"
	"hone/internal/train"
	"hone/internal/train/command"
)

// TestThreadsLeaveACoreToServing holds that a trainer is told to leave a core where
// there are several, and that the owner's word goes before, in a sandbox and without.
func TestThreadsLeaveACoreToServing(t *testing.T) {
	t.Parallel()
	capped := strconv.Itoa(max(1, runtime.NumCPU()-1))
	f := func(box sandbox.Spec, env map[string]hone.Secret, want ...string) {
		t.Helper()
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "threads"), []byte("4"), 0o600); err != nil {
			t.Fatal(err)
		}
		j := job(t, "chatty")
		j.Model.Train.Env = env
		steps := 0
		r, err := command.New(command.Options{Dir: dir, Box: box}).Train(t.Context(), j, func(p train.Progress) { steps = max(steps, p.Step) })
		if err != nil {
			t.Fatal(err)
		}
		seen, err := os.ReadFile(filepath.Join(r.Dir, "seen"))
		if err != nil || steps != 2 {
			t.Errorf("%d steps were heard (%v)", steps, err)
		}
		for _, w := range want {
			name, _, _ := strings.Cut(w, "=")
			var got []string
			for line := range strings.Lines(string(seen)) {
				if strings.HasPrefix(line, name+"=") {
					got = append(got, strings.TrimSpace(line))
				}
			}
			if !slices.Equal(got, []string{w}) {
				t.Errorf("got %q, want %q", got, w)
			}
		}
	}
	contained := sandbox.Spec{Program: "/proc/self/exe"}
	own := map[string]hone.Secret{"OMP_NUM_THREADS": "file:threads", "OMP_WAIT_POLICY": "file:threads"}
	for _, box := range []sandbox.Spec{{}, contained} {
		f(box, nil, "OMP_NUM_THREADS="+capped, "MKL_NUM_THREADS="+capped, "OPENBLAS_NUM_THREADS="+capped, "NUMEXPR_NUM_THREADS="+capped, "GOMAXPROCS="+capped, "OMP_WAIT_POLICY=passive")
		f(box, own, "OMP_NUM_THREADS=4", "OMP_WAIT_POLICY=4", "OPENBLAS_NUM_THREADS="+capped)
	}
}
