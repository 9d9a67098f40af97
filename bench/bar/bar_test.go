package bar_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"hone/bench/bar"
)

func TestPrint(t *testing.T) {
	t.Parallel()
	bars := []bar.Bar{{ID: "speed", Limits: []bar.Limit{
		{Series: "cost", Unit: "µs", Of: bar.Median, Under: 140},
		{Series: "rate", Unit: "/s", Of: bar.Median, Over: 40_000},
		{Series: "memory", Unit: "MiB", Of: bar.Max, Under: 300},
	}}}
	f := func(cost, rate, memory []float64, sources string, want bool, says string) {
		t.Helper()
		r := bar.Result{Sources: sources, Series: map[string]bar.Series{}}
		for name, samples := range map[string][]float64{"cost": cost, "rate": rate, "memory": memory} {
			if samples != nil {
				r.Series[name] = bar.NewSeries("", samples...)
			}
		}
		var b strings.Builder
		ok := bar.Print(&b, bars, bar.File{Results: map[string]bar.Result{"speed": r}}, map[string]string{"speed": "now"})
		line := b.String()
		if ok != want || strings.Count(line, "\n") != 1 || !strings.HasPrefix(line, "speed ") || !strings.Contains(line, says) {
			t.Errorf("cost %v, rate %v, memory %v: got %v, want %v, and a line with %q: %s", cost, rate, memory, ok, want, says, line)
		}
	}
	f([]float64{139, 900, 1}, []float64{40_000}, []float64{299}, "now", true, "| ok (")
	f([]float64{140}, []float64{40_000}, []float64{299}, "now", false, "| short (cost misses")
	f([]float64{100}, []float64{39_999}, []float64{299}, "now", false, "rate misses")
	f([]float64{100}, []float64{50_000}, []float64{1, 1, 300}, "now", false, "memory misses")
	f([]float64{100}, nil, []float64{1}, "now", false, "| short (")
	f([]float64{100}, []float64{50_000}, []float64{1}, "before", false, "older than what it measures")

	var b strings.Builder
	if bar.Print(&b, bars, bar.File{}, map[string]string{"speed": "now"}) || !strings.Contains(b.String(), "not measured") {
		t.Errorf("a bar without a measurement is %s", b.String())
	}
}

func TestSeries(t *testing.T) {
	t.Parallel()
	s := bar.NewSeries("s", 3, 1, 2, 10)
	if s.Min != 1 || s.Median != 2.5 || s.Max != 10 || s.Samples[0] != 3 {
		t.Errorf("got %+v, want 1, 2.5, 10 and the samples in their order", s)
	}
}

func TestSources(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module m\n\ngo 1.26\n")
	write("go.sum", "")
	write("a.go", "package m\n")
	write("internal/x/x.go", "package x\n\nimport _ \"m\"\n")
	write("cmd/y/y.go", "package main\n\nimport _ \"m/internal/x\"\n\nfunc main() {}\n")
	write("internal/alone/alone.go", "package alone\n")
	sum := func() string {
		t.Helper()
		s, err := bar.Sources(root)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	before := sum()
	for _, name := range []string{"internal/x/x_test.go", "internal/x/testdata/x.go", "internal/web/ui/app.js", "docs/z.md", "internal/alone/new.sql"} {
		write(name, "package x\n")
		if sum() != before {
			t.Errorf("%s changes the sources; it should not", name)
		}
	}
	changed := []struct{ name, text string }{
		{"a.go", "package m\n\nconst A = 1\n"},
		{"go.mod", "module m\n\ngo 1.25\n"},
		{"internal/x/x.go", "package x\n\nimport _ \"m\"\n\nconst X = 1\n"},
		{"internal/x/new.sql", "new"},
		{"internal/x/migrations/1.sql", "new"},
		{"internal/x/x.go", "package x\n\nimport _ \"m/internal/alone\"\n"}, // From here on it is built in.
		{"internal/alone/alone.go", "package alone\n\nconst A = 1\n"},
		{"cmd/y/z.go", "package main\n"},
	}
	for _, c := range changed {
		last := sum()
		write(c.name, c.text)
		if sum() == last {
			t.Errorf("%s does not change the sources; it should", c.name)
		}
	}
	write("cmd/y/y.go", "no Go")
	if _, err := bar.Sources(root); err == nil {
		t.Error("a program that cannot be read has sources")
	}
}

func TestSourcesOfFolders(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sum := func() string {
		t.Helper()
		s, err := bar.Sources(root, "internal/x", "internal/y")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	write("internal/x/x.go", "x")
	write("internal/y/y.go", "y")
	before := sum()
	for _, name := range []string{"a.go", "go.mod", "cmd/z/z.go", "internal/z/z.go", "internal/x/x_test.go"} {
		write(name, "new")
		if sum() != before {
			t.Errorf("%s changes the sources of other folders", name)
		}
	}
	write("internal/y/y.go", "changed")
	if sum() == before {
		t.Error("a file of a folder that is measured does not change the sources")
	}
	if _, err := bar.Sources(root, "internal/gone"); err == nil {
		t.Error("a folder that is not there has sources")
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	bars := []bar.Bar{
		{ID: "speed", About: "How fast it is.", Limits: []bar.Limit{
			{Series: "rate", Unit: "/s", Of: bar.Median, Over: 40},
			{Series: "cost", Unit: "µs", Of: bar.Max, Under: 140},
			{Series: "gone", Unit: "s", Of: bar.Max, Under: 1},
		}, Also: []string{"beside"}},
		{ID: "never", Limits: []bar.Limit{{Series: "x", Unit: "s", Under: 1}}},
	}
	r := bar.Result{Sources: "then", Commit: "0123456789abcdef", Notes: []string{"b is so", "a is so"}, Series: map[string]bar.Series{
		"rate": bar.NewSeries("/s", 50, 41, 60), "cost": bar.NewSeries("µs", 141), "beside": bar.NewSeries("MiB", 7)}}
	file := bar.File{Results: map[string]bar.Result{"speed": r}}
	got := string(bar.Report("topic", bars, file, map[string]string{"speed": "now", "never": "now"}))
	for _, want := range []string{"# Topic", "0 of 2 bars hold", "How fast it is.",
		"| rate | 50 /s | median of 3 | 41 to 60 | at least 40 /s | ok |",
		"| cost | 141 µs | one |  | under 140 µs | short |", "| gone | - | | | under 1 s | short |",
		"| beside | 7 MiB | one |  | | |", "- a is so\n- b is so\n", "0123456789ab; what it measures has changed since", "## never: short\n\nNot measured."} {
		if !strings.Contains(got, want) {
			t.Errorf("the report lacks %q:\n%s", want, got)
		}
	}
	r.Sources = "now"
	file.Results["speed"] = r
	if got := string(bar.Report("topic", bars[:1], file, map[string]string{"speed": "now"})); strings.Contains(got, "changed since") {
		t.Errorf("nothing changed:\n%s", got)
	}
}

func TestFire(t *testing.T) {
	t.Parallel()
	var seen atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if seen.Add(1); r.URL.Path != "/a" {
			http.Error(w, "not here", http.StatusNotFound)
		}
	}))
	defer s.Close()
	addr := strings.TrimPrefix(s.URL, "http://")
	if _, err := bar.Fire(addr, [][]byte{bar.Post("/a", []byte("{}"))}, 3, 50); err != nil || seen.Load() != 50 {
		t.Errorf("50 requests: %d came, %v", seen.Load(), err)
	}
	if _, err := bar.Fire(addr, [][]byte{bar.Post("/b", nil)}, 1, 1); err == nil || !strings.Contains(err.Error(), "not here") {
		t.Errorf("an answer of 404 gives %v", err)
	}
}
