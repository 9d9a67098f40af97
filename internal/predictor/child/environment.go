package child

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"hone"
)

// caps are the variables by which programs are told how many threads to run.
var caps = []string{"OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "GOMAXPROCS"}

const waitPolicy = "OMP_WAIT_POLICY"

// Governs tells whether a variable only says how threads run, so that its value is
// no secret.
func Governs(name string) bool { return name == waitPolicy || slices.Contains(caps, name) }

// Environment is what a child sees of ours: an allow-list, so that no secret is
// on it, and one folder for all that it would keep at home. So many threads of
// numerical libraries, and of Go, may run at once, and none of them spins: trainers and
// servers share the cores with what answers requests, and spinning threads cost
// them several times the work.
func Environment(home string, threads int) []string {
	n := strconv.Itoa(max(1, threads))
	env := []string{"HOME=" + home, "TMPDIR=" + home, waitPolicy + "=passive"}
	for _, name := range caps {
		env = append(env, name+"="+n)
	}
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if slices.Contains([]string{"PATH", "LANG", "TZ", "VIRTUAL_ENV"}, name) || strings.HasPrefix(name, "LC_") || strings.HasPrefix(name, "PYTHON") {
			env = append(env, v)
		}
	}
	// Home is elsewhere now, but what a person installed for themselves is not.
	if user, err := os.UserHomeDir(); err == nil && os.Getenv("PYTHONUSERBASE") == "" {
		base := filepath.Join(user, ".local")
		if _, err := os.Stat(filepath.Join(base, "lib")); err == nil {
			env = append(env, "PYTHONUSERBASE="+base)
		}
	}
	return append(env, "PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1")
}

// FindPython returns the Python to run: the preferred one if it is set, else
// $HONE_PYTHON, else .venv/bin/python of the working directory, else python3.
func FindPython(preferred string) (string, error) {
	tried := preferred
	if tried == "" {
		tried = os.Getenv("HONE_PYTHON")
	}
	if tried == "" {
		tried = filepath.Join(".venv", "bin", "python")
		if _, err := os.Stat(tried); err != nil {
			tried = "python3"
		}
	}
	path, err := exec.LookPath(tried)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return "", &hone.Error{Code: hone.Invalid, Message: "no Python to run at " + tried,
			Hint: "install Python 3, or set HONE_PYTHON to the one to use"}
	}
	return path, nil
}

// resolve puts the Python in the place of {python}.
func resolve(command []string, python string) ([]string, error) {
	if len(command) == 0 || command[0] == "" {
		return nil, &hone.Error{Code: hone.Invalid, Message: "the command to run is empty",
			Hint: `name a program and its arguments, such as ["{python}", "train.py"]`}
	}
	args := append([]string(nil), command...)
	if args[0] == "{python}" {
		path, err := FindPython(python)
		if err != nil {
			return nil, err
		}
		args[0] = path
	}
	return args, nil
}
