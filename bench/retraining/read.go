package retraining

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"os"
	"strconv"

	"hone/internal/frame"
)

// Read reads the first rows of a gzipped CSV file of numbers, all of them where most
// is 0. The last column is the target.
func Read(path string, most int) (rows *frame.Frame, targets []float64, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	records, err := csv.NewReader(z).ReadAll()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	head, records := records[0], records[1:]
	if most > 0 {
		records = records[:min(len(records), most)]
	}
	n := len(head) - 1
	var schema frame.Schema
	for _, column := range head[:n] {
		schema = append(schema, frame.Field{Name: column, Kind: frame.Number})
	}
	rows, targets = frame.New(schema, len(records)), make([]float64, len(records))
	for i, row := range records {
		for c, text := range row {
			x, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return nil, nil, fmt.Errorf("%s, row %d: %w", path, i, err)
			}
			if c < n {
				rows.Cols[c].Num[i] = x
			} else {
				targets[i] = x
			}
		}
	}
	return rows, targets, nil
}
