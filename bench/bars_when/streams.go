package main

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"hone/bench/bar"
	"hone/bench/retraining"
	"hone/internal/frame"
)

// streamBars are about recorded rows.
var streamBars = []bar.Measured{
	{Bar: bar.Bar{ID: "decision_streams", Of: of,
		About: "The streams of the reporting half, in the order of time, cut into 120 batches; champions of 40 trees of 15 leaves from the newest 12; labels and swaps at once: the mean cost of Hone's rule over that of the optimum that never goes back to a former champion. The label of transient_chess is whether it is 4 or more.",
		Limits: []bar.Limit{
			{Series: "hone_100", Unit: "of the optimum", Of: bar.Median, Under: 1.15, AtMost: true},
			{Series: "hone_300", Unit: "of the optimum", Of: bar.Median, Under: 1.15, AtMost: true},
			{Series: "hone_1000", Unit: "of the optimum", Of: bar.Median, Under: 1.15, AtMost: true},
		}, Also: others()}, Measure: streams},
}

// reporting are the streams that choose nothing.
var reporting = []string{"agrawal_gradual", "sea_gen", "phishing", "transient_chess"}

const (
	streamBatches = 120
	streamWindow  = 12
	streamRows    = 40_000 // The first ones.
)

func streams(b *bar.Bench) error {
	var out []outcome
	for _, name := range reporting {
		s, err := readStream(filepath.Join(b.Root, "..", "shared", "data", name+".csv.gz"), name)
		if err != nil {
			return err
		}
		g, err := retraining.NewGrid(s, retraining.Trees, 2, nil)
		if err != nil {
			return err
		}
		out = append(out, play(g, prices))
		progress("%s", name)
	}
	keep(b, out)
	for _, price := range prices {
		for _, o := range out {
			h, best := o.by["hone"][price], o.by["best_period"][price]
			b.Note("%s at %g: %.3f with %d retrains, best period %.3f with %d, optimum %d", o.stream, price, h.ratio, h.retrains, best.ratio, best.retrains, o.optimum[price])
		}
	}
	return nil
}

// readStream reads rows of numbers with a class in the last column.
func readStream(path, name string) (*retraining.Stream, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	records, err := csv.NewReader(z).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	head, records := records[0], records[1:min(len(records), streamRows+1)]
	var schema frame.Schema
	for _, column := range head[:len(head)-1] {
		schema = append(schema, frame.Field{Name: column, Kind: frame.Number})
	}
	s := &retraining.Stream{Name: name, Rows: frame.New(schema, len(records)), Batch: len(records) / streamBatches, Window: streamWindow}
	for i, row := range records {
		for c, text := range row {
			x, err := strconv.ParseFloat(text, 64)
			switch {
			case err != nil:
				return nil, fmt.Errorf("%s, row %d: %w", path, i, err)
			case c < len(schema):
				s.Rows.Cols[c].Num[i] = x
			case name == "transient_chess":
				s.Targets = append(s.Targets, flag(x >= 4))
			default:
				s.Targets = append(s.Targets, flag(x == 1))
			}
		}
	}
	return s, nil
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
