package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
)

// RestoreOptions are those of hone restore.
type RestoreOptions struct {
	Backup, Data string
	Verify       bool
}

// RestoreReport says what a restore, or the check of a backup, came to.
type RestoreReport struct {
	Backup   string `json:"backup"`
	Data     string `json:"data,omitempty"`
	Files    int    `json:"files"`
	Events   int64  `json:"events"`
	Sentence string `json:"sentence"`
}

func restoreCommand(r Runner, g *Globals) *cobra.Command {
	o := RestoreOptions{}
	c := &cobra.Command{
		Use: "restore BACKUP", Short: "make a data folder of a backup, or check one",
		Long: `Checks every file of the backup against its hash, every database, the audit chain,
and that each version in use is there; then makes the data folder of it: all of it,
or nothing. A folder that is not empty is refused. Fence, plan tokens and the log's
numbers go on far ahead of where the backup had them, and an audit event says so.`,
		Example: "  hone restore /backups/monday --verify\n  hone restore /backups/monday --data hone-data",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return takes(c, args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Backup = args[0]
			report, err := r.Restore(cmd.Context(), *g, o)
			if err != nil {
				return err
			}
			if g.JSON {
				return json.NewEncoder(g.Out).Encode(report)
			}
			_, err = fmt.Fprintln(g.Out, report.Sentence)
			return err
		},
	}
	c.Flags().StringVar(&o.Data, "data", "", "the folder to make (default: server.data of the configuration)")
	c.Flags().BoolVar(&o.Verify, "verify", false, "only check the backup")
	return c
}
