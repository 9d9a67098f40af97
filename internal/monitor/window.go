package monitor

import (
	"fmt"
	"math"
	"slices"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/stat"
	"hone/internal/stat/text"
)

// maxWiden is how many times longer than asked for a window by rows may become.
const maxWiden = 8

// window counts one stretch of predictions on the reference's bins.
type window struct {
	ref      *Reference
	schema   frame.Schema
	sig      hone.Signature
	counts   []*stat.Counts
	texts    []*text.Counts // As Texts of the reference.
	score    *stat.Counts
	n        int
	hours    []int // Rows of each hour of the week.
	from, to time.Time
	fixed    bool // From and to are the window's own, not those of its rows.
}

func newWindow(ref *Reference, sig hone.Signature, schema frame.Schema) *window {
	w := &window{ref: ref, schema: schema, sig: sig, score: ref.Score.Window(), hours: make([]int, stat.WeekHours)}
	for _, p := range ref.Features {
		w.counts = append(w.counts, p.Window())
	}
	for _, p := range ref.Texts {
		w.texts = append(w.texts, p.Window())
	}
	return w
}

// add counts the rows of f, whose users and scores may be absent.
func (w *window) add(f *frame.Frame, at []time.Time, users []string, scores [][]float64) {
	for i, c := range w.counts {
		field := w.schema[i]
		for row := range f.N {
			switch field.Kind {
			case frame.Number:
				c.AddNumber(f.Cols[i].Num[row])
			case frame.Text:
				c.AddName(textBin(f.Cols[i].Str[row]))
				if w.texts != nil {
					w.texts[i].Add(f.Cols[i].Str[row], users[row])
				}
			default:
				c.AddName(f.Cols[i].Str[row])
			}
		}
	}
	for row, s := range scores {
		if w.n == 0 && row == 0 && !w.fixed {
			w.from = at[row]
		}
		if !w.fixed {
			w.to = at[row]
		}
		w.hours[hourOf(at[row])]++
		if len(s) != w.sig.Width() {
			continue
		}
		if w.sig.Task == hone.Multiclass {
			w.score.AddName(w.sig.Answer(s))
		} else {
			w.score.AddNumber(s[0])
		}
	}
	w.n += f.N
}

func (w *window) judge() Drift {
	ref, rows := w.ref.like(w.hours)
	d := Judge(ref, w.schema, w.counts, w.score, w.n, w.texts...)
	d.From, d.To, d.Season = w.from, w.to, rows
	return d
}

// windows cuts predictions into windows: by rows in the order of the log, or by
// the time at which they were made.
type windows struct {
	ref    *Reference
	sig    hone.Signature
	size   int // Rows of a window; 0 where windows are by time.
	asked  int // Rows asked for, where size is more.
	every  time.Duration
	grace  time.Duration
	rows   *window
	byTime []*window // Open, oldest first.
	newest time.Time // Of all predictions.
	far    time.Time // Of one a day or more ahead, which a second one must confirm.
	closed time.Time // Windows up to here are judged.
	late   int
}

// newWindows makes windows as long as the model asks for. Where the reference says
// that so many rows would say less than 200 independent ones they are made longer.
func newWindows(ref *Reference, sig hone.Signature, spec hone.MonitorSpec) *windows {
	ref = ref.whole(spec)
	w := &windows{ref: ref, sig: sig, every: time.Duration(spec.Every), grace: time.Duration(spec.Late)}
	if w.every > 0 {
		return w
	}
	w.size = max(spec.Window, MinWindow)
	if inflation := ref.inflation(w.size); inflation > 1.5 {
		if times := min(maxWiden, math.Ceil(MinWindow*inflation/float64(w.size))); times > 1 {
			w.asked, w.size = w.size, w.size*int(times)
		}
	}
	w.rows = newWindow(ref, sig, sig.Features)
	return w
}

// take returns how many of the predictions, which all have a time, belong to one
// window, and that; nil where they come too late for it.
func (w *windows) take(ps []hone.Prediction) (int, *window) {
	if w.size > 0 {
		return min(len(ps), w.size-w.rows.n), w.rows
	}
	start := ps[0].Time.Truncate(w.every)
	n := 1
	for n < len(ps) && ps[n].Time.Truncate(w.every).Equal(start) {
		n++
	}
	if start.Before(w.closed) {
		w.late += n
		return n, nil
	}
	i, found := slices.BinarySearchFunc(w.byTime, start, func(o *window, t time.Time) int { return o.from.Compare(t) })
	if !found {
		open := newWindow(w.ref, w.sig, w.sig.Features)
		open.from, open.to, open.fixed = start, start.Add(w.every), true
		w.byTime = slices.Insert(w.byTime, i, open)
	}
	return n, w.byTime[i]
}

// reach notes the time of a prediction. One whose clock is more than a day ahead of
// all others says nothing of when they are over.
func (w *windows) reach(t time.Time) {
	if t.After(w.newest) && (w.newest.IsZero() || t.Sub(w.newest) < maxBack || w.far.After(w.newest) && t.Sub(w.far).Abs() < maxBack) {
		w.newest = t
	} else if t.After(w.newest) {
		w.far = t
	}
}

// judged returns the verdict on the next window that is over, if one is.
func (w *windows) judged() (d Drift, ok bool) {
	switch {
	case w.size > 0 && w.rows.n < w.size:
		return d, false
	case w.size > 0:
		d, d.Widened = w.rows.judge(), w.asked
		w.rows = newWindow(w.ref, w.sig, w.sig.Features)
		return d, true
	case len(w.byTime) == 0 || w.newest.Before(w.byTime[0].to.Add(w.grace)):
		return d, false
	}
	open := w.byTime[0]
	w.byTime, w.closed = w.byTime[1:], open.to
	d = open.judge()
	d.Late, w.late = w.late, 0
	if d.Unknown != "" {
		d.Unknown = fmt.Sprintf("not enough data between %s and %s UTC: %d of %d predictions",
			open.from.UTC().Format("2 Jan 15:04"), open.to.UTC().Format("15:04"), d.N, MinWindow)
	}
	return d, true
}

// filling is the number of predictions that are not judged yet.
func (w *windows) filling() (n int) {
	if w.size > 0 {
		return w.rows.n
	}
	for _, open := range w.byTime {
		n += open.n
	}
	return n
}
