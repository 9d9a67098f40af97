package app

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"hone"
	"hone/internal/cli"
	"hone/internal/clock"
	"hone/internal/op"
	"hone/internal/store"
	"hone/internal/vault"
)

// keeping is the vault as operations see it.
type keeping struct{ *vault.Vault }

func (k keeping) Forget(ctx context.Context, model, unit string, ids []hone.PredictionID, by string) (hone.Erasure, error) {
	return k.Erase(ctx, vault.Whom{Unit: unit, IDs: ids, Model: model}, by)
}

// restore makes a data folder of a backup, or checks one.
func restore(ctx context.Context, g cli.Globals, o cli.RestoreOptions) (cli.RestoreReport, error) {
	if o.Verify {
		m, err := vault.Verify(ctx, o.Backup)
		return cli.RestoreReport{Backup: o.Backup, Files: len(m.Files), Events: m.Audit.Seq, Sentence: m.Say(o.Backup)}, err
	}
	if o.Data == "" {
		c, _, err := load(g.Config)
		if err != nil {
			return cli.RestoreReport{}, err
		}
		o.Data = c.Server.Data
	}
	r, err := vault.Restore(ctx, o.Backup, o.Data, clock.System{}, "owner")
	return cli.RestoreReport{Backup: o.Backup, Data: r.Data, Files: len(r.Manifest.Files), Events: r.Manifest.Audit.Seq, Sentence: r.Sentence}, err
}

// inspect verifies the artefacts in use every hour, so that a damaged one is
// known before a rollback needs it.
func (a *App) inspect(ctx context.Context) {
	for {
		if f := a.artefacts(ctx); !f.OK && ctx.Err() == nil {
			a.o.Log.ErrorContext(ctx, "artefact damaged", "why", f.Sentence)
		}
		select {
		case <-ctx.Done():
			return
		case <-a.o.Clock.After(time.Hour):
		}
	}
}

// artefacts checks every file of the champions and of those that they would be
// rolled back to.
func (a *App) artefacts(ctx context.Context) op.Finding {
	f := op.Finding{Name: "artefacts", OK: true}
	used, err := a.db.Aliased(ctx)
	if err != nil {
		return op.Finding{Name: "artefacts", Sentence: err.Error()}
	}
	whole := 0
	for model, versions := range used {
		// A rollback goes to what is proven on labels, which may be no alias's any more.
		if w, err := a.db.Watch(ctx, model); err == nil && w != nil && w.Proven != "" && !slices.Contains(versions, w.Proven) {
			versions = append(versions, w.Proven)
		}
		for _, id := range versions {
			v, err := a.db.Version(ctx, model, id)
			if err == nil {
				err = a.db.Blobs().VerifyDir(v.Artefact, v.Files)
			}
			if err != nil {
				f.OK = false
				f.Sentence += fmt.Sprintf("%s of %s: %v. ", id, model, err)
				continue
			}
			whole++
		}
	}
	if whole == 1 {
		f.Sentence += "1 version in use has all its files."
		return f
	}
	f.Sentence += fmt.Sprintf("%d versions in use have all their files.", whole)
	return f
}

func (a *App) reserved() op.Finding {
	size, there := a.db.Reserve()
	f := op.Finding{Name: "reserve", OK: there, Sentence: fmt.Sprintf("%.1f MiB of the disk are held back for rollbacks.", float64(size)/(1<<20))}
	switch {
	case size == 0:
		f.Sentence = "Nothing of the disk is held back for rollbacks: no server runs, or `reserve` is 0B."
	case !there:
		f.Sentence = "The disk was full, and the reserve was given up: nothing is logged until there is room for it again. Make room."
	}
	return f
}

func (a *App) schema(ctx context.Context) op.Finding {
	m, err := a.db.Marks(ctx)
	if err != nil {
		return op.Finding{Name: "schema", Sentence: err.Error()}
	}
	return op.Finding{Name: "schema", OK: true, Sentence: fmt.Sprintf("The data folder has schema %d, and days of the log have layout %d: the newest that this program knows.", m.Schema, m.DayLayout)}
}

// backups tells how old the newest backup is. That there is none is no fault:
// the folder may be backed up by other means.
func (a *App) backups(ctx context.Context) op.Finding {
	f := op.Finding{Name: "backup", OK: true, Sentence: "`hone backup` has made none of this folder."}
	head, _, err := a.db.Head(ctx)
	if err != nil {
		return op.Finding{Name: "backup", Sentence: err.Error()}
	}
	for after := max(0, head-1000); ; after = max(0, after-1000) {
		events, err := a.db.Events(ctx, after, "", 1000)
		if err != nil {
			return op.Finding{Name: "backup", Sentence: err.Error()}
		}
		for _, e := range slices.Backward(events) {
			if e.Action != vault.BackedUp {
				continue
			}
			age := a.o.Clock.Now().Sub(e.At)
			f.OK = age < 7*24*time.Hour
			f.Sentence = fmt.Sprintf("The newest backup is %s old.", age.Round(time.Minute))
			return f
		}
		if after == 0 {
			return f
		}
	}
}

// writeToken keeps the owner's token, as a whole or not at all: half a token
// would lock its owner out.
func writeToken(data, token string) error {
	return store.WriteFile(filepath.Join(data, "token"), []byte(token), 0o600)
}

// reserveOf is what the store holds back: only a server that serves needs it.
func reserveOf(o Options) int64 {
	if o.Inline || o.Passive {
		return 0
	}
	return int64(o.Config.Server.Reserve)
}
