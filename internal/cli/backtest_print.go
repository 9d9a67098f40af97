package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"

	"hone"
	"hone/internal/backtest"
	"hone/internal/say"
)

// printBacktest writes the sentence, what each policy costs at the first price, and
// what is best at the others.
func printBacktest(w io.Writer, r backtest.Result) {
	fmt.Fprintln(w, r.Sentence)
	span := ""
	if !r.Untimed {
		span = fmt.Sprintf(" from %s to %s UTC", r.From.UTC().Format("2006-01-02 15:04"), r.Until.UTC().Format("2006-01-02 15:04"))
	}
	fmt.Fprintf(w, "%s answered%s, in %s of %s; each champion learned from %s by %s.\n",
		say.Count(r.Answered, "row", "rows"), span, say.Count(r.Batches, "batch", "batches"), say.Whole(r.Batch), say.Count(r.Window, "row", "rows"), r.Trainer)
	a := r.Prices[0]
	t := tabwriter.NewWriter(w, 2, 0, 2, ' ', 0)
	fmt.Fprintf(t, "  policy\t\t%s\tretrains\treuses\tstaleness\ttraining\tobjective at %s\tof optimum\tmore than recommended (90 %%)\n", r.Metric, priced(a.Price, r.Currency))
	for i, s := range a.Policies {
		p, mark := r.Policies[i], ""
		more := fmt.Sprintf("%s (%s to %s)", say.Num(s.More), say.Num(s.MoreLower), say.Num(s.MoreUpper))
		if s.Policy == a.Recommended {
			mark, more = "*", "recommended"
		}
		fmt.Fprintf(t, "%s %s\t%s\t%s\t%d\t%d\t%s\t%s\t%s\t%.3f\t%s\n", pad(mark), p.Policy, p.Words, say.Num(p.Mean), p.Retrains, p.Reuses, say.Num(p.Staleness), say.Num(s.Training), say.Num(s.Objective), s.Ratio, more)
	}
	fmt.Fprintf(t, "  optimum\tknows the future\t\t%d\t0\t\t\t%s\t1.000\t\n", a.OptimumRetrains, say.Num(a.Optimum))
	t.Flush()
	if a.Optimum > 0 {
		fmt.Fprintf(w, "  with former champions the optimum is %s at most and %s at least: %.3f and %.3f of it\n", say.Num(a.OptimumReuse), say.Num(a.OptimumBound), a.OptimumReuse/a.Optimum, a.OptimumBound/a.Optimum)
	}
	for _, b := range r.Prices[1:] {
		fmt.Fprintln(w, "  "+b.Sentence)
	}
	for _, n := range r.Notes {
		fmt.Fprintln(w, "  "+n)
	}
}

// priced writes an amount, with its currency where there is one.
func priced(x float64, currency string) string {
	if currency == "" {
		return say.Num(x)
	}
	return say.Amount(x, currency)
}

func pad(mark string) string {
	if mark == "" {
		return " "
	}
	return mark
}

// mayWrite finds out before a long work that its report has nowhere to go.
func mayWrite(path string) error {
	if path == "" {
		return nil
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return unwritten(fmt.Errorf("there is no folder %s", filepath.Dir(path)))
	}
	return nil
}

func unwritten(err error) error {
	return &hone.Error{Code: hone.Invalid, Message: "cannot write the report: " + err.Error(), Hint: "name another file with --html"}
}

// writeReport writes the page of a backtest.
func writeReport(path string, r backtest.Result) error {
	f, err := os.Create(path)
	if err != nil {
		return unwritten(err)
	}
	b := bufio.NewWriter(f)
	return errors.Join(backtest.Page(b, r), b.Flush(), f.Close())
}
