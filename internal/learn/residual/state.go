package residual

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"hone/internal/frame"
)

const format = "hone.residual.1"

// state is a probe as it is stored. Slots of names that hold nothing are left
// out.
type state struct {
	Format   string  `json:"format"`
	Options  Options `json:"options"`
	Weights  floats  `json:"weights"`
	Gradient floats  `json:"gradient"`
	Slots    []int32 `json:"slots,omitempty"`
	// SlotWeights and SlotGradient stand in the order of Slots.
	SlotWeights  floats  `json:"slot_weights,omitempty"`
	SlotGradient floats  `json:"slot_gradient,omitempty"`
	Touched      []int32 `json:"touched,omitempty"`
	Logs         floats  `json:"logs"`
	Gathered     floats  `json:"gathered"`
	Trained      int     `json:"trained"`
	Total        floats  `json:"total"`
	Middle       floats  `json:"middle"`
	Length       float64 `json:"length"`
	Squares      float64 `json:"squares"`
	Variance     float64 `json:"variance"`
	Moves        int     `json:"moves"`
	Centre       float64 `json:"centre"`
	Seen         int     `json:"seen"`
}

// floats are stored as 8 bytes each, little endian, in base64.
type floats []float64

func (x floats) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 8*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return json.Marshal(b)
}

func (x *floats) UnmarshalJSON(text []byte) error {
	var b []byte
	if err := json.Unmarshal(text, &b); err != nil {
		return err
	}
	if len(b)%8 != 0 {
		return errors.New("numbers are cut short")
	}
	*x = make(floats, len(b)/8)
	for i := range *x {
		(*x)[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return nil
}

// Marshal writes the probe's state. A probe that is read back from it goes on as
// this one would, bit for bit. One that has a guest is refused.
func (p *Probe) Marshal() ([]byte, error) {
	if p.guest != nil {
		return nil, errors.New("a probe with a guest cannot be stored")
	}
	s := state{
		Format: format, Options: p.o, Weights: p.dense.w, Gradient: p.dense.g, Touched: p.touched,
		Logs: p.logs[:host], Gathered: p.gathered[:host], Trained: p.trained, Total: p.total, Middle: p.middle, Length: p.length, Squares: p.squares,
		Variance: p.variance, Moves: p.moves, Centre: p.centre, Seen: p.seen,
	}
	for at := range p.marked {
		w, g := p.names.slot(at, p.stride)
		if p.marked[at] || !zero(w) || !zero(g) {
			s.Slots = append(s.Slots, int32(at))
			s.SlotWeights = append(s.SlotWeights, w...)
			s.SlotGradient = append(s.SlotGradient, g...)
		}
	}
	return json.Marshal(s)
}

// slot returns the weights and the gradients of one slot.
func (w *weights) slot(at, stride int) ([]float64, []float64) {
	return w.w[at*stride : (at+1)*stride], w.g[at*stride : (at+1)*stride]
}

func zero(xs []float64) bool {
	for _, x := range xs {
		if x != 0 {
			return false
		}
	}
	return true
}

// Unmarshal reads what Marshal wrote. It refuses, saying why, what is cut short,
// of another format, or not finite.
func Unmarshal(b []byte) (*Probe, error) {
	var s state
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("read probe: %w", err)
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("read probe: %w", err)
	}
	p := New(s.Options)
	if err := s.fill(p); err != nil {
		return nil, fmt.Errorf("read probe: %w", err)
	}
	return p, nil
}

// check looks at what must hold before memory is set aside for the probe.
func (s *state) check() error {
	o := s.Options
	if s.Format != format {
		return fmt.Errorf("format is %q, want %q", s.Format, format)
	}
	if o.Task != Binary && o.Task != Multiclass && o.Task != Regression {
		return fmt.Errorf("task %q is not known", o.Task)
	}
	for _, f := range o.Schema {
		if f.Kind != frame.Number && f.Kind != frame.Category && f.Kind != frame.Text {
			return fmt.Errorf("field %q is of kind %q, which is not known", f.Name, f.Kind)
		}
	}
	// Each output has a constant at least, so the weights bound the outputs.
	if o.Width < 1 || o.Width > len(s.Weights)/experts || o.Width != 1 && o.Task != Multiclass {
		return fmt.Errorf("%d scores a row do not fit %d weights", o.Width, len(s.Weights))
	}
	if !finite(s.Weights) || !finite(s.Gradient) || !finite(s.SlotWeights) || !finite(s.SlotGradient) ||
		!finite(s.Total) || !finite(s.Middle) || !finite(s.Logs) || !finite(s.Gathered) || !finite([]float64{s.Length, s.Squares, s.Variance, s.Centre}) {
		return errors.New("the state holds numbers that are not finite")
	}
	if s.Variance <= 0 || s.Trained < 0 || s.Trained >= Minibatch || s.Moves < 0 || s.Seen < 0 {
		return errors.New("the state's counts cannot be")
	}
	return nil
}

// fill puts the state into a new probe.
func (s *state) fill(p *Probe) error {
	if len(s.Weights) != len(p.dense.w) || len(s.Gradient) != len(p.dense.w) ||
		len(s.Total) != len(p.total) || len(s.Middle) != len(p.total) || len(s.Logs) != host || len(s.Gathered) != host ||
		len(s.SlotWeights) != p.stride*len(s.Slots) || len(s.SlotGradient) != len(s.SlotWeights) {
		return errors.New("the numbers do not fit the schema")
	}
	copy(p.dense.w, s.Weights)
	copy(p.dense.g, s.Gradient)
	copy(p.total, s.Total)
	copy(p.middle, s.Middle)
	copy(p.logs[:], s.Logs)
	copy(p.gathered[:], s.Gathered)
	for i, at := range s.Slots {
		if at < 0 || int(at) >= len(p.marked) {
			return fmt.Errorf("there is no slot %d", at)
		}
		w, g := p.names.slot(int(at), p.stride)
		copy(w, s.SlotWeights[i*p.stride:])
		copy(g, s.SlotGradient[i*p.stride:])
	}
	for _, at := range s.Touched {
		if at < 0 || int(at) >= len(p.marked) || p.marked[at] {
			return fmt.Errorf("slot %d cannot have been touched", at)
		}
		p.marked[at] = true
		p.touched = append(p.touched, at)
	}
	p.trained, p.length, p.squares, p.variance = s.Trained, s.Length, s.Squares, s.Variance
	p.moves, p.centre, p.seen = s.Moves, s.Centre, s.Seen
	p.weigh()
	return nil
}
