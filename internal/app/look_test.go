package app_test

import (
	"hone/internal/evaluate"
	"hone/internal/store"
)

// tidy holds that nothing is kept of a run's looks but the last: each has all rows
// of the one before, and nobody would find them again.
func (w *world) tidy() {
	w.t.Helper()
	runs, err := w.allRuns()
	if err != nil {
		w.t.Fatal(err)
	}
	used := map[string]bool{}
	for _, r := range runs {
		if r.Evaluation != nil {
			used[r.Evaluation.Evidence] = true
		}
		if r.Rollout != nil {
			used[r.Rollout.Evidence] = true
		}
	}
	v, err := w.app.Loop().View(model)
	if err != nil {
		w.t.Fatal(err)
	}
	if v.Watch != nil {
		used[v.Watch.Evidence] = true
	}
	blobs := store.ReadBlobs(w.config.Server.Data)
	all, err := blobs.Digests()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, digest := range all {
		b, err := blobs.Get(digest)
		if err != nil {
			w.t.Fatal(err)
		}
		if ev, err := evaluate.ReadEvidence(b); err == nil && !used[digest] {
			w.t.Errorf("%.12s is no run's evidence any more: %d rows after %d looks", digest, len(ev.Keys), len(ev.Looks)+1)
		}
	}
}
