// Package registry names versions, says where their files are, and moves the
// aliases by which everything else speaks of them. Whether a version deserves
// an alias is left to gate and rollout.
package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"hone"
	"hone/internal/fault"
	"hone/internal/frame"
	"hone/internal/predictor"
)

// Blobs keeps folders under the hash of what they hold.
type Blobs interface {
	PutDir(src string) (digest string, files []hone.File, err error)
	Dir(digest string) (string, error)
	VerifyDir(digest string, files []hone.File) error
}

// Versions is what the registry reads of the store.
type Versions interface {
	Versions(ctx context.Context, model string) ([]hone.Version, error)
	Version(ctx context.Context, model string, id hone.VersionID) (hone.Version, error)
	AliasHistory(ctx context.Context, model string) ([]hone.AliasMove, error)
}

// Registry finds versions and opens them.
type Registry struct {
	versions Versions
	blobs    Blobs
	open     func(model string) predictor.Options
}

// New returns a registry over a store and a folder of artefacts, which are opened
// with the options of their model.
func New(v Versions, b Blobs, open func(model string) predictor.Options) *Registry {
	return &Registry{versions: v, blobs: b, open: open}
}

// NextID is the number that the model's next version gets. A twin and its refit
// share one, so a twin that was rejected keeps its number to itself.
func (r *Registry) NextID(ctx context.Context, model string) (hone.VersionID, error) {
	all, err := r.versions.Versions(ctx, model)
	if err != nil {
		return "", err
	}
	newest := 0
	for _, v := range all {
		number, _, _ := strings.Cut(string(v.ID), "-")
		if n, err := strconv.Atoi(strings.TrimPrefix(number, "v")); err == nil && n > newest {
			newest = n
		}
	}
	return hone.VersionID("v" + strconv.Itoa(newest+1)), nil
}

// Seal stores an artefact's folder under its hash and fills in the version's
// files and format. The folder's signature must be the version's.
func (r *Registry) Seal(dir string, v hone.Version) (hone.Version, error) {
	if err := fault.At(fault.Collect); err != nil {
		return v, err
	}
	m, err := predictor.ReadManifest(dir)
	if err != nil {
		return v, err
	}
	if err := SameSignature(v.Signature, m.Signature); err != nil {
		return v, err
	}
	v.Format = m.Format
	if err = fault.At(fault.Seal); err == nil {
		v.Artefact, v.Files, err = r.blobs.PutDir(dir)
	}
	if err == nil {
		err = fault.At(fault.Sealed)
	}
	if err != nil {
		return v, fmt.Errorf("store the artefact of %s %s: %w", v.Model, v.ID, err)
	}
	return v, nil
}

// SameSignature fails, and says where, when an artefact does not take or give
// what its model does.
func SameSignature(want, got hone.Signature) error {
	bad := func(what string, w, g any) error {
		return &hone.Error{Code: hone.Invalid,
			Message: fmt.Sprintf("the artefact's %s is %v, the model's %v", what, g, w),
			Hint:    "write hone.json with the signature that schema.json gives"}
	}
	if want.Task != got.Task {
		return bad("task", want.Task, got.Task)
	}
	if !slices.Equal(want.Classes, got.Classes) {
		return bad("list of classes", fmt.Sprintf("%q", want.Classes), fmt.Sprintf("%q", got.Classes))
	}
	if !slices.Equal(want.Features, got.Features) {
		return bad("list of features", want.Features, got.Features)
	}
	return nil
}

// Open checks every file of a version against its hash and opens it.
func (r *Registry) Open(ctx context.Context, model string, id hone.VersionID) (predictor.Predictor, error) {
	v, err := r.versions.Version(ctx, model, id)
	if err != nil {
		return nil, err
	}
	if err := fault.At(fault.OpenVersion); err != nil {
		return nil, fmt.Errorf("open %s %s: %w", model, id, err)
	}
	if err := r.blobs.VerifyDir(v.Artefact, v.Files); err != nil {
		return nil, fmt.Errorf("open %s %s: %w", model, id, err)
	}
	dir, err := r.blobs.Dir(v.Artefact)
	if err != nil {
		return nil, err
	}
	return predictor.Open(ctx, dir, r.open(model))
}

// Snapshots are the versions of a model that learned labels one by one, by their names.
func (r *Registry) Snapshots(ctx context.Context, model string) (map[hone.VersionID]hone.Version, error) {
	all, err := r.versions.Versions(ctx, model)
	out := map[hone.VersionID]hone.Version{}
	for _, v := range all {
		if v.Learned > 0 {
			out[v.ID] = v
		}
	}
	return out, err
}

// Champions are the versions of a model that were champion, each once, the last to
// become it first.
func (r *Registry) Champions(ctx context.Context, model string) (out []hone.VersionID, err error) {
	moves, err := r.versions.AliasHistory(ctx, model)
	for _, m := range slices.Backward(moves) {
		if m.Alias == hone.Champion && m.Version != "" && !slices.Contains(out, m.Version) {
			out = append(out, m.Version)
		}
	}
	return out, err
}

// Dir is the folder of a version's artefact, checked.
func (r *Registry) Dir(v hone.Version) (string, error) {
	if err := r.blobs.VerifyDir(v.Artefact, v.Files); err != nil {
		return "", err
	}
	return r.blobs.Dir(v.Artefact)
}

// Crown moves the aliases when a candidate becomes champion: the champion
// becomes previous, and nothing is under test any more.
func Crown(m string, have map[hone.Alias]hone.VersionID, v hone.VersionID, at time.Time, by string, run hone.RunID, reason string) []hone.AliasMove {
	move := func(a hone.Alias, to hone.VersionID) hone.AliasMove {
		return hone.AliasMove{Model: m, Alias: a, Version: to, At: at, By: by, Run: run, Reason: reason}
	}
	out := []hone.AliasMove{move(hone.Champion, v)}
	if old := have[hone.Champion]; old != "" && old != v {
		out = append(out, move(hone.Previous, old))
	}
	return append(out, cleared(have, move)...)
}

// Dethrone moves the aliases when a former champion takes the traffic back. The
// versions that it is taken from, and those passed over, keep no alias: they must
// not be what the next rollback goes to.
func Dethrone(m string, have map[hone.Alias]hone.VersionID, to hone.VersionID, at time.Time, by string, run hone.RunID, reason string) []hone.AliasMove {
	move := func(a hone.Alias, v hone.VersionID) hone.AliasMove {
		return hone.AliasMove{Model: m, Alias: a, Version: v, At: at, By: by, Run: run, Reason: reason}
	}
	out := []hone.AliasMove{move(hone.Champion, to)}
	if have[hone.Previous] != "" {
		out = append(out, move(hone.Previous, ""))
	}
	return append(out, cleared(have, move)...)
}

// Withdraw clears the aliases of what is under test.
func Withdraw(m string, have map[hone.Alias]hone.VersionID, at time.Time, by string, run hone.RunID, reason string) []hone.AliasMove {
	return cleared(have, func(a hone.Alias, v hone.VersionID) hone.AliasMove {
		return hone.AliasMove{Model: m, Alias: a, Version: v, At: at, By: by, Run: run, Reason: reason}
	})
}

func cleared(have map[hone.Alias]hone.VersionID, move func(hone.Alias, hone.VersionID) hone.AliasMove) (out []hone.AliasMove) {
	for _, a := range []hone.Alias{hone.Candidate, hone.Challenger} {
		if have[a] != "" {
			out = append(out, move(a, ""))
		}
	}
	return out
}

// Score opens the artefact of a model in a folder, asks it about rows, and
// closes it.
func (r *Registry) Score(ctx context.Context, model, dir string, rows *frame.Frame) (hone.Scores, error) {
	p, err := predictor.Open(ctx, dir, r.open(model))
	if err != nil {
		return hone.Scores{}, err
	}
	scores, err := p.Predict(ctx, rows)
	return scores, errors.Join(err, p.Close())
}

// ScoreVersion asks a version that has no alias yet about rows.
func (r *Registry) ScoreVersion(ctx context.Context, v hone.Version, rows *frame.Frame) (hone.Scores, error) {
	dir, err := r.Dir(v)
	if err != nil {
		return hone.Scores{}, err
	}
	return r.Score(ctx, v.Model, dir, rows)
}
