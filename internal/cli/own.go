package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"hone/internal/cli/project"
)

// own lists the commands that are no operations.
func own(r Runner, g *Globals) []*cobra.Command {
	return []*cobra.Command{demoCommand(r, g), demoPart(r), initCommand(r, g), importCommand(r, g), backtestCommand(r, g), serveCommand(r, g), gatewayCommand(r, g), predictCommand(r, g), labelCommand(r, g), restoreCommand(r, g), configCommand(r, g), versionCommand(r, g)}
}

func none(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return takes(c, args)
	}
	return nil
}

func demoCommand(r Runner, g *Globals) *cobra.Command {
	o := DemoOptions{}
	c := &cobra.Command{
		Use: "demo", Short: "see a whole loop close on generated traffic, live",
		Long: `A server starts, a generator of traffic with known drift plays the model's users,
labels arrive late, and the loop closes before your eyes. The server stays up with
its page until you press Ctrl-C.

Scenarios:
  drift           the concept changes at once; a retrain wins the accuracy back
  gradual         the concept turns slowly
  agrawal         loan applications with categories are decided by another rule
  bad-candidate   the retrain brings a broken model; a gate stops it
  bad-rollout     a version passes offline and fails live; it is taken back in canary
  harmless-drift  features drift loudly and do no harm; nothing is retrained`,
		Example: "  hone demo\n  hone demo --scenario bad-rollout --once\n  hone demo --once --json", Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error { return r.Demo(cmd.Context(), *g, o) },
	}
	f := c.Flags()
	f.StringVar(&o.Scenario, "scenario", "drift", "drift, gradual, agrawal, bad-candidate, bad-rollout or harmless-drift")
	f.BoolVar(&o.Once, "once", false, "end with the scenario; exit status 0 only if it went as it should")
	f.StringVar(&o.Listen, "listen", "127.0.0.1:0", "address to serve on")
	f.StringVar(&o.Dir, "data", "", "folder to keep (default: one that is removed at the end)")
	f.Uint64Var(&o.Seed, "seed", 1, "of the traffic")
	return c
}

// demoPart is what scenarios run as their trainers and model servers.
func demoPart(r Runner) *cobra.Command {
	return &cobra.Command{Use: "demo-part", Hidden: true, DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error { return r.DemoPart(cmd.Context(), args) }}
}

func initCommand(r Runner, g *Globals) *cobra.Command {
	o := InitOptions{}
	c := &cobra.Command{
		Use: "init", Short: "write hone.yaml from a file of data",
		Long: `Looks at the columns of a CSV, JSON Lines or Parquet file (also gzipped), infers
the schema and writes a commented hone.yaml.

With --template it also writes a trainer in Python to begin from, with what it needs
beside it: train.py, requirements.txt and the helper in hone-sdk/. Without --from it
brings a small file of example data. The templates:
  sklearn    gradient-boosted trees by scikit-learn, or any estimator in their place
  lightgbm   gradient-boosted trees, which Hone scores itself
  xgboost    the same by XGBoost
  pytorch    a small network, with checkpoints
  text       classifies texts by their words, with scikit-learn
  custom     all that a trainer must do, in plain Python and without the helper`,
		Example: "  hone init --from data.csv --label is_fraud --time ts\n  hone init --template lightgbm --from data.csv --label is_fraud\n  hone init --template text", Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			example := o.Template != "" && o.From == "" && o.Label == "" && o.Time == ""
			if !example && (o.From == "" || o.Label == "") {
				return usage(c.CommandPath(), "`hone init` needs --from FILE and --label COLUMN")
			}
			return r.Init(*g, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Template, "template", "", "also write a trainer: "+project.Names())
	f.StringVar(&o.From, "from", "", "the file of data")
	f.StringVar(&o.Label, "label", "", "the column that is to be predicted")
	f.StringVar(&o.Time, "time", "", "the column that says when (default: a column of times, else the order of the rows)")
	f.StringVar(&o.Model, "model", "", "the model's name (default: from the file's name)")
	f.BoolVar(&o.Force, "force", false, "write over files that are there")
	return c
}

func importCommand(r Runner, g *Globals) *cobra.Command {
	o := ImportOptions{}
	c := &cobra.Command{
		Use: "import FILE", Short: "load history from a file: CSV, JSON Lines or Parquet, also gzipped",
		Long:    "Rows go to the log of the model, with their labels. Importing the same file again\nstores nothing twice. Bad rows are counted and kept aside, with line and reason, in\nFILE.bad.jsonl.",
		Example: "  hone import data.csv\n  hone import more.parquet --model fraud --time ts",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return takes(c, args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.File, o.Quiet = args[0], g.JSON
			caller, err := r.Reach(cmd.Context(), *g)
			if err != nil {
				return err
			}
			report, err := importFile(cmd.Context(), *g, caller, r.Clock, o)
			if err := errors.Join(err, caller.Close()); err != nil {
				return err
			}
			if g.JSON {
				err = json.NewEncoder(g.Out).Encode(report)
			} else {
				_, err = fmt.Fprintln(g.Out, report.Sentence)
			}
			if err == nil && report.Bad == report.Rows {
				return ErrReported
			}
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&o.Model, "model", "", "the model (default: the only one)")
	f.StringVar(&o.Time, "time", "", "the column that says when (default: a column of times, else the order of the rows)")
	f.StringVar(&o.ID, "id", "", "the column that names each row (default: made from what the row says)")
	f.StringVar(&o.Unit, "unit", "", "the column that names the user or session")
	f.StringVar(&o.Action, "action", "", "the column that says what was done on the answer")
	f.StringVar(&o.Propensity, "propensity", "", "the column with the probability that a label could come of the case")
	return c
}

func serveCommand(r Runner, g *Globals) *cobra.Command {
	listen := ""
	c := &cobra.Command{
		Use: "serve", Short: "serve the models and keep the loop turning",
		Example: "  hone serve\n  hone serve --config /etc/hone --listen 127.0.0.1:9000", Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.Serve(cmd.Context(), *g, listen, func(url string) {
				if g.JSON {
					_, addr, _ := strings.Cut(url, "://")
					json.NewEncoder(g.Out).Encode(map[string]string{"listening": addr})
					return
				}
				fmt.Fprintf(g.Out, "Hone serves on %s (page, REST, Open Inference Protocol). Ctrl-C ends it.\n", url)
			})
		},
	}
	c.Flags().StringVar(&listen, "listen", "", "address to serve on (default: server.listen of the configuration)")
	return c
}

func versionCommand(r Runner, g *Globals) *cobra.Command {
	return &cobra.Command{Use: "version", Short: "print the version of this binary", Example: "  hone version", Args: none,
		RunE: func(*cobra.Command, []string) error {
			if g.JSON {
				return json.NewEncoder(g.Out).Encode(map[string]string{"version": r.Version})
			}
			fmt.Fprintln(g.Out, "hone", r.Version)
			return nil
		}}
}
