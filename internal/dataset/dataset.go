// Package dataset assembles the rows of a run: as-served features joined with
// mature labels, cut by time, validated, frozen and named by their hash. What
// is trained on them is left to train.
package dataset

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"slices"
	"time"

	"hone"
	"hone/internal/frame"
)

// Row is one labelled example.
type Row struct {
	ID       hone.PredictionID
	Time     time.Time
	Seq      int64
	Label    string
	Unit     string
	Source   string // Of the label.
	Features []byte
	// Weight is how many rows it stands for; 0 is read as 1.
	Weight float64
	// Inferred is set where no label came, and its absence stands for one.
	Inferred bool
}

// Split says what a row is for.
type Split byte

// The splits.
const (
	Train   Split = 't'
	Holdout Split = 'h'
	Anchor  Split = 'a'
)

// Rows are examples of one schema with their labels, oldest first.
type Rows struct {
	Frame  *frame.Frame
	Labels []string
	IDs    []hone.PredictionID
	Times  []time.Time
	Units  []string
	// Weights says how many rows each stands for; nil where each is one.
	Weights []float64
	// Inferred tells which labels are none, but stand for their absence; nil where
	// all are labels.
	Inferred []bool
	// Sources of the labels; nil where none has one, and for rows that were frozen.
	Sources []string
}

// Len is the number of rows.
func (r Rows) Len() int { return len(r.Labels) }

// Slice returns rows [from, to), which share the memory of r.
func (r Rows) Slice(from, to int) Rows {
	out := Rows{Frame: r.Frame.Slice(from, to), Labels: r.Labels[from:to], IDs: r.IDs[from:to], Times: r.Times[from:to], Units: r.Units[from:to]}
	if r.Weights != nil {
		out.Weights = r.Weights[from:to]
	}
	if r.Inferred != nil {
		out.Inferred = r.Inferred[from:to]
	}
	if r.Sources != nil {
		out.Sources = r.Sources[from:to]
	}
	return out
}

// weight is how many rows a row stands for.
func (r Rows) weight(i int) float64 {
	if r.Weights == nil {
		return 1
	}
	return r.Weights[i]
}

func (r Rows) inferred(i int) bool { return r.Inferred != nil && r.Inferred[i] }

func (r Rows) source(i int) string {
	if r.Sources == nil {
		return ""
	}
	return r.Sources[i]
}

// add puts a row's weight behind those of the n rows before it, whether its label
// is inferred, and its source.
func (r *Rows) add(n int, weight float64, inferred bool, source string) {
	if weight != 1 && r.Weights == nil {
		r.Weights = ones(n)
	}
	if r.Weights != nil {
		r.Weights = append(r.Weights, weight)
	}
	if inferred && r.Inferred == nil {
		r.Inferred = make([]bool, n)
	}
	if r.Inferred != nil {
		r.Inferred = append(r.Inferred, inferred)
	}
	if source != "" && r.Sources == nil {
		r.Sources = make([]string, n)
	}
	if r.Sources != nil {
		r.Sources = append(r.Sources, source)
	}
}

func ones(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = 1
	}
	return out
}

// Lacks counts the rows whose label is inferred.
func (r Rows) Lacks() (n int) {
	for _, is := range r.Inferred {
		if is {
			n++
		}
	}
	return n
}

// Shares are the weights, which add up to 1.
func (r Rows) Shares() []float64 {
	out := make([]float64, r.Len())
	sum := 0.0
	for i := range out {
		out[i] = r.weight(i)
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

// Effective is how many rows of equal weight say as much (L. Kish, Survey
// Sampling, 1965).
func (r Rows) Effective() float64 {
	sum, squares := 0.0, 0.0
	for i := range r.Labels {
		w := r.weight(i)
		sum, squares = sum+w, squares+w*w
	}
	if squares == 0 {
		return 0
	}
	return sum * sum / squares
}

// Pick returns a copy of the given rows, in the given order.
func (r Rows) Pick(rows []int) Rows {
	out := Rows{Frame: r.Frame.Pick(rows)}
	for n, i := range rows {
		out.add(n, r.weight(i), r.inferred(i), r.source(i))
		out.Labels = append(out.Labels, r.Labels[i])
		out.IDs = append(out.IDs, r.IDs[i])
		out.Times = append(out.Times, r.Times[i])
		out.Units = append(out.Units, r.Units[i])
	}
	return out
}

// Targets are the labels as numbers of a signature.
func (r Rows) Targets(s hone.Signature) []float64 {
	out := make([]float64, len(r.Labels))
	for i, l := range r.Labels {
		out[i] = s.Target(l)
	}
	return out
}

// Collected is what a run works on.
type Collected struct {
	Train, Holdout, Anchor Rows
	Recipe                 hone.Recipe
	Classes                []string
}

// sortRows puts rows in the order in which they happened; the log breaks ties.
func sortRows(rows []Row) {
	slices.SortFunc(rows, func(a, b Row) int {
		if c := a.Time.Compare(b.Time); c != 0 {
			return c
		}
		return cmp.Compare(a.Seq, b.Seq)
	})
}

func toRows(d frame.Decoder, rows []Row) (Rows, error) {
	bytes := make([][]byte, len(rows))
	out := Rows{}
	for i, r := range rows {
		bytes[i] = r.Features
		out.Labels = append(out.Labels, r.Label)
		out.IDs = append(out.IDs, r.ID)
		out.Times = append(out.Times, r.Time)
		out.Units = append(out.Units, r.Unit)
		if r.Weight == 0 {
			r.Weight = 1
		}
		out.add(i, r.Weight, r.Inferred, r.Source)
	}
	f, err := d.Frame(bytes)
	out.Frame = f
	return out, err
}

// classesOf lists the labels, sorted; for a binary model the negative, then the
// positive.
func classesOf(m hone.Model, labels ...[]string) []string {
	if m.Task == hone.Regression {
		return nil
	}
	seen := map[string]bool{}
	for _, ls := range labels {
		for _, l := range ls {
			seen[l] = true
		}
	}
	var out []string
	for l := range seen {
		out = append(out, l)
	}
	slices.Sort(out)
	if m.Task == hone.Binary && len(out) == 2 && out[0] == m.Label.Positive {
		out[0], out[1] = out[1], out[0]
	}
	return out
}

// Identity is the hash of the canonical rows of a dataset: for each row, in
// order, what it is for, its features as served, its label and its time in
// microseconds; and its weight, and that its label is inferred, where it is so.
func Identity(c Collected) hone.DatasetID {
	h := sha256.New()
	var n [8]byte
	put := func(b []byte) {
		binary.LittleEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	for _, part := range []struct {
		split Split
		rows  Rows
	}{{Train, c.Train}, {Holdout, c.Holdout}, {Anchor, c.Anchor}} {
		if part.rows.Len() == 0 {
			continue
		}
		for i, b := range part.rows.Frame.EncodeRows() {
			h.Write([]byte{byte(part.split)})
			put(b)
			put([]byte(part.rows.Labels[i]))
			binary.LittleEndian.PutUint64(n[:], uint64(part.rows.Times[i].UnixMicro()))
			h.Write(n[:])
			if w := part.rows.weight(i); w != 1 {
				put(binary.LittleEndian.AppendUint64([]byte("weight"), math.Float64bits(w)))
			}
			if part.rows.inferred(i) {
				put([]byte("inferred"))
			}
		}
	}
	return hone.DatasetID(hex.EncodeToString(h.Sum(nil)))
}

// SaltedIDs is one hash over the ids of all rows, each salted and hashed on its
// own, so that a row can be proven to be in the set and none is revealed.
func SaltedIDs(c Collected, salt string) string {
	var all []string
	for _, r := range []Rows{c.Train, c.Holdout} {
		for _, id := range r.IDs {
			sum := sha256.Sum256([]byte(salt + "\x00" + string(id)))
			all = append(all, string(sum[:]))
		}
	}
	slices.Sort(all)
	h := sha256.New()
	for _, s := range all {
		h.Write([]byte(s))
	}
	return hex.EncodeToString(h.Sum(nil))
}
