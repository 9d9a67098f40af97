package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hone"
	"hone/internal/backtest"
	"hone/internal/clock"
	"hone/internal/frame"
	"hone/internal/op"
	"hone/internal/say"
	"hone/internal/table"
)

// backtestOptions are those of hone backtest.
type backtestOptions struct {
	file   ImportOptions // The file of rows, where the log is not what counts.
	in     op.BacktestIn
	prices string
	html   string
}

func backtestCommand(r Runner, g *Globals) *cobra.Command {
	o := backtestOptions{}
	c := &cobra.Command{
		Use: "backtest MODEL", Short: "say what policies of when to retrain would have cost, and which is best",
		Long: `Trains the champions that the model could have had, one for each part of its log or of
a file, and lets policies say when each would have taken over. What a policy costs is its
objective: staleness, which is what its answers lost by the declared loss, and training, the
price of its retrains. With --data it needs the configuration and no server.

Policies:
  configured             the triggers and guards of the configuration
  never                  the first champion, to the end
  every:N                after every N batches
  volume:N               after every N labels
  psi:X                  once a feature's PSI is over X
  adwin                  once the loss has changed its level
  performance:X          once the loss is X points up, of what a row can lose
  recoverable_loss:PRICE once a retrain would win back its price, former champions first
  no_reuse:PRICE         the same, and no former champion comes back
  stages:PRICE           recoverable loss, through gates, rollout and probation`,
		Example: "  hone backtest fraud\n  hone backtest fraud --data history.csv --html report.html\n  hone backtest fraud --policy configured --policy every:10 --price 100,300,1000",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return takes(c, args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.in.Model, o.file.Model = args[0], args[0]
			var err error
			if o.in.Prices, err = prices(cmd.CommandPath(), o.prices); err != nil {
				return err
			}
			return runBacktest(cmd.Context(), r, *g, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.file.File, "data", "", "a file of rows: CSV, JSON Lines or Parquet, also gzipped (default: the model's log)")
	f.StringVar(&o.file.Time, "time", "", "the column of the file that says when (default: a column of times, else the order of the rows)")
	f.StringVar(&o.file.Propensity, "propensity", "", "the column of the file with the probability that a label could come of the case")
	f.StringSliceVar(&o.in.Policies, "policy", nil, "a policy; repeat it for each (default: the usual ones)")
	f.StringVar(&o.prices, "price", "", "what a retrain costs, in the currency of costs, else in units of the loss, such as 100,300,1000 (default: as configured, a third of it and three times as much)")
	f.Func("from", "only rows from this day or moment on", func(s string) error { return beginning(s, &o.in.From) })
	f.Func("until", "only rows up to the end of this day, or this moment", func(s string) error { return moment(s, &o.in.Until) })
	f.IntVar(&o.in.Batches, "batches", 0, "in how many parts the rows are answered, each of which has a champion of its own (default 120, or 20 for a command)")
	f.IntVar(&o.in.Window, "window", 0, "how many labelled rows a champion learns from (default: as configured, or an eleventh)")
	f.StringVar(&o.html, "html", "", "also write a report with plots to this file")
	return c
}

// beginning reads a time, or a day as its beginning.
func beginning(s string, to *time.Time) error {
	if day, err := time.Parse(time.DateOnly, s); err == nil {
		*to = day
		return nil
	}
	return moment(s, to)
}

func prices(command, text string) (out []float64, err error) {
	for part := range strings.SplitSeq(text, ",") {
		if text == "" {
			break
		}
		x, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil || !(x > 0) || math.IsInf(x, 0) {
			return nil, usage(command, "%q in --price is no price of a retrain", part)
		}
		out = append(out, x)
	}
	return out, nil
}

func runBacktest(ctx context.Context, r Runner, g Globals, o backtestOptions) error {
	if err := mayWrite(o.html); err != nil {
		return err
	}
	told := false
	o.in.Report = func(p backtest.Progress) { told = tellProgress(g, p, told) }
	result, err := o.run(ctx, r, g)
	if told {
		fmt.Fprintln(g.Err)
	}
	if err != nil {
		return err
	}
	if o.html != "" {
		if err := writeReport(o.html, result); err != nil {
			return err
		}
	}
	if g.JSON {
		e := json.NewEncoder(g.Out)
		e.SetIndent("", "  ")
		return e.Encode(result)
	}
	printBacktest(g.Out, result)
	if o.html != "" {
		fmt.Fprintln(g.Out, "  report: "+o.html)
	}
	return nil
}

// run does it here where there is a file, else where the log is.
func (o backtestOptions) run(ctx context.Context, r Runner, g Globals) (backtest.Result, error) {
	if o.file.File == "" {
		for flag, given := range map[string]string{"--time": o.file.Time, "--propensity": o.file.Propensity} {
			if given != "" {
				return backtest.Result{}, usage("hone backtest", "%s is about the columns of a file, and there is no --data", flag)
			}
		}
		caller, err := r.Reach(ctx, g)
		if err != nil {
			return backtest.Result{}, err
		}
		operation, _ := op.Find("backtest")
		out, err := caller.Call(ctx, operation, &o.in)
		if err := errors.Join(err, caller.Close()); err != nil {
			return backtest.Result{}, err
		}
		return out.(backtest.Result), nil
	}
	m, trainer, err := r.Workbench(g, o.in.Model)
	if err != nil {
		return backtest.Result{}, err
	}
	options := o.in.Options()
	l, err := readLog(m, o.file, options, r.Clock)
	if err != nil {
		return backtest.Result{}, err
	}
	options.Workers = runtime.GOMAXPROCS(0)
	return backtest.Run(ctx, m, l, options, trainer)
}

// tellProgress says how far it is: on a terminal in one line, elsewhere not at all.
func tellProgress(g Globals, p backtest.Progress, told bool) bool {
	f, ok := g.Err.(*os.File)
	if !ok || !terminal(f) || g.JSON {
		return told
	}
	fmt.Fprintf(g.Err, "\r%d of %d champions trained, about %s left ", p.Trained, p.Of, p.Left.Round(time.Second))
	return true
}

// readLog reads a file's rows as a model's log. Bad rows are counted and passed over.
func readLog(m hone.Model, o ImportOptions, of backtest.Options, now clock.Clock) (backtest.Log, error) {
	l := backtest.Log{Name: o.File}
	r, err := table.Open(o.File)
	if err != nil {
		return l, err
	}
	defer r.Close()
	h, err := newHistory(m, r.Columns(), o, now)
	if err != nil {
		return l, err
	}
	if h.unlabelled {
		return l, &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%s has no column %q, which is the label of %s", o.File, m.Label.Name, m.Name), Hint: fmt.Sprintf("a backtest learns from labels; the file's columns are %q", r.Columns())}
	}
	l.Untimed = h.time == ""
	bad, err := fill(&l, of, h, r)
	if err != nil {
		return l, err
	}
	if len(h.absent) > 0 {
		l.Notes = append(l.Notes, fmt.Sprintf("%s has no column for %s: they count as missing.", o.File, strings.Join(h.absent, ", ")))
	}
	if bad > 0 {
		l.Notes = append(l.Notes, say.Count(bad, "row", "rows")+" of the file cannot be read and were passed over; `hone import` says why.")
	}
	return l, nil
}

// fill adds the rows of a file as they would stand in the log, and says how many cannot
// be read.
func fill(l *backtest.Log, of backtest.Options, h *history, r *table.Reader) (bad int, err error) {
	var items []op.HistoryItem
	for seq := 0; ; {
		rec, err := r.Next()
		done := errors.Is(err, io.EOF)
		if _, unread := errors.AsType[*table.BadRow](err); unread {
			bad++
			continue
		}
		if err != nil && !done {
			return bad, err
		}
		if !done {
			item, err := h.item(rec)
			if err != nil {
				bad++
				continue
			}
			items = append(items, item)
		}
		if !done && len(items) < importBatch {
			continue
		}
		os := outcomes(h.model, items, seq)
		for _, o := range os {
			l.Add(o, of)
		}
		bad += len(items) - len(os)
		if seq, items = seq+len(items), items[:0]; done {
			return bad, nil
		}
	}
}

// outcomes are rows as they would stand in the log, after so many others, without those
// that the log would not take.
func outcomes(m hone.Model, items []op.HistoryItem, before int) (out []hone.Outcome) {
	f := frame.New(m.Features, len(items))
	for i, item := range items {
		o := hone.Outcome{Prediction: hone.Prediction{ID: item.PredictionID, Model: m.Name, Seq: int64(before + i + 1), Time: item.Time, Route: hone.Imported}, LabelTime: item.Time}
		if item.Propensity != nil {
			o.Propensity = *item.Propensity
		}
		taken := item.Propensity == nil || o.Propensity > 0 && o.Propensity <= 1
		for c, field := range f.Schema {
			taken = f.Set(len(out), c, item.Features[field.Name]) == nil && taken
		}
		if !taken {
			continue
		}
		if l, ok := item.Label.(string); ok && l != "" {
			o.Label, o.Effect = l, hone.Joined
		}
		out = append(out, o)
	}
	for i, b := range f.Slice(0, len(out)).EncodeRows() {
		out[i].Features = b
	}
	return out
}
