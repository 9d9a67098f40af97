package cli

import (
	"context"
	"fmt"

	"hone"
	"hone/internal/op"
)

// lookFirst finds the artefact that an approval is for where it was not named,
// and shows it, so that what is approved is what was seen.
func lookFirst(ctx context.Context, g *Globals, caller Caller, in any) error {
	approve, ok := in.(*op.ApproveIn)
	if !ok || approve.Artefact != "" {
		return nil
	}
	run, err := ask[hone.Run](ctx, caller, "show", &op.RunIn{Run: approve.Run})
	if err != nil {
		return err
	}
	list, err := ask[op.VersionList](ctx, caller, "versions", &op.ModelIn{Model: run.Model})
	if err != nil {
		return err
	}
	for _, v := range list.Versions {
		if v.ID == run.Candidate {
			approve.Artefact = v.Artefact
			if !g.JSON {
				fmt.Fprintf(g.Err, "The candidate of %s is %s, artefact %s.\n", run.ID, v.ID, v.Artefact)
			}
			return nil
		}
	}
	return &hone.Error{Code: hone.Conflict, Message: string(run.ID) + " has no candidate to approve", Hint: "`hone show " + string(run.ID) + "` says where it stands"}
}

// ask calls an operation by its name.
func ask[O any](ctx context.Context, caller Caller, name string, in any) (O, error) {
	o, _ := op.Find(name)
	out, err := caller.Call(ctx, o, in)
	if err != nil {
		var none O
		return none, err
	}
	return out.(O), nil
}
