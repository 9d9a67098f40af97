// Package predictor opens an artefact so that it can be asked: models built in,
// programs that serve the Open Inference Protocol, and servers of others. Which
// version is asked when is left to the gateway.
package predictor

import (
	"context"

	"hone"
	"hone/internal/frame"
	"hone/internal/learn/calibrate"
	"hone/internal/predictor/upstream"
)

// Predictor is an artefact that can be asked. It is safe for concurrent use.
type Predictor interface {
	// Predict scores the rows of f, whose schema equals Signature().Features. It
	// fails rather than return a score that is not finite.
	Predict(ctx context.Context, f *frame.Frame) (hone.Scores, error)
	Signature() hone.Signature
	// Memory is what the artefact holds while it is open, in bytes.
	Memory() int64
	// Close frees what it holds. It is called once, after the last Predict.
	Close() error
}

// Manifest is the file hone.json of an artefact.
type Manifest struct {
	// Format is linear, gbdt, lightgbm, xgboost, onnx, process or upstream.
	Format    string         `json:"format"`
	Signature hone.Signature `json:"signature"`
	// Command starts the server of a process artefact, in the artefact's folder.
	// The first word {python} stands for the Python that Hone finds.
	Command []string `json:"command,omitempty"`
	// Upstream is the server of an upstream artefact.
	Upstream *upstream.Spec `json:"upstream,omitempty"`
	// ONNX fits an onnx artefact's model to the signature.
	ONNX *ONNX `json:"onnx,omitempty"`
	// Calibration turns the scores of a binary model into the shares of cases that
	// they stand for; nil leaves them as they are.
	Calibration *calibrate.Map `json:"calibration,omitempty"`
}

// ManifestName is the manifest's file name in the artefact's folder.
const ManifestName = "hone.json"
