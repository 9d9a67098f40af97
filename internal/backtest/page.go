package backtest

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"hone"
	"hone/internal/say"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"shift": func(x float64) float64 { return plotLeft + x }, "num": say.Num, "whole": say.Whole, "ratio": func(x float64) string { return fmt.Sprintf("%.3f", x) }}).Parse(pageText))

// Page writes a result as one page of HTML with its plots, which needs nothing else: no
// script, and nothing from elsewhere.
func Page(w io.Writer, r Result) error {
	p := page{Result: r, Style: template.CSS(pageStyle), Span: span(r)}
	if r.Currency != "" {
		p.Unit = " " + r.Currency
	}
	for _, a := range r.Prices {
		p.Costs = append(p.Costs, costPlot(r, a))
	}
	if r.Loss.Kind != hone.ZeroOne && r.Loss.Kind != hone.Absolute { // Else it is the same.
		p.Plots = append(p.Plots, timePlot(r, "Loss a row", func(o Outcome) []*float64 { return o.LossByBatch }))
	}
	p.Plots = append(p.Plots, timePlot(r, names[r.Metric], func(o Outcome) []*float64 { return o.MetricByBatch }))
	return pageTemplate.Execute(w, p)
}

// names of the headline, as a plot has it.
var names = map[string]string{"accuracy": "Accuracy", "mae": "Mean absolute error"}

type page struct {
	Result
	Style template.CSS
	Span  string
	Unit  string // Of all amounts, where that is a currency.
	Costs []costs
	Plots []overTime
}

func span(r Result) string {
	if r.Untimed {
		return ""
	}
	return ", " + r.From.UTC().Format("2 Jan 2006 15:04") + " to " + r.Until.UTC().Format("2 Jan 2006 15:04") + " UTC"
}

// Advice is the headline.
func (p page) Advice() string {
	a := p.Prices[0]
	s := advice(p.policy(a.Recommended))
	return strings.ToUpper(s[:1]) + s[1:]
}

// Measures of the plots, in the units of their pictures.
const (
	plotWidth = 1120
	plotLeft  = 310 // Where names end.
	plotRight = plotWidth - 96
	barHeight = 30
	rowHeight = 58
)

// costs are bars of what each policy costs at one price.
type costs struct {
	At
	Height, Bottom           int
	Bars                     []bar
	Ticks                    []tickMark
	OptimumX, ReuseX         float64
	Width, Left, Right, Axis int
}

type bar struct {
	Standing
	Words                  string
	Y                      int
	Lost, Moved            float64 // Widths.
	FromX, ToX, EndX       float64 // Of the interval, and of the bar.
	Retrains, Reuses       int
	Recommended            bool
	Label                  string
	LowerTick, MiddleOfBar int
}

type tickMark struct {
	X, Y float64
	Text string
}

// scale maps a to b onto c to d.
func scale(a, b, c, d float64) func(float64) float64 {
	if !(b > a) {
		b = a + 1
	}
	return func(x float64) float64 { return math.Round(10*(c+(x-a)*(d-c)/(b-a))) / 10 }
}

// ticksOf are about n round numbers from a to b.
func ticksOf(a, b float64, n int) (out []float64) {
	raw := (b - a) / float64(n)
	if !(raw > 0) {
		return []float64{a}
	}
	unit := math.Pow(10, math.Floor(math.Log10(raw)))
	step := 10 * unit
	for _, m := range []float64{1, 2, 2.5, 5} {
		if m*unit >= raw*0.999 {
			step = m * unit
			break
		}
	}
	for k := math.Ceil(a/step - 1e-9); k*step <= b+step*1e-6; k++ {
		out = append(out, k*step+0) // Not the negative zero.
	}
	return out
}

// cheapest first, as a and its policies are shown.
func byCost(a At) []Standing {
	out := slices.Clone(a.Policies)
	slices.SortStableFunc(out, func(x, y Standing) int {
		switch {
		case x.Objective < y.Objective:
			return -1
		case x.Objective > y.Objective:
			return 1
		}
		return 0
	})
	return out
}

func costPlot(r Result, a At) costs {
	c := costs{At: a, Width: plotWidth, Left: plotLeft, Right: plotRight}
	most := a.Optimum
	for _, s := range a.Policies {
		most = max(most, s.Upper, s.Objective)
	}
	x := scale(0, most, plotLeft, plotRight)
	for i, s := range byCost(a) {
		p := r.policy(s.Policy)
		b := bar{Standing: s, Words: p.Words, Y: 8 + i*barHeight, Lost: x(s.Objective-s.Training) - plotLeft, FromX: x(s.Lower), ToX: x(s.Upper), EndX: x(s.Objective),
			Retrains: p.Retrains, Reuses: p.Reuses, Recommended: s.Policy == a.Recommended}
		b.Moved, b.MiddleOfBar = b.EndX-plotLeft-b.Lost, b.Y+9
		b.Label = fmt.Sprintf("%s: %s (%s to %s), of which staleness %s and training %s, for %s", p.Words, say.Num(s.Objective), say.Num(s.Lower), say.Num(s.Upper), say.Num(s.Objective-s.Training), say.Num(s.Training), moved(p))
		c.Bars = append(c.Bars, b)
	}
	c.Bottom = 8 + len(c.Bars)*barHeight
	c.Height, c.Axis = c.Bottom+24, c.Bottom+16
	for _, t := range ticksOf(0, most, 6) {
		c.Ticks = append(c.Ticks, tickMark{X: x(t), Text: say.Num(t)})
	}
	c.OptimumX, c.ReuseX = x(a.Optimum), x(a.OptimumReuse)
	return c
}

// overTime is one strip for each policy, with what it answered batch by batch.
type overTime struct {
	Name                string
	Width, Height       int
	Left, Right, Bottom int
	Axis                int
	Strips              []strip
	Times               []tickMark
	Baseline            bool // The policy never is drawn behind the others.
}

type strip struct {
	Words, Mean    string
	Counts         string
	Top, Bottom, Y int
	Line, Behind   string
	Ticks          []tickMark
	Marks          []mark
	Recommended    bool
	Label          string
}

type mark struct {
	X     float64
	Reuse bool
	Text  string
}

func timePlot(r Result, name string, of func(Outcome) []*float64) overTime {
	o := overTime{Name: name, Width: plotWidth, Left: plotLeft, Right: plotRight}
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range r.Policies {
		for _, v := range of(p) {
			if v != nil {
				low, high = min(low, *v), max(high, *v)
			}
		}
	}
	x := scale(0, float64(r.Batches), plotLeft, plotRight)
	never := of(r.policy(kindNever))
	o.Baseline = never != nil
	for i, s := range byCost(r.Prices[0]) {
		p := r.policy(s.Policy)
		top := 4 + i*rowHeight
		y := scale(low, high, float64(top+rowHeight-14), float64(top+4))
		st := strip{Words: p.Words, Mean: say.Num(mean(of(p))), Counts: counted(p), Top: top, Bottom: top + rowHeight - 8, Y: top + 20, Recommended: s.Policy == r.Prices[0].Recommended}
		st.Line = path(of(p), x, y)
		if p.Policy != kindNever {
			st.Behind = path(never, x, y)
		}
		for _, t := range ticksOf(low, high, 3) {
			st.Ticks = append(st.Ticks, tickMark{Y: y(t), Text: say.Num(t)})
		}
		for _, m := range p.Moves {
			text := fmt.Sprintf("batch %d: %s", m.Batch, said(r, m))
			st.Marks = append(st.Marks, mark{X: x(float64(m.Batch)), Reuse: m.Reuse, Text: text})
		}
		st.Label = fmt.Sprintf("%s of %s, batch by batch, with %s", name, p.Words, moved(p))
		o.Strips = append(o.Strips, st)
	}
	o.Bottom = 4 + len(o.Strips)*rowHeight
	o.Height, o.Axis = o.Bottom+20, o.Bottom+14
	o.Times = places(r, x)
	return o
}

// counted is what a policy did, in few words.
func counted(p Outcome) string {
	out := say.Count(p.Retrains, "retrain", "retrains")
	if p.Reuses > 0 {
		out += ", " + say.Count(p.Reuses, "return", "returns")
	}
	return out
}

// said is what happened at a move.
func said(r Result, m Swap) string {
	what := "retrained"
	if m.Reuse {
		what = "a former champion came back"
	}
	if !r.Untimed {
		what += ", " + m.At.UTC().Format("2 Jan 2006 15:04")
	}
	if m.Sentence != "" {
		what += ". " + m.Sentence
	}
	return what
}

func mean(values []*float64) float64 {
	sum, n := 0.0, 0.0
	for _, v := range values {
		if v != nil {
			sum, n = sum+*v, n+1
		}
	}
	return sum / max(n, 1)
}

// path draws values in the middles of their batches, with a gap where there is none.
func path(values []*float64, x, y func(float64) float64) string {
	var b strings.Builder
	pen := "M"
	for i, v := range values {
		if v == nil {
			pen = "M"
			continue
		}
		fmt.Fprintf(&b, "%s%g %g", pen, x(float64(i)+0.5), y(*v))
		pen = "L"
	}
	return b.String()
}

// places are six along the batches, by their time or their number.
func places(r Result, x func(float64) float64) (out []tickMark) {
	layout := "2 Jan 15:04"
	if r.Until.Sub(r.From) > 5*24*time.Hour {
		layout = "2 Jan 2006"
	}
	for k := range 6 {
		b := k * (r.Batches - 1) / 5
		t := tickMark{X: x(float64(b)), Text: fmt.Sprintf("batch %d", b)}
		if !r.Untimed {
			t.Text = r.Times[b].UTC().Format(layout)
		}
		out = append(out, t)
	}
	return out
}
