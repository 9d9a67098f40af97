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
	both := peers[:2]
	said, failed := make([]string, len(both)), make([]error, len(both))
	bar.Parallel(len(both), func(i int) { said[i], failed[i] = both[i].alarms(b.Work, script, dir, windows) })
	for i, p := range both {
		if failed[i] != nil {
			b.Note("no figure of %s: %.300v", p.name, failed[i])
			continue
		}
		var column, dataset float64
		if _, err := fmt.Sscan(said[i], &column, &dataset); err != nil {
			return fmt.Errorf("read what %s says: %w", p.name, err)
		}
		b.Keep(p.name, "% of windows", 100*column/windows)
		if p.name == "evidently" {
			b.Keep("evidently_dataset", "% of windows", 100*dataset/windows)
		}
	}
	b.Note("a window counts where any feature is flagged; evidently_dataset is its own verdict on the table")
	return nil
}

// alarms installs the peer and has it judge the windows.
func (p peer) alarms(work, script, dir string, windows int) (string, error) {
	python, err := bar.Python(work, p.name, p.packages...)
	if err != nil {
		return "", err
	}
	out, err := exec.Command(python, script, p.name, dir, strconv.Itoa(windows)).Output()
	return string(out), err
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
