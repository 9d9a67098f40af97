package vault

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"hone"
	"hone/internal/audit"
	"hone/internal/dataset"
	"hone/internal/evaluate"
	"hone/internal/store"
)

// Whom says who is to be forgotten: a unit, which is the user or session that
// predictions name, or predictions by their ids, or both.
type Whom struct {
	Unit  string
	IDs   []hone.PredictionID
	Model string // "" is all of them.
}

// Erase forgets somebody: what their predictions, labels and shadow scores said
// goes from the log, from frozen datasets, from the folders of runs and from the
// data of audit events. It first records that it is to be done, so that a crash
// does not leave it half done: Resume finishes it.
func (v *Vault) Erase(ctx context.Context, w Whom, by string) (hone.Erasure, error) {
	if w.Unit == "" && len(w.IDs) == 0 {
		return hone.Erasure{}, &hone.Error{Code: hone.Invalid, Message: "nobody is named", Hint: "name a user or session with --subject, or predictions with --prediction"}
	}
	v.busy.Lock()
	defer v.busy.Unlock()
	x, err := v.find(ctx, w, by)
	if err != nil {
		return hone.Erasure{}, err
	}
	x, err = v.db.BeginErasure(ctx, x, hone.Event{At: v.clk.Now(), Actor: by, Action: "erasure.begun", Model: x.Model,
		Sentence: "Somebody is to be forgotten.", Data: marshal(map[string]string{"subject": x.Subject})})
	if err != nil {
		return hone.Erasure{}, err
	}
	return v.finish(ctx, x, v.moving)
}

// Resume finishes the erasures that a crash cut short, before any run goes on. Rows
// that a crash left where an owner's metric was asked about them go: that is done anew.
func (v *Vault) Resume(ctx context.Context) error {
	v.busy.Lock()
	defer v.busy.Unlock()
	if err := v.clearCrashed(); err != nil {
		return err
	}
	list, err := v.db.Erasures(ctx)
	if err != nil {
		return err
	}
	for _, x := range list {
		if _, err := v.finish(ctx, x, false); err != nil {
			return err
		}
	}
	return nil
}

// find gathers the ids of all that is to go, before anything does.
func (v *Vault) find(ctx context.Context, w Whom, by string) (store.Erasing, error) {
	x := store.Erasing{By: by, Unit: w.Unit, IDs: w.IDs, Model: w.Model, Found: map[string][]hone.PredictionID{}}
	var salt [16]byte
	if _, err := rand.Read(salt[:]); err != nil {
		return x, err
	}
	x.Subject = Salted(hex.EncodeToString(salt[:]), w)
	marks, err := v.db.Marks(ctx)
	if err != nil {
		return x, err
	}
	if _, ok := marks.Log[w.Model]; w.Model != "" && !ok {
		return x, &hone.Error{Code: hone.NotFound, Message: fmt.Sprintf("nothing is logged of a model %q", w.Model), Hint: "`hone status` lists the models"}
	}
	if err := v.db.Flush(ctx); err != nil {
		return x, err
	}
	for model := range marks.Log {
		if w.Model != "" && w.Model != model {
			continue
		}
		ids := slices.Clone(w.IDs)
		if w.Unit != "" {
			more, err := v.db.Unit(ctx, model, w.Unit)
			if err != nil {
				return x, err
			}
			ids = append(ids, more...)
		}
		// A dataset may have rows that retention has dropped from the log.
		x.Found[model] = ids
	}
	return x, nil
}

// Salted is the hash of who was forgotten, behind its salt and a colon.
func Salted(salt string, w Whom) string {
	b, _ := json.Marshal([]any{salt, w.Unit, append([]hone.PredictionID{}, w.IDs...)})
	sum := sha256.Sum256(b)
	return salt + ":" + hex.EncodeToString(sum[:])
}

// finish does what was recorded. Each part can be done again. Where runs are
// moving, one may have read the rows just before.
func (v *Vault) finish(ctx context.Context, x store.Erasing, moving bool) (hone.Erasure, error) {
	out := hone.Erasure{Subject: x.Subject}
	lost := map[hone.DatasetID]int{}
	for _, model := range slices.Sorted(maps.Keys(x.Found)) {
		n, err := v.db.Forget(ctx, model, x.Found[model])
		if err != nil {
			return out, pending(err)
		}
		m := hone.ErasedModel{Model: model, Predictions: n[0], Feedback: n[1], Shadows: n[2]}
		if moving {
			if err := v.settled(ctx, model); err != nil {
				return out, pending(err)
			}
		}
		datasets, err := v.db.Datasets(ctx, model)
		if err != nil {
			return out, pending(err)
		}
		if m.Datasets, err = v.thin(ctx, x, model, datasets, lost); err != nil {
			return out, pending(err)
		}
		runs, err := v.clearRuns(ctx, model, datasets, lost)
		if err != nil {
			return out, pending(err)
		}
		out.Runs = append(out.Runs, runs...)
		if m.Evidence, err = v.unproven(x, model); err != nil {
			return out, pending(err)
		}
		versions, err := v.trained(ctx, model, x.Found[model], lost)
		if err != nil {
			return out, pending(err)
		}
		out.Versions = append(out.Versions, versions...)
		if m.Predictions+m.Feedback+m.Shadows+len(m.Datasets)+m.Evidence > 0 {
			out.Models = append(out.Models, m)
		}
	}
	var err error
	if out.Payloads, err = v.mentions(ctx, x); err != nil {
		return out, pending(err)
	}
	if out.Backups, err = v.backups(ctx); err != nil {
		return out, pending(err)
	}
	say(&out)
	err = v.db.EndErasure(ctx, x.ID, out.Payloads, lost, hone.Event{At: v.clk.Now(), Actor: x.By, Action: audit.Erased, Model: x.Model,
		Sentence: out.Sentence, Data: marshal(out)})
	return out, err
}

func pending(err error) error {
	return fmt.Errorf("the erasure is not finished, and goes on at the next start: %w", err)
}

// settled waits until no run is reading the rows that were there before.
func (v *Vault) settled(ctx context.Context, model string) error {
	for range 600 {
		open, err := v.db.OpenRuns(ctx)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(open, func(r hone.Run) bool { return r.Model == model && r.State == hone.Collecting }) {
			return nil
		}
		select {
		case <-v.clk.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return &hone.Error{Code: hone.Unavailable, Message: "a run of " + model + " is collecting rows", Hint: "repeat when it has"}
}

// thin takes the rows out of a model's datasets, and adds up how many each has lost.
func (v *Vault) thin(ctx context.Context, x store.Erasing, model string, all []hone.Dataset, lost map[hone.DatasetID]int) ([]hone.DatasetID, error) {
	schemas, err := v.db.Schemas(ctx, model)
	if err != nil {
		return nil, err
	}
	ids := map[hone.PredictionID]bool{}
	for _, id := range x.Found[model] {
		ids[id] = true
	}
	gone := func(id hone.PredictionID, unit string) bool { return ids[id] || unit != "" && unit == x.Unit }
	var touched []hone.DatasetID
	for _, ds := range all {
		dir := filepath.Join(v.dir, "datasets", string(ds.ID))
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		fingerprint, err := strconv.ParseUint(ds.Recipe.Schema, 16, 32)
		schema, known := schemas[uint32(fingerprint)]
		if err != nil || !known {
			return nil, fmt.Errorf("erase from dataset %.12s: its schema %q is not known", ds.ID, ds.Recipe.Schema)
		}
		left, err := dataset.Erase(dir, schema, gone)
		if err != nil {
			return nil, fmt.Errorf("erase from dataset %.12s: %w", ds.ID, err)
		}
		if n := ds.Train + ds.Holdout + ds.Anchor - left; n > ds.Erased {
			lost[ds.ID] = n
			touched = append(touched, ds.ID)
		}
	}
	return touched, nil
}

// unproven drops the evidence of a model's runs that has rows which are to go, and
// returns how many there were. Looks that later ones took the place of are no
// run's any more, so all that is stored is read.
func (v *Vault) unproven(x store.Erasing, model string) (n int, err error) {
	all, err := v.db.Blobs().Digests()
	if err != nil {
		return 0, err
	}
	for _, digest := range all {
		b, err := v.db.Blobs().Get(digest)
		if e, ok := hone.AsError(err); ok && e.Code == hone.NotFound {
			continue // A later look took its place meanwhile.
		}
		if err != nil {
			return n, fmt.Errorf("look for erased rows in what versions were compared by: %w", err)
		}
		if !evaluate.Names(b, model, x.Found[model], x.Unit) {
			continue // Something else is kept here too, such as what drift is compared with.
		}
		if err := v.db.Blobs().Drop(digest); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// trained lists the versions that learned from rows that are gone: of a dataset, or one
// by one.
func (v *Vault) trained(ctx context.Context, model string, gone []hone.PredictionID, lost map[hone.DatasetID]int) ([]hone.ErasedVersion, error) {
	versions, err := v.db.Versions(ctx, model)
	if err != nil {
		return nil, err
	}
	aliases, err := v.db.Aliases(ctx, model)
	if err != nil {
		return nil, err
	}
	learned, err := v.learned(ctx, versions, gone)
	if err != nil {
		return nil, err
	}
	var out []hone.ErasedVersion
	for _, ver := range versions {
		if lost[ver.Dataset] == 0 && !learned(ver) {
			continue
		}
		e := hone.ErasedVersion{Model: model, Version: ver.ID, Dataset: ver.Dataset}
		for _, a := range slices.Sorted(maps.Keys(aliases)) {
			if aliases[a] == ver.ID {
				e.Aliases = append(e.Aliases, a)
			}
		}
		out = append(out, e)
	}
	return out, nil
}

// learned tells of a snapshot whether predictions that are gone may be among those whose
// labels it learned: they were served after what it begins from was trained, and no later
// than the newest that it learned.
func (v *Vault) learned(ctx context.Context, versions []hone.Version, gone []hone.PredictionID) (func(hone.Version) bool, error) {
	begins := map[hone.VersionID]time.Time{}
	var times []time.Time
	for _, ver := range versions {
		begins[ver.ID] = ver.TrainedUntil
		if ver.Learned == 0 || times != nil {
			continue
		}
		for _, id := range gone {
			p, _, err := v.db.Find(ctx, ver.Model, id)
			if e, ok := hone.AsError(err); ok && e.Code == hone.NotFound {
				continue
			}
			if err != nil {
				return nil, err
			}
			times = append(times, p.Time)
		}
	}
	return func(ver hone.Version) bool {
		if ver.Learned == 0 {
			return false
		}
		base, _, _ := strings.Cut(string(ver.ID), "-")
		from := begins[hone.VersionID(base)]
		return slices.ContainsFunc(times, func(at time.Time) bool { return at.After(from) && !at.After(ver.TrainedUntil) })
	}, nil
}

// mentions finds the audit events whose data names who is forgotten.
func (v *Vault) mentions(ctx context.Context, x store.Erasing) ([]int64, error) {
	words := map[string]bool{x.Unit: x.Unit != ""}
	for _, ids := range x.Found {
		for _, id := range ids {
			words[string(id)] = true
		}
	}
	var out []int64
	for e, err := range v.db.Audit(ctx) {
		if err != nil {
			return nil, err
		}
		var data any
		if len(e.Data) > 0 && json.Unmarshal(e.Data, &data) == nil && names(data, "", words) {
			out = append(out, e.Seq)
		}
	}
	return out, nil
}

// names tells whether JSON has one of the words as a text. A word as short as a
// label or a class counts only where an id stands.
func names(data any, key string, words map[string]bool) bool {
	switch v := data.(type) {
	case string:
		return words[v] && (len(v) >= 8 || strings.Contains(key, "id") || strings.Contains(key, "unit"))
	case []any:
		return slices.ContainsFunc(v, func(x any) bool { return names(x, key, words) })
	case map[string]any:
		for k, x := range v {
			if names(x, k, words) || names(k, "id", words) {
				return true
			}
		}
	}
	return false
}

// backups lists the folders of earlier backups that are still there.
func (v *Vault) backups(ctx context.Context) ([]string, error) {
	var out []string
	for e, err := range v.db.Audit(ctx) {
		if err != nil {
			return nil, err
		}
		var b hone.Backup
		if e.Action != BackedUp || json.Unmarshal(e.Data, &b) != nil {
			continue
		}
		if _, err := os.Stat(b.Dest); !errors.Is(err, fs.ErrNotExist) {
			out = append(out, b.Dest)
		}
	}
	return out, nil
}

// say makes the sentences.
func say(e *hone.Erasure) {
	var parts []string
	for _, m := range e.Models {
		part := fmt.Sprintf("%s of %s, with %s and %s, and their rows in %s",
			count(m.Predictions, "prediction"), m.Model, count(m.Feedback, "feedback item"), count(m.Shadows, "shadow score"), count(len(m.Datasets), "frozen dataset"))
		if m.Evidence > 0 {
			part += fmt.Sprintf("; %s between versions that rested on them", count(m.Evidence, "comparison"))
		}
		parts = append(parts, part)
	}
	e.Sentence = "Nothing was found to erase."
	if len(parts) > 0 {
		e.Sentence = "Erased: " + strings.Join(parts, "; ") + "."
	}
	serving := map[string]bool{}
	for _, v := range e.Versions {
		for _, a := range v.Aliases {
			e.Next = append(e.Next, fmt.Sprintf("%s, the %s of %s, was trained on erased rows.", v.Version, a, v.Model))
			serving[v.Model] = true
		}
	}
	for _, model := range slices.Sorted(maps.Keys(serving)) {
		e.Next = append(e.Next, fmt.Sprintf("Retrain without them: hone run %s --reason erasure", model))
	}
	for _, r := range e.Runs {
		e.Next = append(e.Next, fmt.Sprintf("%s is at work, and its folder runs/%s may hold it still: erase again when it has ended.", r, r))
	}
	if len(e.Backups) > 0 {
		e.Next = append(e.Next, "Backups from before are as they were, and may hold it still: "+strings.Join(e.Backups, ", "))
	}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// marshal writes what cannot fail to be written.
func marshal(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("write evidence: %v", err))
	}
	return b
}
