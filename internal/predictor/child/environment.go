package child

import (
	"os"
	"os/exec"
	"path/filepath"

	"hone"
)

// environment is all that a child sees of ours. One OpenMP thread that does not
// spin: trainers and servers share the cores with what answers requests, and
// spinning threads cost them several times the work.
func environment() []string {
	env := []string{"OMP_NUM_THREADS=1", "OMP_WAIT_POLICY=passive", "PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1"}
	for _, name := range []string{"PATH", "HOME", "LANG", "TMPDIR"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
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
