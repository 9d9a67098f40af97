package main

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"hone/bench/bar"
	"hone/internal/frame"
)

// alarmPeers runs the defaults of others over the windows that Hone judges.
//
//go:embed alarms_peers.py
var alarmPeers []byte

// driftPeers judges the same windows without drift by Hone and by the defaults of
// Evidently and NannyML: 1,000 independent rows of 25 features against 10,000. It is
// one reference and 40 windows, because Evidently takes most of a second for each.
func driftPeers(b *bar.Bench) error {
	const windows = 40
	dir := filepath.Join(b.Work, "drift")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	s := newCalm(driftSeed, 25, newChain(0))
	if err := s.write(filepath.Join(dir, "reference.csv"), s.history); err != nil {
		return err
	}
	ours := 0
	for i := range windows {
		d, seen := s.rows(1000)
		if d.Alarm {
			ours++
		}
		if err := s.write(filepath.Join(dir, strconv.Itoa(i)+".csv"), seen); err != nil {
			return err
		}
	}
	b.Keep("hone", "% of windows", 100*float64(ours)/windows)
	script := filepath.Join(dir, "peers.py")
	if err := os.WriteFile(script, alarmPeers, 0o600); err != nil {
		return err
	}
	for tool, packages := range map[string][]string{
		"evidently": {"evidently==0.7.23", "pandas==2.3.3"},
		"nannyml":   {"nannyml==0.13.1", "statsmodels==0.15.0"},
	} {
		venv := filepath.Join(b.Work, "venv-"+tool)
		python := filepath.Join(venv, "bin", "python")
		if out, err := exec.Command("python3", "-m", "venv", venv).CombinedOutput(); err != nil {
			b.Note("no %s: %v: %.200s", tool, err, out)
			continue
		}
		if out, err := exec.Command(python, append([]string{"-m", "pip", "install", "-q"}, packages...)...).CombinedOutput(); err != nil {
			b.Note("no %s: %v: %.200s", tool, err, out)
			continue
		}
		out, err := exec.Command(python, script, tool, dir, strconv.Itoa(windows)).Output()
		if err != nil {
			b.Note("no figure of %s: %v", tool, err)
			continue
		}
		var column, dataset float64
		if _, err := fmt.Sscan(string(out), &column, &dataset); err != nil {
			return fmt.Errorf("read what %s says: %w", tool, err)
		}
		b.Keep(tool, "% of windows", 100*column/windows)
		if tool == "evidently" {
			b.Keep("evidently_dataset", "% of windows", 100*dataset/windows)
		}
	}
	b.Note("a window counts where any feature is flagged; evidently_dataset is its own verdict on the table")
	return nil
}

// write keeps rows of cells, a list a feature, as a table.
func (s *calm) write(path string, seen [][]uint32) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := csv.NewWriter(f)
	head := make([]string, len(s.schema))
	for i, field := range s.schema {
		head[i] = field.Name
	}
	w.Write(head)
	for row := range seen[0] {
		line := make([]string, len(s.schema))
		for i, field := range s.schema {
			if field.Kind == frame.Category {
				line[i] = nameOf(i, seen[i][row])
			} else if x := numberOf(i, seen[i][row]); x == x {
				line[i] = strconv.FormatFloat(x, 'g', -1, 64)
			}
		}
		w.Write(line)
	}
	w.Flush()
	return w.Error()
}
