package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"hone"
	"hone/internal/config"
	"hone/internal/op"
)

func configCommand(r Runner, g *Globals) *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "check, compare and apply the configuration, or print its reference", Args: none}
	c.AddCommand(checkCommand(r, g), diffCommand(r, g), applyCommand(r, g), showCommand(r, g), &cobra.Command{
		Use: "docs", Short: "print the reference of every key", Example: "  hone config docs", Args: none,
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprint(g.Out, r.Docs())
			return nil
		},
	})
	return c
}

func checkCommand(r Runner, g *Globals) *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "read the configuration and say what is wrong with it, with file, line and column",
		Long:    "Reads the configuration and says what is wrong with it. It needs neither a server\nnor a data folder. The exit status is 0 if all is well, else 2; with --json the\nproblems are a list on standard output.",
		Example: "  hone config check\n  hone config check --config /etc/hone --json", Args: none,
		RunE: func(*cobra.Command, []string) error {
			sentence, err := r.Check(*g)
			bad, misconfigured := errors.AsType[*Misconfigured](err)
			switch {
			case misconfigured && bad.Problems != nil && g.JSON:
				if err := json.NewEncoder(g.Out).Encode(map[string]any{"ok": false, "sentence": bad.Err.Message, "problems": bad.Problems}); err != nil {
					return err
				}
				return &exit{status: 2}
			case err != nil:
				return err
			case g.JSON:
				return json.NewEncoder(g.Out).Encode(map[string]any{"ok": true, "sentence": sentence, "problems": []string{}})
			}
			_, err = fmt.Fprintln(g.Out, sentence)
			return err
		},
	}
}

// compare asks what the files would change.
func compare(ctx context.Context, caller Caller, text string, days int) (op.ConfigDiff, error) {
	o, _ := op.Find("config diff")
	out, err := caller.Call(ctx, o, &op.ConfigDiffIn{Text: text, Days: days})
	if err != nil {
		return op.ConfigDiff{}, err
	}
	return out.(op.ConfigDiff), nil
}

// withCaller reads the files and reaches the server, or the data folder.
func withCaller(ctx context.Context, r Runner, g *Globals, do func(caller Caller, text string) error) error {
	text, err := r.Source(*g)
	if err != nil {
		return err
	}
	caller, err := r.Reach(ctx, *g)
	if err != nil {
		return err
	}
	return errors.Join(do(caller, text), caller.Close())
}

func diffCommand(r Runner, g *Globals) *cobra.Command {
	days, asStatus := 0, false
	c := &cobra.Command{
		Use: "diff", Short: "say what the files would change of the configuration in force, and do nothing",
		Long: "Compares the files with the configuration in force on the running server, or with\nthe one last applied in the data folder. With --days each recorded decision and\nverdict of that time is judged again, by itself, on what it rested on.\n\n" +
			"The exit status is 0, or 2 where it cannot be told; with --exit-code it is 1 where\nsomething differs.",
		Example: "  hone config diff\n  hone config diff --days 14\n  hone config diff --exit-code --json", Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			same := true
			err := withCaller(cmd.Context(), r, g, func(caller Caller, text string) error {
				d, err := compare(cmd.Context(), caller, text, days)
				if err != nil {
					return err
				}
				same = d.Same
				return tell(g, d)
			})
			switch {
			case err != nil:
				return &exit{2, err}
			case asStatus && !same:
				return &exit{status: 1}
			}
			return nil
		},
	}
	c.Flags().IntVar(&days, "days", 0, "also judge the decisions and verdicts of so many days again")
	c.Flags().BoolVar(&asStatus, "exit-code", false, "end with status 1 where something differs")
	return c
}

// tell prints an answer for people, or as JSON.
func tell(g *Globals, out any) error {
	if !g.JSON {
		print(g.Out, out)
		return nil
	}
	e := json.NewEncoder(g.Out)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

func applyCommand(r Runner, g *Globals) *cobra.Command {
	in := op.ConfigApplyIn{}
	c := &cobra.Command{
		Use: "apply", Short: "put the files in force on the running server, without a restart",
		Long: "Sends the files to the running server, which checks them and puts all of them in\nforce or nothing. Models are added, removed and changed without a pause for the\nothers; an open run goes on, under the new configuration from its next state on.\n" +
			"Keys of the server need a restart. Files that the configuration names, such as\ntrain.py, are not sent.\n\nTwo people cannot overwrite each other: applying is refused where another\nconfiguration is in force than the one compared with, or the one named by --base.",
		Example: "  hone config apply\n  hone config apply --reason \"a gate on latency\"\n  hone config apply --base 3f1c0a9b7d24", Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			return withCaller(ctx, r, g, func(caller Caller, text string) error {
				in.Text = text
				d, err := compare(ctx, caller, text, 0)
				if err != nil {
					return err
				}
				if in.Base == "" {
					in.Base = d.Base
				}
				o, _ := op.Find("config apply")
				out, err := caller.Call(ctx, o, &in)
				if err != nil {
					return err
				}
				if !g.JSON && !d.Same {
					printChanges(g.Out, d.Difference)
				}
				return tell(g, out)
			})
		},
	}
	c.Flags().StringVar(&in.Reason, "reason", "", "why, for the record")
	c.Flags().StringVar(&in.Base, "base", "", "the hash of the configuration that this one changes (default: the one in force now)")
	return c
}

func showCommand(r Runner, g *Globals) *cobra.Command {
	in, applied, out := op.ConfigIn{}, false, ""
	c := &cobra.Command{
		Use: "show", Short: "print the configuration, or write it into a folder: that of the files, or one that was applied",
		Example: "  hone config show --applied\n  hone config show --applied --at 3f1c0a9b7d24 --out restored", Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if in.At != "" {
				applied = true
			}
			text, err := "", error(nil)
			if applied {
				text, err = fetch(cmd.Context(), r, g, in)
			} else {
				text, err = r.Source(*g)
			}
			if err != nil {
				return err
			}
			if out == "" {
				if g.JSON {
					return json.NewEncoder(g.Out).Encode(map[string]string{"text": text})
				}
				_, err := io.WriteString(g.Out, text)
				return err
			}
			paths, err := r.Unpack(text, out)
			if err != nil {
				return err
			}
			if g.JSON {
				return json.NewEncoder(g.Out).Encode(map[string]any{"files": paths})
			}
			_, err = fmt.Fprintln(g.Out, "Written: "+strings.Join(paths, ", ")+".")
			return err
		},
	}
	f := c.Flags()
	f.BoolVar(&applied, "applied", false, "the configuration in force, or last applied, and not that of the files")
	f.StringVar(&in.At, "at", "", "one that was applied before, by its hash or the beginning of it")
	f.StringVar(&out, "out", "", "the folder to write it into")
	return c
}

// fetch reads a configuration that was applied.
func fetch(ctx context.Context, r Runner, g *Globals, in op.ConfigIn) (string, error) {
	caller, err := r.Reach(ctx, *g)
	if err != nil {
		return "", err
	}
	o, _ := op.Find("config")
	out, err := caller.Call(ctx, o, &in)
	if err := errors.Join(err, caller.Close()); err != nil {
		return "", err
	}
	return out.(hone.Applied).Text, nil
}

func printConfigs(w io.Writer, l op.ConfigList) {
	if !header(w, len(l.Applied), "Nothing was applied yet.", fmt.Sprintf("%s  %-12s  %-12s %-8s %s", timeHead, "hash", "by", "how", "reason")) {
		return
	}
	for _, a := range l.Applied {
		how := "start"
		if a.Live {
			how = "applied"
		}
		line := fmt.Sprintf("%s  %.12s  %-12s %-8s %s", stamp(a.At), a.SHA256, a.By, how, a.Reason)
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
}

func printDiff(w io.Writer, d op.ConfigDiff) {
	fmt.Fprintln(w, d.Sentence)
	printChanges(w, d.Difference)
	if d.Past == nil {
		return
	}
	fmt.Fprintf(w, "Since %s UTC %d decisions and verdicts were judged again, each by itself: %d would have gone otherwise; of %d it cannot be told.\n",
		stamp(d.Past.Since), d.Past.Judged, len(d.Past.Differ), d.Past.Passed)
	for _, o := range d.Past.Differ {
		fmt.Fprintf(w, "  %s  %s\n    was:   %s\n    would: %s\n", stamp(o.At), o.Model, o.Was, o.Would)
	}
}

func printChanges(w io.Writer, d config.Difference) {
	change := func(c config.Change) {
		old, now := c.Old, c.New
		if old == "" {
			old = "(not set)"
		}
		if now == "" {
			now = "(not set)"
		}
		effect := ""
		if c.Effect != "" {
			effect = "   " + c.Effect
		}
		fmt.Fprintf(w, "  %s: %s → %s%s\n", c.Path, old, now, effect)
		if c.Means != "" {
			fmt.Fprintln(w, "      "+c.Means)
		}
	}
	for _, m := range d.Models {
		end := "."
		if m.Changes != nil {
			end = ":"
		}
		fmt.Fprintf(w, "%s is %s%s\n", m.Model, m.Kind, end)
		for _, c := range m.Changes {
			change(c)
		}
	}
	if len(d.Budget) > 0 {
		fmt.Fprintln(w, "The budget that models share:")
	}
	for _, c := range d.Budget {
		change(c)
	}
	if len(d.Server) > 0 {
		fmt.Fprintln(w, "The server:")
	}
	for _, c := range d.Server {
		change(c)
	}
}
