package dataset

import (
	"fmt"
	"math/rand/v2"
	"slices"
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
	// Returns is the number of newest labelled rows by which a version that is there
	// already was chosen, 0 where one is to be trained: they judge it.
	Returns int
	Seed    uint64
	// Caps bound what one user or source may do to the dataset; nil for none. They
	// hold as of At; Heard is when each source of labels was first heard.
	Caps  *hone.Caps
	At    time.Time
	Heard map[string]time.Time
}

// Assemble cuts labelled, mature rows into training and holdout. Rows are taken
// in the order of time, whatever order they are given in; the same rows, need
// and proxy give the same dataset. It fails when there are too few to hold any
// out.
func Assemble(n Need, d frame.Decoder, rows []Row, proxy Proxy) (Collected, error) {
	sortRows(rows)
	rows = withoutHeldBack(n.Model, rows)
	rows = withoutOdd(n.Model, rows)
	left := newTally()
	rows = left.capped(n.Caps, rows, n.At, n.Heard)
	older := 0
	if limit := n.Model.Dataset.MaxRows; limit > 0 && len(rows) > limit {
		older = len(rows) - limit
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
	if n.Caps != nil { // Of each part: whoever has little of all rows may have much of the newest.
		c.Train, c.Holdout = left.rows(n.Caps, c.Train), left.rows(n.Caps, c.Holdout)
	}
	c.Recipe = hone.Recipe{Caps: n.Caps, Left: left.done(), Window: window, WindowBy: by, History: history, Older: older + cut - window, Holdout: hold, HeldBack: n.HeldBack,
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

// Least and most rows that are held out; a known moment of change bounds them
// closer, since every row after it is dear.
const (
	minHoldout   = 50 // Fewer stop the run.
	goodHoldout  = 200
	maxHoldout   = 10000
	minSuffixOut = 100
	maxSuffixOut = 1000
)

// holdoutSize is the number of newest rows to hold out: a share of those that
// the champion was not trained on, or of those since which it has been losing,
// where that is known. Fewer than 200 say little, so a few rows are halved. The
// rest of them is left to learn from.
func holdoutSize(n Need, rows []Row) int {
	share := n.Model.Dataset.Holdout
	if share <= 0 {
		share = 0.2
	}
	usable := fresh(n, rows)
	size := min(max(int(share*float64(usable)), min(goodHoldout, usable/2)), maxHoldout)
	if n.Suffix > 0 {
		size = min(max(int(share*float64(n.Suffix)), minSuffixOut), maxSuffixOut)
	}
	if n.Returns > 0 {
		size = min(max(n.Returns, minSuffixOut), maxSuffixOut)
	}
	return min(size, usable, len(rows)*9/10)
}

// withoutOdd leaves out rows of a binary model whose label is neither the
// positive class nor the most frequent other one, as long as they are few: one
// slip of a sender must not stop every run.
func withoutOdd(m hone.Model, rows []Row) []Row {
	if m.Task != hone.Binary {
		return rows
	}
	count := map[string]int{}
	for _, r := range rows {
		count[r.Label]++
	}
	negative := ""
	for label, n := range count {
		if label != m.Label.Positive && (n > count[negative] || n == count[negative] && label < negative) {
			negative = label
		}
	}
	odd := len(rows) - count[m.Label.Positive] - count[negative]
	if odd == 0 || odd*100 > len(rows) {
		return rows
	}
	return slices.DeleteFunc(rows, func(r Row) bool { return r.Label != m.Label.Positive && r.Label != negative })
}

// withHistory puts a sample of older rows before the window, in their order.
func withHistory(older, window Rows, want int, seed uint64) (Rows, int) {
	r := rand.New(rand.NewPCG(seed, 0x686f6e65))
	want = min(want, older.Len())
	chosen := r.Perm(older.Len())[:want]
	slices.Sort(chosen)
	return Join(older.Pick(chosen), window), want
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
