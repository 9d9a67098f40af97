package op

import (
	"context"

	"hone"
)

// BackupIn says where a backup goes.
type BackupIn struct {
	Dest string `json:"dest" arg:"path" help:"a folder that does not exist yet, on the server's machine"`
}

// EraseIn says who is to be forgotten.
type EraseIn struct {
	Subject     string   `json:"subject,omitempty" help:"the user or session, as predictions name it in their unit"`
	Predictions []string `json:"prediction,omitempty" help:"a prediction's id; may be given several times"`
	Model       string   `json:"model,omitempty" help:"in this model alone (default: in all)"`
}

// Vault copies the data folder and takes people out of it.
type Vault interface {
	Backup(ctx context.Context, dest, by string) (hone.Backup, error)
	Forget(ctx context.Context, model, unit string, ids []hone.PredictionID, by string) (hone.Erasure, error)
}

func vault() []Operation {
	return []Operation{
		define(Operation{Name: "backup", Method: "POST", Path: "/api/v1/backup", Role: Admin,
			Summary: "copy the whole data folder into a new folder while everything goes on",
			Help: "The copy is consistent, lists the SHA-256 of every file, and appears whole or not\nat all. Files that an earlier backup beside it has are shared with it. It holds the\nowner's token and all that was logged: keep it as safe as the data folder.\n" +
				"`hone restore BACKUP --verify` checks it, `hone restore` brings it back.",
			Example: "hone backup /backups/monday"},
			func(ctx context.Context, s *Service, who Caller, in BackupIn) (hone.Backup, error) {
				return s.Vault.Backup(ctx, in.Dest, who.Name)
			}),
		define(Operation{Name: "erase", Method: "POST", Path: "/api/v1/erase", Role: Admin,
			Summary: "forget somebody: what was logged of them, and their rows in frozen datasets",
			Help:    "Features, scores, units, labels and other feedback go; numbers, times and\nprediction ids stay, so that what is sent again is not stored again. It names the\nversions that were trained on the rows, and the backups that still hold them.",
			Example: "hone erase --subject user-81"},
			func(ctx context.Context, s *Service, who Caller, in EraseIn) (hone.Erasure, error) {
				ids := make([]hone.PredictionID, len(in.Predictions))
				for i, id := range in.Predictions {
					ids[i] = hone.PredictionID(id)
				}
				return s.Vault.Forget(ctx, in.Model, in.Subject, ids, who.Name)
			}),
	}
}
