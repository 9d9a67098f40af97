package predictor

import (
	"context"

	"hone"
	"hone/internal/frame"
	"hone/internal/predictor/upstream"
)

// remote is an artefact that a server of somebody else answers for.
type remote struct {
	manifest Manifest
	server   *upstream.Server
}

// held is what connections and buffers take here, roughly; the model itself is held
// elsewhere.
const held = 1 << 20

func openUpstream(ctx context.Context, m Manifest, o Options) (Predictor, error) {
	s, err := upstream.Open(ctx, *m.Upstream, m.Signature, upstream.Options{Allowed: o.Upstreams, Clock: o.Clock, Log: o.Log})
	if err != nil {
		return nil, err
	}
	return &remote{m, s}, nil
}

func (r *remote) Signature() hone.Signature { return r.manifest.Signature }
func (r *remote) Memory() int64             { return held }
func (r *remote) Close() error              { return r.server.Close() }

func (r *remote) Predict(ctx context.Context, f *frame.Frame) (hone.Scores, error) {
	if err := checkFrame(r.manifest.Signature, f); err != nil {
		return hone.Scores{}, err
	}
	scores, err := r.server.Predict(ctx, f)
	if err != nil {
		return hone.Scores{}, err
	}
	if err := checkScores(r.manifest.Signature, scores.V); err != nil {
		return hone.Scores{}, &hone.Error{Code: hone.Unavailable, Message: "ask the upstream " + upstream.Origin(r.manifest.Upstream.URL) + ": " + err.Error(),
			Hint: "mend the upstream, or say under upstream.output where its probabilities are"}
	}
	return scores, nil
}
