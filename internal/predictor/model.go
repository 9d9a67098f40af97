package predictor

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hone"
	"hone/internal/frame"
	"hone/internal/learn/gbdt"
	"hone/internal/learn/linear"
)

const (
	maxModel = 1 << 30 // Bytes of a model's file.
	chunk    = 1024    // Rows scored between two looks at the context.
)

// scorer is a model of a learner of ours.
type scorer interface {
	// Predict writes Width scores for each row of f, whose schema is Schema.
	Predict(f *frame.Frame, out []float64)
	Width() int
	Schema() frame.Schema
	Size() int64
}

// format is a kind of model that is scored in this process.
type format struct {
	file string // In the artefact's folder.
	read func(b []byte, s hone.Signature) (scorer, error)
}

// formats of models that are scored in this process. gbdt is what Hone's own trees
// are written in; it is LightGBM's text.
var formats = map[string]format{
	"linear":   {"model.json", readLinear},
	"gbdt":     {"model.txt", readTrees(gbdt.Unmarshal)},
	"lightgbm": {"model.txt", readTrees(gbdt.Unmarshal)},
	"xgboost":  {"model.json", readTrees(gbdt.UnmarshalXGBoost)},
}

// ModelFile is the name of the file in which an artefact of a format keeps its
// model, or empty for one that is not scored in this process.
func ModelFile(name string) string { return formats[name].file }

// builtin is an artefact that is scored in this process.
type builtin struct {
	manifest Manifest
	model    scorer
}

// WriteModel writes the artefact of a model into dir, which must exist: the model as
// its learner marshals it, in the file of m's format, and the manifest last, so that
// a folder that has one is whole.
func WriteModel(dir string, m Manifest, model interface{ Marshal() ([]byte, error) }) error {
	f, ok := formats[m.Format]
	if !ok {
		return refuse(fmt.Sprintf("a model of format %q is not scored in this process", m.Format), "take one of "+inProcess())
	}
	b, err := model.Marshal()
	if err != nil {
		return fmt.Errorf("write %s: %w", f.file, err)
	}
	if err := os.WriteFile(filepath.Join(dir, f.file), b, 0o600); err != nil {
		return err
	}
	return WriteManifest(dir, m)
}

// WriteLinear is WriteModel for a linear model.
func WriteLinear(dir string, s hone.Signature, m *linear.Model) error {
	return WriteModel(dir, Manifest{Format: "linear", Signature: s}, m)
}

// ReadLinear reads a linear model. It refuses an artefact of another format, and a
// model that does not fit its signature.
func ReadLinear(dir string) (*linear.Model, hone.Signature, error) {
	return readAs[*linear.Model](dir, "linear")
}

// ReadTrees reads a model that Hone's own trees were written to.
func ReadTrees(dir string) (*gbdt.Model, hone.Signature, error) {
	return readAs[*gbdt.Model](dir, "gbdt")
}

func readAs[T scorer](dir, name string) (model T, s hone.Signature, err error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return model, s, err
	}
	if m.Format != name {
		return model, m.Signature, refuse(fmt.Sprintf("its format is %s, not %s", m.Format, name), "take an artefact of the trainer "+name)
	}
	read, err := readModel(dir, m)
	if err != nil {
		return model, m.Signature, err
	}
	return read.(T), m.Signature, nil
}

func readModel(dir string, m Manifest) (scorer, error) {
	f := formats[m.Format]
	b, err := readBounded(filepath.Join(dir, f.file), maxModel)
	if err != nil {
		return nil, err
	}
	model, err := f.read(b, m.Signature)
	if err != nil {
		return nil, refuse(f.file+": "+err.Error(), "write the artefact again")
	}
	if model.Width() != m.Signature.Width() || !slices.Equal(model.Schema(), m.Signature.Features) {
		return nil, refuse(f.file+" does not fit the signature", "write the artefact again")
	}
	return model, nil
}

func readLinear(b []byte, s hone.Signature) (scorer, error) {
	m, err := linear.Unmarshal(b)
	if err != nil {
		return nil, err
	}
	return m, sameTask(s, map[linear.Task]hone.Task{linear.Logistic: hone.Binary, linear.Softmax: hone.Multiclass, linear.LeastSquares: hone.Regression}[m.Options().Task])
}

func readTrees(unmarshal func([]byte, frame.Schema) (*gbdt.Model, error)) func([]byte, hone.Signature) (scorer, error) {
	return func(b []byte, s hone.Signature) (scorer, error) {
		m, err := unmarshal(b, s.Features)
		if err != nil {
			return nil, err
		}
		return m, sameTask(s, map[gbdt.Task]hone.Task{gbdt.Logistic: hone.Binary, gbdt.Softmax: hone.Multiclass, gbdt.LeastSquares: hone.Regression}[m.Options().Task])
	}
}

func sameTask(s hone.Signature, got hone.Task) error {
	if s.Task != got {
		return fmt.Errorf("the model is for the task %s, the signature for %s", got, s.Task)
	}
	return nil
}

func openModel(dir string, m Manifest) (Predictor, error) {
	model, err := readModel(dir, m)
	if err != nil {
		return nil, err
	}
	return &builtin{m, model}, nil
}

func (b *builtin) Signature() hone.Signature { return b.manifest.Signature }
func (b *builtin) Memory() int64             { return b.model.Size() }
func (b *builtin) Close() error              { return nil }

func (b *builtin) Predict(ctx context.Context, f *frame.Frame) (hone.Scores, error) {
	s := b.manifest.Signature
	if err := checkFrame(s, f); err != nil {
		return hone.Scores{}, err
	}
	width := s.Width()
	v := make([]float64, f.N*width)
	for from := 0; from < f.N; from += chunk {
		if ctx.Err() != nil {
			return hone.Scores{}, context.Cause(ctx)
		}
		to := min(from+chunk, f.N)
		part := f
		if to-from < f.N {
			part = f.Slice(from, to)
		}
		b.model.Predict(part, v[from*width:to*width])
	}
	if err := checkScores(s, v); err != nil {
		return hone.Scores{}, fmt.Errorf("score by the %s model: %w", b.manifest.Format, err)
	}
	return hone.Scores{Width: width, V: v}, nil
}

// inProcess lists the formats that are scored in this process.
func inProcess() string { return strings.Join(slices.Sorted(maps.Keys(formats)), ", ") }

// checkFrame refuses rows of other features than the signature's.
func checkFrame(s hone.Signature, f *frame.Frame) error {
	if len(f.Cols) != len(s.Features) || !slices.Equal(f.Schema, s.Features) {
		return &hone.Error{Code: hone.Invalid, Message: "the rows have other features than the version's signature",
			Hint: "read them by the schema of the version that is asked"}
	}
	return nil
}
