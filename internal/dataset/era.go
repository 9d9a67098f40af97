package dataset

import (
	"cmp"
	"hash/fnv"
	"slices"
	"time"

	"hone"
	"hone/internal/frame"
)

const (
	// EraRows is the most rows of an era that candidates are asked about.
	EraRows = 500
	// EraLeast is the least that an era is judged on, and cut to.
	EraLeast = 300
	// autoEras is how many eras the time before the window is cut into, at most.
	autoEras = 4
	// mostKept bounds the rows that a sample is taken from: those of an era, and
	// those before the window.
	mostKept = 20_000
)

// Era is a stretch of former time with a sample of its rows.
type Era struct {
	hone.Era
	Rows []Row
	// Trained is set where the champion was trained on them, and the candidate was
	// not: they are easier for the champion.
	Trained bool
}

// Labelled decodes the rows.
func (e Era) Labelled(d frame.Decoder) (Rows, error) { return toRows(d, e.Rows) }

// chance spreads rows evenly by their ids: the same rows give the same sample,
// whatever order they come in.
func chance(id hone.PredictionID) uint64 {
	h := fnv.New64a()
	h.Write([]byte(id))
	x := h.Sum64() // Whose upper bits say little of the last letter: mix them.
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// sample returns the most rows asked for, in the order of time.
func sample(rows []Row, most int) []Row {
	out := slices.Clone(rows)
	slices.SortFunc(out, func(a, b Row) int {
		return cmp.Or(cmp.Compare(chance(a.ID), chance(b.ID)), cmp.Compare(a.ID, b.ID))
	})
	out = out[:min(most, len(out))]
	sortRows(out)
	return out
}

// pool counts rows and keeps an even share of them: those that a sample takes first.
type pool struct {
	n, halved int
	rows      []Row
}

func (p *pool) add(r Row) {
	p.n++
	if chance(r.ID)>>(64-p.halved) != 0 {
		return
	}
	if p.rows = append(p.rows, r); len(p.rows) <= mostKept {
		return
	}
	p.halved++
	p.rows = slices.DeleteFunc(p.rows, func(r Row) bool { return chance(r.ID)>>(64-p.halved) != 0 })
}

// Past gathers rows of former times: of the model's eras, or, where it has none, of
// the time before the window.
type Past struct {
	model  hone.Model
	window time.Time
	spans  [][2]time.Time
	pools  []pool
}

// NewPast begins to gather.
func NewPast(m hone.Model, window time.Time) *Past {
	p := &Past{model: m, window: window, pools: make([]pool, max(1, len(m.Dataset.Eras)))}
	for _, e := range m.Dataset.Eras {
		from, end, _ := e.Span() // What is no time was refused; it has no rows.
		p.spans = append(p.spans, [2]time.Time{from, end})
	}
	return p
}

// Add takes one row, in any order. It counts in the first era that has it.
func (p *Past) Add(r Row) {
	if len(p.spans) == 0 {
		if r.Time.Before(p.window) {
			p.pools[0].add(r)
		}
		return
	}
	for i, s := range p.spans {
		if !r.Time.Before(s[0]) && r.Time.Before(s[1]) {
			p.pools[i].add(r)
			return
		}
	}
}

// heldBack are the rows of the model's eras that are never trained on: half of
// those of an era that was over by the newest row.
func (p *Past) heldBack(newest time.Time) []Era {
	out := make([]Era, len(p.spans))
	for i, s := range p.spans {
		out[i].Era = p.model.Dataset.Eras[i]
		if !newest.Before(s[1]) {
			out[i].Rows = sample(p.pools[i].rows, min(EraRows, p.pools[i].n/2))
		}
	}
	return out
}

// withoutHeldBack leaves out the rows that are held back for eras. The rows are in
// the order of time.
func withoutHeldBack(m hone.Model, rows []Row) []Row {
	if len(m.Dataset.Eras) == 0 || len(rows) == 0 {
		return rows
	}
	past := NewPast(m, time.Time{})
	for _, r := range rows {
		past.Add(r)
	}
	held := map[hone.PredictionID]bool{}
	for _, e := range past.heldBack(rows[len(rows)-1].Time) {
		for _, r := range e.Rows {
			held[r.ID] = true
		}
	}
	return slices.DeleteFunc(rows, func(r Row) bool { return held[r.ID] })
}

// Seen tells which versions were trained on a row.
type Seen func(Row) (candidate, champion bool)

// Eras returns the model's eras with the rows held back that either both versions
// were trained on or neither; where these are too few, with those that the champion
// alone was trained on beside them. Where the model has no eras, the time before the
// window is cut into some, each of as many rows that neither version was trained on.
func (p *Past) Eras(newest time.Time, seen Seen) []Era {
	if len(p.spans) == 0 {
		return p.cut(seen)
	}
	out := p.heldBack(newest)
	for i := range out {
		var fair, usable []Row
		for _, r := range out[i].Rows {
			candidate, champion := seen(r)
			if candidate == champion {
				fair = append(fair, r)
			}
			if !candidate || champion {
				usable = append(usable, r)
			}
		}
		out[i].Rows = fair
		if len(fair) < EraLeast && len(usable) >= EraLeast {
			out[i].Rows, out[i].Trained = usable, true
		}
	}
	return out
}

// cut makes eras of the time before the window.
func (p *Past) cut(seen Seen) []Era {
	var fair []Row
	for _, r := range p.pools[0].rows {
		if candidate, champion := seen(r); !candidate && !champion {
			fair = append(fair, r)
		}
	}
	sortRows(fair)
	n := min(autoEras, len(fair)/EraRows)
	if n == 0 && len(fair) >= EraLeast {
		n = 1
	}
	out := make([]Era, n)
	for i := range out {
		part := fair[i*len(fair)/n : (i+1)*len(fair)/n]
		first, last := part[0].Time.UTC(), part[len(part)-1].Time.UTC()
		layout := time.DateOnly
		if last.Sub(first) < 3*24*time.Hour {
			layout = "2006-01-02 15:04"
		}
		out[i] = Era{Rows: sample(part, EraRows), Era: hone.Era{Name: first.Format(layout) + " to " + last.Format(layout),
			From: first.Format(time.RFC3339), To: last.Format(time.RFC3339)}}
	}
	return out
}
