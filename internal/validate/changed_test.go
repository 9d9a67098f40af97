package validate_test

import (
	"slices"
	"testing"

	"hone/internal/validate"
	"hone/internal/validate/world"
)

// TestChangedWorld holds that nobody is accused where the world itself changed, so
// that all labels from some row on run against the earlier ones: neither a source
// that began just then, nor two that go on side by side, nor users.
func TestChangedWorld(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: it judges dozens of worlds")
	}
	f := func(name string, source func(i, n int) string) {
		t.Helper()
		accused, worlds := 0, 12
		for k := range worlds {
			w := binary(uint64(41000 + 10*k))
			turn(w, source)
			checks, suspects := validate.Examine(first(w))
			for _, c := range checks {
				if !c.Passed && (c.Rule == "source_labels" || c.Rule == "user_labels") {
					accused++
					t.Logf("%s, world %d: %s", name, k, c.Sentence)
				}
			}
			if suspects != nil {
				t.Errorf("%s, world %d: %+v are rejected", name, k, suspects)
			}
		}
		if accused > 1 {
			t.Errorf("%s: somebody is accused in %d of %d worlds", name, accused, worlds)
		}
	}
	f("one source since the change", func(i, n int) string {
		if i < n/2 {
			return ""
		}
		return "app"
	})
	f("one source since before the change", func(i, n int) string {
		if i < n/4 {
			return ""
		}
		return "app"
	})
	f("two sources side by side", func(i, n int) string { return []string{"app", "desk", "app"}[i%3] })
}

// turn turns all labels round in the second half of a world, and says who gave them.
func turn(w *world.World, source func(i, n int) string) {
	names := slices.Compact(slices.Sorted(slices.Values(w.Rows.Labels)))
	n := len(w.Rows.Labels)
	for i, l := range w.Rows.Labels {
		w.Rows.Sources[i] = source(i, n)
		if i >= n/2 && len(names) == 2 {
			w.Rows.Labels[i] = names[1-slices.Index(names, l)]
		}
	}
}
