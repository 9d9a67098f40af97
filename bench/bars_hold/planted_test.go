package main

import (
	"path/filepath"
	"slices"
	"testing"
)

// TestPlanted holds that every bug can still be planted: once, and in another text.
func TestPlanted(t *testing.T) {
	root := filepath.Join("..", "..")
	bugs, err := parsePlanted(plantedBugs)
	if err != nil {
		t.Fatal(err)
	}
	if len(bugs) < 30 {
		t.Errorf("%d bugs, want 30", len(bugs))
	}
	for _, p := range bugs {
		if _, err := p.spoil(root); err != nil {
			t.Errorf("%s: %v", p.what, err)
		}
		if slices.Equal(p.was, p.is) {
			t.Errorf("%s: nothing is broken in %s", p.what, p.file)
		}
	}
}
