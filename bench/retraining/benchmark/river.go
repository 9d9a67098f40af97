package main

import (
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"hone/bench/bar"
	"hone/bench/retraining"
	"hone/internal/backtest"
)

//go:embed river.py
var riverProgram []byte

// riverVersion is the peer, from PyPI.
const riverVersion = "river==0.26.1"

// Online is what a learner that learns each label as it comes did beside Hone's loop.
type Online struct {
	retraining.Case
	Price float64           `json:"price"` // Of a retrain, that Hone decides by.
	By    map[string]Effort `json:"by"`
}

// Effort is what answering took, and how well it went.
type Effort struct {
	Errors float64 `json:"errors"` // A row.
	CPU    float64 `json:"cpu"`    // Seconds of a processor, all in.
}

// riverPrice is that of a retrain which Hone decides by beside River's learners.
const riverPrice = 100

// river plays River's adaptive random forest and its Hoeffding adaptive tree over the
// recorded streams, and over the worlds with one seed.
func river(b *bench) (any, error) {
	work, err := os.MkdirTemp("", "hone-river-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	python, err := bar.Python(work, "river", riverVersion)
	if err != nil {
		return nil, err
	}
	program := filepath.Join(work, "river.py.txt") // Not river.py: it imports river.
	if err := os.WriteFile(program, riverProgram, 0o600); err != nil {
		return nil, err
	}
	var out []Online
	for _, c := range append(b.recorded(retraining.Reporting, "trees", hows[0]), in(1, "linear", hows[0])...) {
		o, err := beside(b, c, python, program, work)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c, err)
		}
		out = append(out, o)
		progress("%s", c)
	}
	return out, nil
}

func beside(b *bench, c retraining.Case, python, program, work string) (Online, error) {
	o := Online{Case: c, Price: riverPrice, By: map[string]Effort{}}
	g, err := c.Grid(b, b.plays.Data, bar.Parallel)
	if err != nil {
		return o, err
	}
	end := g.From + g.Batches()*g.Batch
	for name, p := range map[string]backtest.Policy{"hone": backtest.Hone(), "never": backtest.Never} {
		moves := p(g, riverPrice)
		before := bar.OwnCPU()
		if err := c.Steps(b, g, moves); err != nil {
			return o, err
		}
		o.By[name] = Effort{Errors: g.Cost(moves, 0) / float64(end-g.From), CPU: (bar.OwnCPU() - before).Seconds()}
	}
	path := filepath.Join(work, "rows.csv")
	if err := write(path, g.Stream, end); err != nil {
		return o, err
	}
	for _, name := range []string{"arf", "hat"} {
		text, err := exec.CommandContext(b, python, program, name, strconv.Itoa(c.Delay), strconv.Itoa(g.From), path).Output()
		if err != nil {
			return o, fmt.Errorf("%s: %w", name, err)
		}
		var e Effort
		if err := json.Unmarshal(text, &e); err != nil {
			return o, fmt.Errorf("%s: %w", name, err)
		}
		o.By[name] = e
	}
	return o, nil
}

// write leaves rows up to an end for another program.
func write(path string, s *backtest.Stream, end int) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	out := csv.NewWriter(file)
	var head []string
	for _, f := range s.Rows.Schema {
		head = append(head, f.Name)
	}
	records := [][]string{append(head, "label")}
	for i := range end {
		var row []string
		for _, c := range s.Rows.Cols {
			row = append(row, strconv.FormatFloat(c.Num[i], 'g', -1, 64))
		}
		records = append(records, append(row, strconv.Itoa(int(s.Targets[i]))))
	}
	return out.WriteAll(records)
}
