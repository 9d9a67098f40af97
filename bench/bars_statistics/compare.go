package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"hone/bench/bar"
	"hone/internal/frame"
	"hone/internal/stat"
)

// spent is what a report says that it used.
type spent struct {
	CPU float64 `json:"cpu"` // Seconds, without reading the tables.
	// Peak is MiB at most above what the program had when it began, with all that it
	// holds of the tables; Work above what it had once it held both tables whole.
	Peak float64 `json:"peak"`
	Work float64 `json:"work"`
}

// comparing is one report on its way.
type comparing struct {
	make stat.Profiler
	cpu  time.Duration
	ps   []float64
}

// column profiles a reference; cur counts the other table's values on its bins.
func (c *comparing) column(ref frame.Column, cur func(count func(frame.Column)) error) error {
	start := bar.OwnCPU()
	var p *stat.Profile
	if ref.Num != nil {
		p = c.make.Numeric(ref.Num)
	} else {
		p = c.make.Names(ref.Str)
	}
	w := p.Window()
	c.cpu += bar.OwnCPU() - start
	err := cur(func(part frame.Column) {
		start := bar.OwnCPU()
		for _, x := range part.Num {
			w.AddNumber(x)
		}
		for _, s := range part.Str {
			w.AddName(s)
		}
		c.cpu += bar.OwnCPU() - start
	})
	start = bar.OwnCPU()
	got := p.Compare(w)
	c.ps = append(c.ps, got.P, got.MissingP)
	c.cpu += bar.OwnCPU() - start
	return err
}

// done judges all features at once and prints what was used.
func (c *comparing) done(s spent) error {
	start := bar.OwnCPU()
	stat.Holm(c.ps, stat.Simes(c.ps))
	s.CPU = (c.cpu + bar.OwnCPU() - start).Seconds()
	return json.NewEncoder(os.Stdout).Encode(s)
}

// compareTables makes the report as the product does: of the reference it needs a
// column at a time, of the current rows only the counts that it folds them into.
func compareTables(args []string) error {
	before := bar.Memory("VmRSS")
	entries, err := os.ReadDir(filepath.Join(args[0], "ref"))
	if err != nil {
		return err
	}
	var c comparing
	for _, e := range entries {
		ref, err := readColumn(filepath.Join(args[0], "ref", e.Name()))
		if err != nil {
			return err
		}
		err = c.column(ref, func(count func(frame.Column)) error {
			return streamColumn(filepath.Join(args[0], "cur", e.Name()), count)
		})
		if err != nil {
			return err
		}
	}
	return c.done(spent{Peak: bar.Memory("VmHWM") - before})
}

// compareHeld makes the same report of two tables that are held in memory whole.
func compareHeld(args []string) error {
	before := bar.Memory("VmRSS")
	var tables [2][]frame.Column
	for i, name := range []string{"ref", "cur"} {
		entries, err := os.ReadDir(filepath.Join(args[0], name))
		if err != nil {
			return err
		}
		for _, e := range entries {
			col, err := readColumn(filepath.Join(args[0], name, e.Name()))
			if err != nil {
				return err
			}
			tables[i] = append(tables[i], col)
		}
	}
	// What reading left behind would hide what the work takes.
	debug.FreeOSMemory()
	loading, held := bar.Memory("VmHWM"), bar.Memory("VmRSS")
	if err := bar.ForgetPeak(); err != nil {
		return err
	}
	var c comparing
	for i, ref := range tables[0] {
		if err := c.column(ref, func(count func(frame.Column)) error { count(tables[1][i]); return nil }); err != nil {
			return err
		}
	}
	working := bar.Memory("VmHWM")
	return c.done(spent{Peak: max(loading, working) - before, Work: working - held})
}

// readColumn reads a whole column.
func readColumn(path string) (frame.Column, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return frame.Column{}, err
	}
	return decode(path, b), nil
}

func decode(path string, b []byte) frame.Column {
	if filepath.Ext(path) != ".f64" {
		return frame.Column{Str: strings.Split(string(b), "\n")}
	}
	out := make([]float64, len(b)/8)
	for i := range out {
		out[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return frame.Column{Num: out}
}

// streamColumn reads a column a piece at a time.
func streamColumn(path string, visit func(frame.Column)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	piece, kept := make([]byte, 64<<10), 0
	for {
		n, err := io.ReadFull(f, piece[kept:])
		n += kept
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return err
		}
		whole, rest := piece[:n], 0 // Up to the last value that ends in this piece.
		if filepath.Ext(path) != ".f64" && err == nil {
			rest = bytes.LastIndexByte(whole, '\n') + 1
			whole = whole[:rest-1]
		} else {
			rest = n
		}
		if n > 0 {
			visit(decode(path, whole))
		}
		if err != nil {
			return nil
		}
		kept = copy(piece, piece[rest:n])
	}
}
