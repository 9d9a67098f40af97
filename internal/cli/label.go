package cli

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hone"
	"hone/internal/op"
)

// labelCommand asks which rows to label, and can write them as a sheet to fill in.
func labelCommand(r Runner, g *Globals) *cobra.Command {
	o, _ := op.Find("label")
	in, sheet := op.LabelIn{}, ""
	c := &cobra.Command{
		Use: "label MODEL", Short: o.Summary, Long: strings.TrimSpace(o.Summary + ".\n\n" + o.Help), Example: "  hone label fraud\n  " + o.Example,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return takes(c, args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Model = args[0]
			caller, err := r.Reach(cmd.Context(), *g)
			if err != nil {
				return err
			}
			out, err := caller.Call(cmd.Context(), o, &in)
			if err := errors.Join(err, caller.Close()); err != nil {
				return err
			}
			l := out.(op.Labels)
			if sheet != "" {
				if err := writeSheet(sheet, l); err != nil {
					return err
				}
			}
			if g.JSON {
				e := json.NewEncoder(g.Out)
				e.SetIndent("", "  ")
				return e.Encode(l)
			}
			printLabels(g.Out, l, sheet)
			return nil
		},
	}
	c.Flags().IntVar(&in.N, "n", 0, "how many rows in all (default: as many as the gate is likely to need)")
	c.Flags().StringVar(&sheet, "csv", "", "write the rows to this file, with an empty column for the label")
	return c
}

// printLabels says first how many labels are needed and why, then names the rows.
func printLabels(w io.Writer, l op.Labels, sheet string) {
	fmt.Fprintln(w, l.Sentence)
	if l.Answered > 0 {
		fmt.Fprintf(w, "%d of the %d that were handed out have their label.\n", l.Answered, l.Given)
	}
	if len(l.Open) == 0 {
		return
	}
	if sheet != "" {
		fmt.Fprintf(w, "They are in %s. Fill in the column label, then `hone feedback %s --csv %s`.\n", sheet, l.Model, sheet)
		return
	}
	for _, row := range l.Open {
		fmt.Fprintf(w, "  %s  %s  %s\n", row.PredictionID, stamp(row.Time), shown(row.Features))
	}
	if l.Withheld != "" {
		fmt.Fprintln(w, l.Withheld)
	}
	fmt.Fprintf(w, "Send what is true of each with `hone feedback %s --id ID --label LABEL`.\n", l.Model)
}

func shown(features map[string]any) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(features)) {
		out = append(out, fmt.Sprintf("%s=%v", name, features[name]))
	}
	return strings.Join(out, " ")
}

// writeSheet writes the rows as a table that `hone feedback --csv` takes back.
func writeSheet(path string, l op.Labels) error {
	names := map[string]bool{}
	for _, row := range l.Open {
		for name := range row.Features {
			names[name] = true
		}
	}
	columns := slices.Sorted(maps.Keys(names))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return &hone.Error{Code: hone.Conflict, Message: path + " is there already", Hint: "name another file, or move it away: it may hold labels"}
	}
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	w.Write(append([]string{"prediction_id", "time", "label"}, columns...))
	for _, row := range l.Open {
		line := []string{string(row.PredictionID), row.Time.UTC().Format(time.RFC3339Nano), ""}
		for _, name := range columns {
			text := ""
			if v, ok := row.Features[name]; ok {
				text = fmt.Sprint(v)
			}
			line = append(line, text)
		}
		w.Write(line)
	}
	w.Flush()
	return errors.Join(w.Error(), f.Close())
}
