package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hone/internal/config"
)

func files(t *testing.T, pattern string, least int) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(names) < least {
		t.Fatalf("%d files %s, want %d: %v", len(names), pattern, least, err)
	}
	return names
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestGood(t *testing.T) {
	t.Parallel()
	for _, path := range files(t, "*.good.yaml", 12) {
		if _, err := config.Parse(path, read(t, path)); err != nil {
			t.Errorf("%s", err)
		}
	}
}

// TestBad holds each file against the problems that its first lines name, all
// of them and no others.
func TestBad(t *testing.T) {
	t.Parallel()
	for _, path := range files(t, "*.bad.yaml", 40) {
		text := read(t, path)
		var want []string
		for line := range strings.Lines(string(text)) {
			w, ok := strings.CutPrefix(line, "# want: ")
			if !ok {
				break
			}
			want = append(want, strings.TrimSpace(w))
		}
		_, err := config.Parse(path, text)
		var got config.Errors
		if !errors.As(err, &got) {
			t.Errorf("%s: got %v, want problems", path, err)
			continue
		}
		same := len(got) == len(want)
		for i := 0; same && i < len(got); i++ {
			place, part, _ := strings.Cut(want[i], ": ")
			same = place == fmt.Sprintf("%d:%d", got[i].Line, got[i].Column) && strings.Contains(got[i].Error(), part)
		}
		if !same {
			t.Errorf("got\n%v\nwant\n  %s", err, strings.Join(want, "\n  "))
		}
	}
}
