package bar

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// Python makes an environment of Python below work, with packages of a peer, and
// returns its interpreter.
func Python(work, name string, packages ...string) (string, error) {
	dir := filepath.Join(work, name)
	python := filepath.Join(dir, "bin", "python")
	for _, args := range [][]string{{"python3", "-m", "venv", dir},
		append([]string{python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"}, packages...)} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("%s: %w: %.500s", strings.Join(args, " "), err, out)
		}
	}
	return python, nil
}
