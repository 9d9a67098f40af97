package predictor

import (
	"context"
	"log/slog"

	"hone/internal/clock"
	"hone/internal/sandbox"
)

// Options for Open. The zero value logs nothing and takes the machine's clock.
type Options struct {
	Log    *slog.Logger
	Clock  clock.Clock // Times the restarts of a process that died.
	Python string      // For {python}; empty to look for one.
	// Box says what the server of a process artefact may do besides reading its
	// folder and listening on its port.
	Box sandbox.Spec
}

// Open opens the artefact in dir, which must stay as it is until the predictor
// is closed. A process artefact is started and awaited until it is ready, at
// most 60 seconds.
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
	if m.Format == "linear" {
		return openLinear(dir, m)
	}
	return openProcess(ctx, dir, m, o)
}
