package linear

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"hone/internal/learn/encode"
)

const learnerFormat = "hone.linear.learner.1"

// state is a learner as it is stored.
type state struct {
	Format      string          `json:"format"`
	Options     Options         `json:"options"`
	WarmStarted bool            `json:"warm_started"`
	Steps       int             `json:"steps"`
	Loss        float64         `json:"loss"`
	Seen        int             `json:"seen"`
	Total       float64         `json:"total_weight"`
	Mean        float64         `json:"target_mean,omitempty"`
	SD          float64         `json:"target_sd"`
	Encoder     *encode.Encoder `json:"encoder"`
	// Slots in the order of their places; when each was met, where L1 asks; and the
	// cells of all. Numbers have 4 bytes each, little endian.
	Slots words `json:"slots"`
	Born  words `json:"born,omitempty"`
	Cells words `json:"cells"`
}

// words are numbers of 32 bits, stored in base64.
type words []uint32

func (w words) MarshalText() ([]byte, error) {
	b := make([]byte, 0, 4*len(w))
	for _, v := range w {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return base64.StdEncoding.AppendEncode(nil, b), nil
}

func (w *words) UnmarshalText(text []byte) error {
	b, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil {
		return err
	}
	if len(b)%4 != 0 {
		return errors.New("numbers are cut short")
	}
	*w = make(words, len(b)/4)
	for i := range *w {
		(*w)[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return nil
}

// Marshal writes the learner's state. A learner that is read back from it goes on as
// this one would, bit for bit. A learner that has diverged is refused.
func (l *Learner) Marshal() ([]byte, error) {
	s := state{
		Format: learnerFormat, Options: l.options, WarmStarted: l.warmStarted, Steps: l.steps, Loss: l.loss,
		Seen: l.seen, Total: l.total, Mean: l.mean, SD: l.sd, Encoder: l.encoder,
		Slots: make(words, len(l.slot)), Cells: make(words, len(l.cells)),
	}
	for i, v := range l.slot {
		s.Slots[i] = uint32(v)
	}
	for i, v := range l.cells {
		if v-v != 0 {
			return nil, fmt.Errorf("write linear learner: %w", errDiverged)
		}
		s.Cells[i] = math.Float32bits(v)
	}
	if l.l1 > 0 {
		s.Born = make(words, len(l.born))
		for i, v := range l.born {
			s.Born[i] = uint32(v)
		}
	}
	return json.Marshal(s)
}

// UnmarshalLearner reads what Learner.Marshal wrote. It refuses, saying why, what is
// cut short, of another format, or not finite.
func UnmarshalLearner(b []byte) (*Learner, error) {
	var s state
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("read linear learner: %w", err)
	}
	if s.Format != learnerFormat {
		return nil, fmt.Errorf("read linear learner: format is %q, want %q", s.Format, learnerFormat)
	}
	outputs, err := s.check()
	if err != nil {
		return nil, fmt.Errorf("read linear learner: %w", err)
	}
	l := &Learner{
		options: s.Options, encoder: s.Encoder, warmStarted: s.WarmStarted, loss: s.Loss, seen: s.Seen, total: s.Total,
		solver: newSolver(s.Options, s.Encoder.Width()+1, outputs),
	}
	l.steps, l.mean, l.sd = s.Steps, s.Mean, s.SD
	if err := s.fill(l); err != nil {
		return nil, fmt.Errorf("read linear learner: %w", err)
	}
	return l, nil
}

// check looks at what must hold before memory is set aside, and returns the number
// of outputs.
func (s *state) check() (int, error) {
	outputs, err := checkHead(s.Options, s.Encoder, s.Mean, s.SD)
	switch {
	case err != nil:
		return 0, err
	case float64(s.Encoder.Width()+1)*float64(outputs) > maxWeights:
		return 0, errors.New("there are too many weights")
	case s.Steps < 0 || s.Steps > math.MaxUint32 || s.Seen < 1 || !(s.Total > 0 && s.Total <= maxTarget):
		return 0, fmt.Errorf("%d steps over %d rows of weight %v cannot be", s.Steps, s.Seen, s.Total)
	}
	return outputs, nil
}

// fill puts the places and the cells into a new learner.
func (s *state) fill(l *Learner) error {
	if len(s.Slots) == 0 || int(s.Slots[0]) != len(l.of)-1 || len(s.Cells) != len(s.Slots)*l.stride {
		return fmt.Errorf("%d numbers for %d slots do not fit the encoder", len(s.Cells), len(s.Slots))
	}
	if l.l1 > 0 && len(s.Born) != len(s.Slots) {
		return fmt.Errorf("%d slots, but %d are said to be met", len(s.Slots), len(s.Born))
	}
	for i, slot := range s.Slots {
		if int(slot) >= len(l.of) || int(l.place(int32(slot))) != i {
			return fmt.Errorf("slot %d cannot stand where it does", slot)
		}
	}
	l.grow()
	for i := range s.Born {
		if l.born[i] = int(s.Born[i]); l.born[i] > l.steps {
			return fmt.Errorf("slot %d is met later than now", s.Slots[i])
		}
	}
	for i, bits := range s.Cells {
		v := math.Float32frombits(bits)
		if v-v != 0 || i%l.stride == l.k && v < 0 {
			return fmt.Errorf("number %d of slot %d is %v", i%l.stride, s.Slots[i/l.stride], v)
		}
		l.cells[i] = v
	}
	return nil
}
