package gateway_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hone"
	"hone/internal/clock"
	"hone/internal/fault/power"
	"hone/internal/predictor"
)

// TestPowerCut lets the power go while plans are kept, from the making of their
// folder on: the plan on disk is whole, and the last that was in force or the one
// that was being put in force.
func TestPowerCut(t *testing.T) {
	s := start(t, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25), "v2": constant(0.75)})
	data := s.folder
	s.folder = filepath.Join(data, "plans")
	g := s.gateway(clock.System{})
	tape, err := power.Record(data)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 12 {
		champion := []hone.VersionID{"v1", "v2"}[n%2]
		tape.Note(fmt.Sprint("applying ", n+1))
		if err := g.Apply(hone.Plan{Model: "fraud", Token: int64(n + 1), Champion: champion, Salt: strings.Repeat("s", 700*(n%3))}); err != nil {
			t.Fatal(err)
		}
		tape.Note(fmt.Sprint("applied ", n+1))
	}
	g.Stop()
	if err := tape.Stop(); err != nil {
		t.Fatal(err)
	}
	tape.Cuts(t, 300, 10_000, func(_ *testing.T, dir string, notes []string) error {
		var applying, applied int64
		for _, note := range notes {
			fmt.Sscanf(note, "applying %d", &applying)
			fmt.Sscanf(note, "applied %d", &applied)
		}
		here := *s
		here.folder = filepath.Join(dir, "plans")
		again := here.gateway(clock.System{})
		defer again.Stop()
		if err := again.Restore(); err != nil {
			return err
		}
		b, err := os.ReadFile(filepath.Join(here.folder, "fraud.json"))
		if errors.Is(err, fs.ErrNotExist) && applied == 0 {
			return nil
		}
		var p hone.Plan
		if err == nil {
			err = json.NewDecoder(strings.NewReader(string(b))).Decode(&p)
		}
		if err != nil || p.Token != applied && p.Token != applying {
			return fmt.Errorf("plan %d is on disk; %d was in force, %d on its way (%v)", p.Token, applied, applying, err)
		}
		if err := again.Apply(hone.Plan{Model: "fraud", Token: 100, Champion: "v2"}); err != nil {
			return fmt.Errorf("the next plan: %w", err)
		}
		return nil
	})
}
