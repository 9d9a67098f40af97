package monitor

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"hone"
	"hone/internal/frame"
	"hone/internal/stat/kll"
)

const (
	maxKinds = 1000 // Names of a feature that are counted one by one.
	topKinds = 5    // Names of a feature that are told.
)

// Summary is what a feature looks like where there is no reference to compare it
// with. Quantiles are right to 1.65 % of the ranks.
type Summary struct {
	Feature string  `json:"feature"`
	N       int     `json:"n"`       // Rows, those without a value included.
	Missing float64 `json:"missing"` // Share of them without a value.
	// Quantiles are of numbers; nil for names, and where every value is missing.
	Quantiles *Quantiles `json:"quantiles,omitempty"`
	// Names are the most frequent ones, and Distinct is how many there are, of those
	// that are counted: the first thousand.
	Names    []NewValue `json:"names,omitempty"`
	Distinct int        `json:"distinct,omitempty"`
}

// Quantiles of numbers.
type Quantiles struct {
	Min    float64 `json:"min"`
	P5     float64 `json:"p5"`
	P25    float64 `json:"p25"`
	Median float64 `json:"median"`
	P75    float64 `json:"p75"`
	P95    float64 `json:"p95"`
	Max    float64 `json:"max"`
}

// Intake summarises what a model is sent while it has no champion, and so no
// reference: in constant memory, however long the log is.
type Intake struct {
	schema  frame.Schema
	n       int
	missing []int
	numbers []*kll.Sketch
	names   []map[string]int
	told    []Summary // Of the first so many rows.
	toldAt  int
}

// NewIntake begins with nothing seen.
func NewIntake(schema frame.Schema) *Intake {
	in := &Intake{schema: schema, missing: make([]int, len(schema)), numbers: make([]*kll.Sketch, len(schema)), names: make([]map[string]int, len(schema))}
	for i := range schema {
		in.numbers[i], in.names[i] = &kll.Sketch{}, map[string]int{}
	}
	return in
}

// Predictions counts rows in the order of the log, history that was imported
// included. Schemas are those in which the rows may be.
func (in *Intake) Predictions(ps []hone.Prediction, schemas map[uint32]frame.Schema) error {
	rows := make([][]byte, len(ps))
	for i, p := range ps {
		rows[i] = p.Features
	}
	f, err := frame.Decoder{Target: in.schema, Schemas: schemas}.Frame(rows)
	if err != nil {
		return fmt.Errorf("read what came before the first version: %w", err)
	}
	in.n += f.N
	for i, field := range in.schema {
		if field.Kind == frame.Number {
			for _, x := range f.Cols[i].Num {
				if x-x != 0 {
					in.missing[i]++
				}
				in.numbers[i].Add(x)
			}
			continue
		}
		for _, s := range names(field, f.Cols[i].Str) {
			in.name(i, s)
		}
	}
	return nil
}

func (in *Intake) name(i int, s string) {
	if s == "" {
		in.missing[i]++
		return
	}
	if _, ok := in.names[i][s]; ok || len(in.names[i]) < maxKinds {
		in.names[i][s]++
	}
}

// Summaries has one for each feature, in the order of the model's; none before the
// first row. It is not to be changed.
func (in *Intake) Summaries() []Summary {
	if in.n == in.toldAt {
		return in.told
	}
	out := make([]Summary, len(in.schema))
	for i, field := range in.schema {
		s := Summary{Feature: field.Name, N: in.n, Missing: float64(in.missing[i]) / float64(in.n)}
		if field.Kind == frame.Number {
			s.Quantiles = quantilesOf(in.numbers[i])
		} else {
			s.Names, s.Distinct = topOf(in.names[i]), len(in.names[i])
		}
		out[i] = s
	}
	in.told, in.toldAt = out, in.n
	return out
}

func quantilesOf(s *kll.Sketch) *Quantiles {
	if s.N == 0 {
		return nil
	}
	q := s.Quantile
	return &Quantiles{Min: q(0), P5: q(0.05), P25: q(0.25), Median: q(0.5), P75: q(0.75), P95: q(0.95), Max: q(1)}
}

func topOf(counts map[string]int) []NewValue {
	top := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	var out []NewValue
	for _, name := range top[:min(topKinds, len(top))] {
		out = append(out, NewValue{Value: name, N: counts[name]})
	}
	return out
}
