package predictor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"hone"
	"hone/internal/frame"
	"hone/internal/learn/linear"
)

const (
	linearFile = "model.json"
	maxLinear  = 1 << 30 // Bytes of model.json.
	chunk      = 1024    // Rows scored between two looks at the context.
)

// builtin is an artefact that is scored in this process.
type builtin struct {
	signature hone.Signature
	model     *linear.Model
}

// WriteLinear writes the artefact of a linear model into dir, which must exist.
// The manifest comes last, so that a folder that has one is whole.
func WriteLinear(dir string, s hone.Signature, m *linear.Model) error {
	b, err := m.Marshal()
	if err != nil {
		return fmt.Errorf("write %s: %w", linearFile, err)
	}
	if err := os.WriteFile(filepath.Join(dir, linearFile), b, 0o600); err != nil {
		return err
	}
	return WriteManifest(dir, Manifest{Format: "linear", Signature: s})
}

// ReadLinear reads what WriteLinear wrote. It refuses an artefact of another
// format, and a model that does not fit its signature.
func ReadLinear(dir string) (*linear.Model, hone.Signature, error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return nil, hone.Signature{}, err
	}
	if m.Format != "linear" {
		return nil, m.Signature, refuse(fmt.Sprintf("its format is %s, not linear", m.Format), "take a linear artefact")
	}
	model, err := readLinear(dir, m.Signature)
	return model, m.Signature, err
}

func readLinear(dir string, s hone.Signature) (*linear.Model, error) {
	b, err := readBounded(filepath.Join(dir, linearFile), maxLinear)
	if err != nil {
		return nil, err
	}
	m, err := linear.Unmarshal(b)
	if err != nil {
		return nil, refuse(linearFile+": "+err.Error(), "train the version again")
	}
	task := map[hone.Task]linear.Task{hone.Binary: linear.Logistic, hone.Multiclass: linear.Softmax, hone.Regression: linear.LeastSquares}[s.Task]
	if m.Options().Task != task || m.Width() != s.Width() || !slices.Equal(m.Schema(), s.Features) {
		return nil, refuse(linearFile+" does not fit the signature", "train the version again")
	}
	return m, nil
}

func openLinear(dir string, m Manifest) (Predictor, error) {
	model, err := readLinear(dir, m.Signature)
	if err != nil {
		return nil, err
	}
	return &builtin{m.Signature, model}, nil
}

func (b *builtin) Signature() hone.Signature { return b.signature }
func (b *builtin) Memory() int64             { return b.model.Size() }
func (b *builtin) Close() error              { return nil }

func (b *builtin) Predict(ctx context.Context, f *frame.Frame) (hone.Scores, error) {
	if err := checkFrame(b.signature, f); err != nil {
		return hone.Scores{}, err
	}
	width := b.signature.Width()
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
	if err := checkScores(b.signature, v); err != nil {
		return hone.Scores{}, fmt.Errorf("score by the linear model: %w", err)
	}
	return hone.Scores{Width: width, V: v}, nil
}

// checkFrame refuses rows of other features than the signature's.
func checkFrame(s hone.Signature, f *frame.Frame) error {
	if len(f.Cols) != len(s.Features) || !slices.Equal(f.Schema, s.Features) {
		return &hone.Error{Code: hone.Invalid, Message: "the rows have other features than the version's signature",
			Hint: "read them by the schema of the version that is asked"}
	}
	return nil
}
