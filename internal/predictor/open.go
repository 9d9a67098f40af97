package predictor

import (
	"context"
	"log/slog"

	"hone"
	"hone/internal/clock"
	"hone/internal/frame"
	"hone/internal/learn/calibrate"
	"hone/internal/predictor/upstream"
	"hone/internal/sandbox"
)

// Options for Open. The zero value logs nothing and takes the machine's clock.
type Options struct {
	Log    *slog.Logger
	Clock  clock.Clock // Times the restarts of a process that died.
	Python string      // For {python}; empty to look for one.
	ONNX   Runtime     // For the format onnx.
	// Box says what the server of a process artefact may do besides reading its
	// folder and listening on its port.
	Box sandbox.Spec
	// Upstreams lists the servers that an upstream artefact may name, as it stands at
	// the moment. Unset: none.
	Upstreams func() []upstream.Allowed
}

// Open opens the artefact in dir, which must stay as it is until the predictor
// is closed. A process or onnx artefact is started and awaited until it is ready, at
// most 60 seconds; an upstream must be well.
func Open(ctx context.Context, dir string, o Options) (Predictor, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	m, err := ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	p, err := openFormat(ctx, dir, m, o)
	if err != nil || m.Calibration == nil {
		return p, err
	}
	return calibrated{p, *m.Calibration}, nil
}

func openFormat(ctx context.Context, dir string, m Manifest, o Options) (Predictor, error) {
	if m.inProcess() {
		return openModel(dir, m)
	}
	if m.Format == "onnx" {
		return openONNX(ctx, dir, m, o)
	}
	if m.Upstream != nil {
		return openUpstream(ctx, m, o)
	}
	return openProcess(ctx, dir, m, o)
}

// calibrated is an artefact whose scores are mapped to what they stand for.
type calibrated struct {
	Predictor
	calibration calibrate.Map
}

func (c calibrated) Predict(ctx context.Context, f *frame.Frame) (hone.Scores, error) {
	scores, err := c.Predictor.Predict(ctx, f)
	if err != nil {
		return scores, err
	}
	for i, s := range scores.V {
		scores.V[i] = c.calibration.Apply(s)
	}
	return scores, nil
}
