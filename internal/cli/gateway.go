package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
)

// gatewayCommand answers predictions beside a server, or without one.
func gatewayCommand(r Runner, g *Globals) *cobra.Command {
	o := GatewayOptions{}
	c := &cobra.Command{
		Use: "gateway", Short: "answer predictions in a process of its own, which stands when `hone serve` falls",
		Long: `A gateway answers predictions from the plans and artefacts in the data folder. What
it serves it keeps in a spool of its own, which hone serve drains into the log. While
hone serve is down, the gateway goes on by its last plan, also through a restart.`,
		Example: "  hone gateway\n  hone gateway --name gw2 --listen 127.0.0.1:8422", Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.Gateway(cmd.Context(), *g, o, func(addr string) {
				if g.JSON {
					json.NewEncoder(g.Out).Encode(map[string]string{"listening": addr, "gateway": o.Name})
					return
				}
				fmt.Fprintf(g.Out, "Gateway %s answers predictions on http://%s. Ctrl-C ends it.\n", o.Name, addr)
			})
		},
	}
	c.Flags().StringVar(&o.Listen, "listen", "127.0.0.1:8421", "address to serve on")
	c.Flags().StringVar(&o.Name, "name", "gw1", "name of this gateway: of its spool, and at the front of the ids that it makes")
	c.AddCommand(rollbackCommand(r, g))
	return c
}

// rollbackCommand is the way back when the server is dead.
func rollbackCommand(r Runner, g *Globals) *cobra.Command {
	reason := ""
	c := &cobra.Command{
		Use: "rollback MODEL", Short: "roll a model back while no server runs",
		Long: `Does what hone rollback asks of a server, without one: it takes the data folder for a
moment, commits the rollback with its audit event as the owner, and leaves the plan for
the gateways, which obey it within a second. It is refused while a server has the
folder, also one that hangs: end that first.`,
		Example: "  hone gateway rollback fraud --reason 'complaints since noon'",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return takes(c, args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			sentence, err := r.Rollback(cmd.Context(), *g, args[0], reason)
			if err != nil {
				return err
			}
			if g.JSON {
				return json.NewEncoder(g.Out).Encode(map[string]string{"sentence": sentence})
			}
			_, err = fmt.Fprintln(g.Out, sentence)
			return err
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for the audit")
	return c
}
