package main

import (
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"hone/bench/bar"
	"hone/internal/frame"
)

//go:embed peers.py
var peersProgram []byte

// peer is a tool for the same work, with what pip installs of it.
type peer struct {
	name     string
	packages []string
}

// Of these the first two also look for drift by default.
var peers = []peer{
	{"evidently", []string{"evidently==0.7.23", "pandas==2.3.3"}},
	{"nannyml", []string{"nannyml==0.13.1", "statsmodels==0.15.0"}},
	{"whylogs", []string{"whylogs==1.6.4", "pandas==2.3.3", "numpy"}},
}

func spentBy(dir, program string, args ...string) (s spent, err error) {
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1")
	out, err := cmd.Output()
	if err != nil {
		return s, fmt.Errorf("%s %s: %w", program, strings.Join(args, " "), err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return s, json.Unmarshal([]byte(lines[len(lines)-1]), &s)
}

const (
	tableRows = 100_000
	pairs     = 3
)

// againstPeers lets Hone and each peer, in turn, compare the same two tables.
func againstPeers(b *bar.Bench) error {
	for name, seed := range map[string]uint64{"ref": 1, "cur": 2} {
		if err := writeColumns(filepath.Join(b.Work, "tables", name), mixedRows(tableRows, seed)); err != nil {
			return err
		}
	}
	program := filepath.Join(b.Work, "peers.py")
	if err := os.WriteFile(program, peersProgram, 0o600); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var ours, peak, work []float64
	for _, p := range peers {
		python, err := bar.Python(b.Work, p.name, p.packages...)
		if err != nil {
			return err
		}
		var faster, lighter, workLighter, cpu, theirPeak, theirWork []float64
		for range pairs {
			mine, err := spentBy(b.Work, self, "compare", "tables")
			if err != nil {
				return err
			}
			theirs, err := spentBy(b.Work, python, program, p.name, "tables")
			if err != nil {
				return err
			}
			held, err := spentBy(b.Work, self, "compare-held", "tables")
			if err != nil {
				return err
			}
			ours, peak, work = append(ours, mine.CPU), append(peak, mine.Peak), append(work, held.Work)
			cpu, theirPeak, theirWork = append(cpu, theirs.CPU), append(theirPeak, theirs.Peak), append(theirWork, theirs.Work)
			faster, lighter = append(faster, theirs.CPU/mine.CPU), append(lighter, mine.Peak/theirs.Peak)
			workLighter = append(workLighter, held.Work/theirs.Work)
		}
		b.Keep(p.name, "times our processor time", faster...)
		b.Keep(p.name+"_memory", "of its memory", lighter...)
		b.Keep(p.name+"_work_memory", "of its memory", workLighter...)
		b.Keep(p.name+"_cpu", "s", cpu...)
		b.Keep(p.name+"_peak", "MiB", theirPeak...)
		b.Keep(p.name+"_work", "MiB", theirWork...)
	}
	b.Keep("hone_cpu", "s", ours...)
	b.Keep("hone_peak", "MiB", peak...)
	b.Keep("hone_work", "MiB", work...)
	return nil
}

func writeColumns(dir string, f *frame.Frame) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for i, field := range f.Schema {
		name, text := field.Name+".txt", []byte(strings.Join(f.Cols[i].Str, "\n"))
		if field.Kind == frame.Number {
			name, text = field.Name+".f64", nil
			for _, x := range f.Cols[i].Num {
				text = binary.LittleEndian.AppendUint64(text, math.Float64bits(x))
			}
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}
