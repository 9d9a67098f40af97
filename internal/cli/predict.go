package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"hone"
	"hone/internal/op"
)

// predictCommand asks a running server for one prediction.
func predictCommand(r Runner, g *Globals) *cobra.Command {
	o := op.Predict()
	in := op.PredictIn{}
	id := ""
	c := &cobra.Command{
		Use: "predict MODEL FEATURE=VALUE...", Short: o.Summary, Example: "  " + o.Example + " --id p-81",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) < 2 {
				return takes(c, args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			in.Model, in.ID = args[0], hone.PredictionID(id)
			if in.Features, err = assignments(args[1:]); err != nil {
				return err
			}
			caller, err := r.Reach(cmd.Context(), *g)
			if err != nil {
				return err
			}
			out, err := caller.Call(cmd.Context(), o, &in)
			if err := errors.Join(err, caller.Close()); err != nil {
				return err
			}
			return printAnswer(g, out.(op.Predicted))
		},
	}
	c.Flags().StringVar(&id, "id", "", "the prediction's id, to send its label by (default: made)")
	c.Flags().StringVar(&in.Unit, "unit", "", "the user or session that sticks to a version")
	return c
}

// assignments reads feature=value; what looks like a number is one.
func assignments(args []string) (map[string]any, error) {
	out := map[string]any{}
	for _, a := range args {
		name, value, ok := strings.Cut(a, "=")
		if !ok || name == "" {
			return nil, usage("hone predict", "%q is not FEATURE=VALUE", a)
		}
		out[name] = value
		if x, err := strconv.ParseFloat(value, 64); err == nil && x-x == 0 {
			out[name] = x
		}
	}
	return out, nil
}

func printAnswer(g *Globals, p op.Predicted) error {
	if g.JSON {
		e := json.NewEncoder(g.Out)
		e.SetIndent("", "  ")
		return e.Encode(p)
	}
	answer := p.Answer
	if p.Value != nil {
		answer = *p.Value
	}
	line := fmt.Sprintf("%v", answer)
	if p.Score != nil {
		line += fmt.Sprintf(" (score %.4g)", *p.Score)
	}
	_, err := fmt.Fprintf(g.Out, "%s, by %s (%s), id %s\n", line, p.Version, p.Route, p.ID)
	return err
}
