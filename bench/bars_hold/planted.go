package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"hone/bench/bar"
)

// plantedBugs lists the bugs to plant, each as
//
//	== what it does | file | arguments of go test
//	-lines of the file as they are
//	+lines in their place
//
//go:embed planted.txt
var plantedBugs string

// planted is one bug: text of a file, and what stands in its place.
type planted struct {
	what, file, test string
	was, is          []string
}

// caught plants one bug at a time on each core, and counts those that the tests named
// for them catch. A bug that cannot be planted, or does not build, is an error:
// it would count for nothing.
func caught(b *bar.Bench) error {
	bugs, err := parsePlanted(plantedBugs)
	if err != nil {
		return err
	}
	var broken error
	for _, p := range bugs {
		if _, err := p.spoil(b.Root); err != nil {
			broken = errors.Join(broken, fmt.Errorf("%s: %w", p.what, err))
		}
	}
	if broken != nil {
		return broken
	}
	found, failed := make([]bool, len(bugs)), make([]error, len(bugs))
	bar.Parallel(len(bugs), func(i int) {
		if found[i], failed[i] = bugs[i].isCaught(b, i); failed[i] != nil {
			failed[i] = fmt.Errorf("%s: %w", bugs[i].what, failed[i])
		}
	})
	if err := errors.Join(failed...); err != nil {
		return err
	}
	var missed []string
	for i, p := range bugs {
		if !found[i] {
			missed = append(missed, p.what)
		}
	}
	b.Keep("caught", "bugs", float64(len(bugs)-len(missed)))
	b.Keep("missed", "bugs", float64(len(missed)))
	if len(missed) > 0 {
		b.Note("missed: %s", strings.Join(missed, ", "))
	}
	return nil
}

func parsePlanted(text string) (out []planted, err error) {
	for n, line := range strings.Split(text, "\n") {
		switch {
		case strings.HasPrefix(line, "== "):
			words := strings.Split(line[3:], " | ")
			if len(words) != 3 {
				return nil, fmt.Errorf("planted.txt:%d: want == what | file | test, got %q", n+1, line)
			}
			out = append(out, planted{what: words[0], file: words[1], test: words[2]})
		case line == "" || strings.HasPrefix(line, "#"):
		case len(out) > 0 && line[0] == '-':
			out[len(out)-1].was = append(out[len(out)-1].was, line[1:])
		case len(out) > 0 && line[0] == '+':
			out[len(out)-1].is = append(out[len(out)-1].is, line[1:])
		default:
			return nil, fmt.Errorf("planted.txt:%d: cannot read %q", n+1, line)
		}
	}
	return out, nil
}

// spoil returns the file with the bug in it.
func (p planted) spoil(root string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(p.file)))
	if err != nil {
		return nil, err
	}
	was, is := strings.Join(p.was, "\n")+"\n", strings.Join(p.is, "\n")+"\n"
	if n := bytes.Count(text, []byte(was)); n != 1 {
		return nil, fmt.Errorf("its text stands %d times in %s", n, p.file)
	}
	return bytes.Replace(text, []byte(was), []byte(is), 1), nil
}

// isCaught runs the tests with the bug laid over the file; the tree stays as it
// is.
func (p planted) isCaught(b *bar.Bench, i int) (bool, error) {
	text, err := p.spoil(b.Root)
	if err != nil {
		return false, err
	}
	bad := filepath.Join(b.Work, fmt.Sprintf("%d.go", i))
	if err := os.WriteFile(bad, text, 0o600); err != nil {
		return false, err
	}
	path := filepath.Join(b.Root, filepath.FromSlash(p.file))
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{path: bad}})
	if err != nil {
		return false, err
	}
	lay := filepath.Join(b.Work, fmt.Sprintf("%d.json", i))
	if err := os.WriteFile(lay, overlay, 0o600); err != nil {
		return false, err
	}
	args := append([]string{"test", "-overlay", lay, "-count=1", "-vet=off", "-timeout=300s"}, strings.Fields(p.test)...)
	cmd := exec.Command("go", args...)
	cmd.Dir = b.Root
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil && strings.Contains(string(out), "no tests to run"):
		return false, fmt.Errorf("go test %s runs no test", p.test)
	case err == nil:
		return false, nil
	case strings.Contains(string(out), "[build failed]") || strings.Contains(string(out), "[setup failed]"):
		return false, fmt.Errorf("it does not build: %.400s", out)
	}
	return true, nil
}
