package loop

import (
	"context"
	"fmt"
	"slices"
	"time"

	"hone"
	"hone/internal/dataset"
	"hone/internal/frame"
	"hone/internal/monitor"
)

// Joint tells whether a model's newest predictions can be told from the rows that
// its champion was made from, by all features together. It reads both anew, which
// takes up to some seconds.
func (l *Loop) Joint(ctx context.Context, model string) (monitor.Joint, error) {
	k, err := l.keeper(model)
	if err != nil {
		return monitor.Joint{}, err
	}
	v := k.view.Load()
	// A keeper of its own: the model's goes on meanwhile.
	own := &keeper{o: l.o, model: v.Model, champion: v.Champion, log: k.log}
	if own.schemas, err = l.o.Hints.Schemas(ctx, model); err != nil {
		return monitor.Joint{}, err
	}
	return own.tellApart(ctx, v.Drift, l.o.Clock.Now())
}

func (k *keeper) tellApart(ctx context.Context, d monitor.Drift, now time.Time) (monitor.Joint, error) {
	switch {
	case k.champion.ID == "":
		return monitor.Unknowable("there is no champion to compare with", now), nil
	case k.champion.Dataset == "":
		return monitor.Unknowable(fmt.Sprintf("the rows that %s was made from are not kept", k.champion.ID), now), nil
	}
	raw, err := k.o.Blobs.Get(k.champion.Reference)
	if err != nil {
		return monitor.Joint{}, fmt.Errorf("read the reference of %s %s: %w", k.model.Name, k.champion.ID, err)
	}
	ref, err := monitor.ParseReference(raw)
	if err != nil {
		return monitor.Joint{}, err
	}
	rows, err := dataset.Left(k.datasetDir(k.champion.Dataset), k.champion.Signature.Features)
	if err != nil {
		return monitor.Joint{}, err
	}
	ps, err := k.newest(ctx)
	if err != nil {
		return monitor.Joint{}, err
	}
	ps = slices.DeleteFunc(ps, func(p hone.Prediction) bool {
		return p.Route == hone.Imported || !p.Time.After(k.champion.TrainedUntil)
	})
	features := make([][]byte, len(ps))
	for i, p := range ps {
		features[i] = p.Features
	}
	window, err := (frame.Decoder{Target: k.champion.Signature.Features, Schemas: k.schemas}).Frame(features)
	if err != nil {
		return monitor.Joint{}, fmt.Errorf("read predictions of %s: %w", k.model.Name, err)
	}
	return monitor.TellApart(ref, rows, window, d, now), nil
}

// watchJoint tells the newest window apart where the model asks for that, and at
// most once a minute. That it cannot be done now holds nothing up.
func (k *keeper) watchJoint(ctx context.Context, now time.Time) {
	if !k.model.Monitor.Joint || len(k.joint) > 0 && now.Sub(k.joint[0].At).Abs() < estimateStands {
		return
	}
	d, _ := k.monitor.Drift()
	j, err := k.tellApart(ctx, d, now)
	if err != nil {
		k.log.WarnContext(ctx, "features not looked at together", "error", err)
		return
	}
	k.joint = j.Signals(k.model.Name)
}
