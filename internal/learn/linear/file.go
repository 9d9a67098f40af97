package linear

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"hone/internal/learn/encode"
)

const format = "hone.linear.1"

// file is a model as it is stored.
type file struct {
	Format      string          `json:"format"`
	Options     Options         `json:"options"`
	WarmStarted bool            `json:"warm_started"`
	Steps       int             `json:"steps"`
	Loss        float64         `json:"loss"`
	Mean        float64         `json:"target_mean,omitempty"`
	SD          float64         `json:"target_sd"`
	Encoder     *encode.Encoder `json:"encoder"`
	// Weights as 4 bytes each, little endian.
	Weights []byte `json:"weights"`
}

// Marshal writes the model as JSON. Equal models give equal bytes.
func (m *Model) Marshal() ([]byte, error) {
	b := make([]byte, 0, 4*len(m.weights))
	for _, w := range m.weights {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(w))
	}
	return json.Marshal(file{
		Format: format, Options: m.options, WarmStarted: m.WarmStarted, Steps: m.Steps, Loss: m.Loss,
		Mean: m.mean, SD: m.sd, Encoder: m.encoder, Weights: b,
	})
}

// Unmarshal reads what Marshal wrote. It refuses, saying why, what is cut
// short, of another format, or not finite.
func Unmarshal(b []byte) (*Model, error) {
	var f file
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("read linear model: %w", err)
	}
	if f.Format != format {
		return nil, fmt.Errorf("read linear model: format is %q, want %q", f.Format, format)
	}
	m, err := f.model()
	if err != nil {
		return nil, fmt.Errorf("read linear model: %w", err)
	}
	return m, nil
}

func (f *file) model() (*Model, error) {
	outputs, err := checkHead(f.Options, f.Encoder, f.Mean, f.SD)
	if err != nil {
		return nil, err
	}
	if n := 4 * (f.Encoder.Width() + 1) * outputs; len(f.Weights) != n {
		return nil, fmt.Errorf("there are %d bytes of weights, want %d", len(f.Weights), n)
	}
	m := newModel(f.Options, f.Encoder, outputs)
	m.WarmStarted, m.Steps, m.Loss, m.mean, m.sd = f.WarmStarted, f.Steps, f.Loss, f.Mean, f.SD
	m.weights = make([]float32, len(f.Weights)/4)
	for i := range m.weights {
		w := math.Float32frombits(binary.LittleEndian.Uint32(f.Weights[4*i:]))
		if w-w != 0 {
			return nil, fmt.Errorf("weight %d is not finite", i)
		}
		m.weights[i] = w
	}
	return m, nil
}

// checkHead refuses what no fit leaves, and returns the number of outputs.
func checkHead(o Options, e *encode.Encoder, mean, sd float64) (outputs int, err error) {
	if err := o.check(); err != nil {
		return 0, err
	}
	outputs = 1
	if o.Task == Softmax {
		outputs = o.Classes
	}
	switch {
	case e == nil:
		return 0, errors.New("there is no encoder")
	case outputs < 1 || outputs > maxWeights:
		return 0, fmt.Errorf("there are %d classes", outputs)
	case o.Task == Softmax && outputs < 2:
		return 0, errors.New("a softmax has at least 2 classes")
	case !(math.Abs(mean) <= maxTarget) || !(sd > 0 && sd <= maxTarget):
		return 0, fmt.Errorf("targets have mean %v and spread %v", mean, sd)
	}
	return outputs, nil
}
