package bar

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// File is what is kept of a topic.
type File struct {
	Topic   string            `json:"topic"`
	Results map[string]Result `json:"results"` // By bar.
}

// Result is one measurement of a bar.
type Result struct {
	Commit     string    `json:"commit"`         // Checked out at the time; the tree may have been ahead of it.
	Sources    string    `json:"sources_sha256"` // See Sources.
	MeasuredAt time.Time `json:"measured_at"`
	Seconds    float64   `json:"seconds"` // That measuring took.
	// Load is the machine's load over a minute, what measures included.
	LoadBefore float64           `json:"load_before"`
	LoadAfter  float64           `json:"load_after"`
	Machine    string            `json:"machine"`
	Series     map[string]Series `json:"series"`
	Notes      []string          `json:"notes,omitempty"`
}

// Series are raw samples in the order in which they were taken.
type Series struct {
	Unit    string    `json:"unit"`
	Samples []float64 `json:"samples"`
	Min     float64   `json:"min"`
	Median  float64   `json:"median"`
	Max     float64   `json:"max"`
}

// NewSeries sums up samples, at least one.
func NewSeries(unit string, samples ...float64) Series {
	sorted := slices.Sorted(slices.Values(samples))
	n := len(sorted)
	return Series{Unit: unit, Samples: samples, Min: sorted[0], Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Max: sorted[n-1]}
}

// Load reads what is kept; a file that is not there is empty.
func Load(path, topic string) (File, error) {
	f := File{Topic: topic, Results: map[string]Result{}}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &f)
	}
	if err != nil {
		return f, fmt.Errorf("read results %s: %w", path, err)
	}
	return f, nil
}

// Save keeps the results.
func (f File) Save(path string) error {
	b, err := json.MarshalIndent(f, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

// Sources is the hash of the files below root that figures come from: those of the
// folders given, or, where none is, all that the programs in cmd are built from:
// go.mod, go.sum, and the packages of this module that they import, with the files
// that lie in and below those. A package that no program imports is not measured
// by running one. Left out are tests, their data, and the page's files, which no
// figure of a bar touches.
func Sources(root string, of ...string) (string, error) {
	var names []string
	built := func(string) bool { return true }
	if len(of) == 0 {
		packages, err := imported(root)
		if err != nil {
			return "", err
		}
		if names, err = filepath.Glob(filepath.Join(root, "*.go")); err != nil {
			return "", err
		}
		names = append(names, filepath.Join(root, "go.mod"), filepath.Join(root, "go.sum"))
		of = []string{"internal", "cmd"}
		built = func(file string) bool { return packages[packageOf(filepath.Dir(file))] }
	}
	for _, dir := range of {
		err := filepath.WalkDir(filepath.Join(root, filepath.FromSlash(dir)), func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && (d.Name() == "testdata" || filepath.ToSlash(p) == filepath.ToSlash(filepath.Join(root, "internal/web/ui"))) {
				return fs.SkipDir
			}
			if !d.IsDir() && built(p) {
				names = append(names, p)
			}
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	return digest(root, names)
}

// imported are the folders of this module's packages that the programs in cmd are
// built from.
func imported(root string) (map[string]bool, error) {
	list := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if .Main}}{{$.Dir}}{{end}}{{end}}", "./cmd/...")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(exit.Stderr))
		}
		return nil, fmt.Errorf("list what the programs of %s are built from: %w", root, err)
	}
	// The go command resolves links; so must what its answer is compared with.
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil, err
	}
	if real, err = filepath.Abs(real); err != nil {
		return nil, err
	}
	packages := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		if rel, err := filepath.Rel(real, strings.TrimSpace(line)); err == nil && line != "\n" {
			packages[filepath.Join(root, rel)] = true
		}
	}
	return packages, nil
}

// packageOf is dir, or the nearest folder above it that holds Go code.
func packageOf(dir string) string {
	for up := dir; ; up = filepath.Dir(up) {
		if code, _ := filepath.Glob(filepath.Join(up, "*.go")); len(code) > 0 || up == filepath.Dir(up) {
			return up
		}
	}
}

func digest(root string, names []string) (string, error) {
	slices.Sort(names)
	h := sha256.New()
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n", filepath.ToSlash(rel), len(b))
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Machine says what the figures were taken on.
func Machine() string {
	cpu, cores := "unknown processor", 0
	b, _ := os.ReadFile("/proc/cpuinfo") // Without it the figures stand alone.
	for line := range bytes.Lines(b) {
		if name, value, ok := strings.Cut(string(line), ":"); ok && strings.TrimSpace(name) == "model name" {
			cpu = strings.TrimSpace(value)
			cores++
		}
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return fmt.Sprintf("%s, %d cores, Linux %s", cpu, cores, strings.TrimSpace(string(kernel)))
}

// LoadAverage is the machine's load over the last minute.
func LoadAverage() float64 {
	var x float64
	b, _ := os.ReadFile("/proc/loadavg") // Elsewhere than on Linux it is 0.
	fmt.Sscan(string(b), &x)
	return x
}
