package main

import (
	"bytes"
	"os"
	"path/filepath"
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
		text, err := p.spoil(root)
		if err != nil {
			t.Errorf("%s: %v", p.what, err)
			continue
		}
		was, err := os.ReadFile(filepath.Join(root, p.file))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(was, text) {
			t.Errorf("%s: nothing is broken in %s", p.what, p.file)
		}
	}
}
