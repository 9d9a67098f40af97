package cli

import (
	"fmt"
	"io"
	"text/tabwriter"

	"hone"
	"hone/internal/op"
	"hone/internal/say"
)

// printVerdicts writes the figures that verdicts rest on, a line each.
func printVerdicts(w io.Writer, verdicts []hone.Verdict) {
	t := tabwriter.NewWriter(w, 2, 0, 2, ' ', 0)
	head := false
	for _, v := range verdicts {
		if v.N == 0 && v.Value == 0 {
			continue
		}
		if !head {
			fmt.Fprintln(t, "  gate\tvalue\tlimit\tbetween\trows\tneeds\tresult")
			head = true
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\n", named(v), inUnit(v.Value, v.Unit), inUnit(v.Limit, v.Unit), between(v), say.Whole(v.N), more(v), v.Standing())
	}
	t.Flush()
}

func named(v hone.Verdict) string {
	if v.Slice != "" {
		return v.Gate + " " + v.Slice
	}
	return v.Gate
}

func inUnit(x float64, unit string) string {
	if unit == "bytes" && x == 0 {
		return ""
	}
	if unit == "bytes" {
		return say.Num(x/(1<<20)) + " MiB"
	}
	return say.Num(x)
}

func between(v hone.Verdict) string {
	if !(v.Lower < v.Upper) {
		return ""
	}
	return say.Num(v.Lower) + " … " + say.Num(v.Upper)
}

func more(v hone.Verdict) string {
	if v.Need == 0 {
		return ""
	}
	return say.Whole(v.Need) + " more"
}

func printReplayed(w io.Writer, r op.Replayed) {
	fmt.Fprintln(w, r.Sentence)
	fmt.Fprintf(w, "  %s rows, look %d, evidence %.12s\n", say.Whole(r.Rows), r.Look, r.Evidence)
	t := tabwriter.NewWriter(w, 2, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  gate\twas\tvalue\tnow\tvalue\t")
	for _, v := range r.Verdicts {
		mark := ""
		if !v.Same {
			mark = "differs"
		}
		gate := named(hone.Verdict{Gate: v.Gate, Slice: v.Slice})
		if v.Of != "" {
			gate = v.Of + " " + gate
		}
		fmt.Fprintf(t, "  %s\t%s\t%v\t%s\t%v\t%s\n", gate, v.Was.Result, v.Was.Value, v.Now.Result, v.Now.Value, mark)
	}
	t.Flush()
}
