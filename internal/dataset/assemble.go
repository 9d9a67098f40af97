package dataset

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"hone"
	"hone/internal/frame"
)

// Need is what a run asks of its dataset.
type Need struct {
	Model hone.Model
	// HeldBack is the newest time among the champion's training rows: rows up to
	// then are never held out.
	HeldBack time.Time
	// Suffix is the number of newest labelled rows since which the champion has
	// been losing, 0 where no such moment is known.
	Suffix int
	Seed   uint64
}

// Assemble cuts labelled, mature rows into training and holdout. Rows are taken
// in the order of time, whatever order they are given in; the same rows, need
// and proxy give the same dataset. It fails when there are too few to hold any
// out.
func Assemble(n Need, d frame.Decoder, rows []Row, proxy Proxy) (Collected, error) {
	sortRows(rows)
	if limit := n.Model.Dataset.MaxRows; limit > 0 && len(rows) > limit {
		rows = rows[len(rows)-limit:]
	}
	hold := holdoutSize(n, rows)
	if len(rows)-hold < 1 || hold < 1 {
		return Collected{}, &hone.Error{Code: hone.Invalid,
			Message: fmt.Sprintf("%s has %d labelled rows, of which %d are newer than what its champion was trained on", n.Model.Name, len(rows), fresh(n, rows)),
			Hint:    "wait for more labels, or import history with `hone import`"}
	}
	all, err := toRows(d, rows)
	if err != nil {
		return Collected{}, err
	}
	cut := len(rows) - hold
	c := Collected{Holdout: all.Slice(cut, len(rows))}
	c.Classes = classesOf(n.Model, all.Labels)
	window, by, err := chooseWindow(n, all.Slice(0, cut), c.Classes, proxy)
	if err != nil {
		return Collected{}, err
	}
	c.Train = all.Slice(cut-window, cut)
	history := int(n.Model.Dataset.History * float64(window))
	if history > 0 && cut > window {
		c.Train, history = withHistory(all.Slice(0, cut-window), c.Train, history, n.Seed)
	} else {
		history = 0
	}
	c.Recipe = hone.Recipe{Window: window, WindowBy: by, History: history, Holdout: hold, HeldBack: n.HeldBack,
		Schema: fmt.Sprintf("%08x", n.Model.Features.Fingerprint()), Seed: n.Seed}
	return c, nil
}

// fresh counts the rows that may judge: those the champion was not trained on.
func fresh(n Need, rows []Row) int {
	count := 0
	for i := len(rows) - 1; i >= 0 && rows[i].Time.After(n.HeldBack); i-- {
		count++
	}
	return count
}

// holdoutSize is the number of newest rows to hold out: a share of the rows, or
// of those since which the champion has been losing, where that is known; never
// a row that the champion was trained on.
func holdoutSize(n Need, rows []Row) int {
	share := n.Model.Dataset.Holdout
	if share <= 0 {
		share = 0.2
	}
	size := int(share * float64(len(rows)))
	if n.Suffix > 0 {
		size = min(max(int(share*float64(n.Suffix)), 100), 1000)
	} else {
		size = min(max(size, 100), 10000)
	}
	return min(size, fresh(n, rows), len(rows)*9/10)
}

// withHistory puts a sample of older rows before the window, in their order.
func withHistory(older, window Rows, want int, seed uint64) (Rows, int) {
	r := rand.New(rand.NewPCG(seed, 0x686f6e65))
	want = min(want, older.Len())
	chosen := make([]bool, older.Len())
	for _, i := range r.Perm(older.Len())[:want] {
		chosen[i] = true
	}
	var rows []int
	out := Rows{}
	for i, yes := range chosen {
		if !yes {
			continue
		}
		rows = append(rows, i)
		out.Labels = append(out.Labels, older.Labels[i])
		out.IDs = append(out.IDs, older.IDs[i])
		out.Times = append(out.Times, older.Times[i])
		out.Units = append(out.Units, older.Units[i])
	}
	out.Frame = older.Frame.Pick(rows)
	out.Frame.Append(window.Frame)
	out.Labels = append(out.Labels, window.Labels...)
	out.IDs = append(out.IDs, window.IDs...)
	out.Times = append(out.Times, window.Times...)
	out.Units = append(out.Units, window.Units...)
	return out, want
}

// fixedWindow reads a configured window: all, or a number of rows.
func fixedWindow(spec string, rows int) (int, bool) {
	if spec == "all" {
		return rows, true
	}
	n, err := strconv.Atoi(spec)
	if err != nil || n < 1 {
		return 0, false
	}
	return min(n, rows), true
}
