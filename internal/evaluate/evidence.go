package evaluate

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"hone"
	"hone/internal/frame"
)

// Evidence is all that an evaluation reads of its rows, in the order in which
// they were looked at, so that it can be had again to the bit. Rows are only ever
// added, each look behind those before it. It names no prediction and no user:
// both stand there as salted hashes.
type Evidence struct {
	Format int `json:"format"`
	// Model as far as candidates are judged by it.
	Model     hone.Model `json:"model"`
	Salt      string     `json:"salt"`
	Candidate Party      `json:"candidate"`
	Champion  *Party     `json:"champion,omitempty"`
	// Looks are the numbers of rows that there were at each look before the last.
	Looks   []int    `json:"looks"`
	Keys    []uint64 `json:"keys"`
	Units   []uint64 `json:"units,omitempty"` // 0 where a row is nobody's.
	Labels  []string `json:"labels"`
	Weights numbers  `json:"weights,omitempty"`
	Prices  numbers  `json:"prices"`
	// Slices are the values of the features that the model is sliced by.
	Slices map[string][]string `json:"slices,omitempty"`
	// Eras are former times, each with rows of its own.
	Eras     []Past    `json:"eras,omitempty"`
	Shuffled *Shuffled `json:"permuted_twin,omitempty"`
	// Asked are rows whose labels were asked for.
	Asked []Drawn `json:"asked,omitempty"`
}

// Party is one version and what it said of the rows.
type Party struct {
	Version   hone.VersionID     `json:"version"`
	Signature hone.Signature     `json:"signature"`
	Scores    numbers            `json:"scores"`
	Owned     map[string]numbers `json:"owned,omitempty"`
}

// numbers are written by their bits, so that none is rounded.
type numbers []float64

// MarshalJSON writes base64 of little-endian bits.
func (n numbers) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 8*len(n))
	for _, x := range n {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return json.Marshal(base64.StdEncoding.EncodeToString(b))
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (n *numbers) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(b)%8 != 0 {
		return errors.Join(err, errors.New("these are no numbers"))
	}
	*n = make(numbers, 0, len(b)/8)
	for ; len(b) > 0; b = b[8:] {
		*n = append(*n, math.Float64frombits(binary.LittleEndian.Uint64(b)))
	}
	return nil
}

// format is raised when older programs could not read the evidence, or would judge
// it otherwise. The first had no verdict on calibration, and no labels that were
// asked for; the second knew fewer metrics.
const format = 3

// NewEvidence begins the evidence of a candidate; without a champion (nil) it is
// compared with the best constant answer.
func NewEvidence(m hone.Model, salt string, cand Side, champ *Side) *Evidence {
	ev := &Evidence{Format: format, Salt: salt, Slices: map[string][]string{}, Looks: []int{}, Model: judged(m)}
	ev.Candidate = Party{Version: cand.Version, Signature: bare(cand.Signature)}
	if champ != nil {
		ev.Champion = &Party{Version: champ.Version, Signature: bare(champ.Signature)}
	}
	return ev
}

// judged is a model as far as candidates are judged by it.
func judged(m hone.Model) hone.Model {
	out := hone.Model{Name: m.Name, Task: m.Task, Label: m.Label, Loss: m.Loss, Slices: m.Slices, Metrics: m.Metrics, Gates: m.Gates, Evidence: m.Evidence,
		Dataset: hone.DatasetSpec{Anchor: m.Dataset.Anchor}}
	for _, f := range m.Features {
		if slices.Contains(m.Slices, f.Name) {
			out.Features = append(out.Features, f)
		}
	}
	return out
}

// IsUnder tells whether the evidence is that of a model as it is configured now.
func (ev *Evidence) IsUnder(m hone.Model) bool { return alike(ev.Model, judged(m)) }

// Under puts the evidence under another configuration of its model. It fails, and
// changes nothing, where that asks for what was not kept of the rows.
func (ev *Evidence) Under(m hone.Model) bool {
	next, same := judged(m), ev.Model
	same.Gates, same.Evidence, same.Dataset = next.Gates, next.Evidence, next.Dataset
	if !alike(same, next) {
		return false
	}
	ev.Model = next
	return true
}

// alike tells whether two models are written alike.
func alike(a, b hone.Model) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(x, y)
}

// bare is a signature without its features, which no comparison reads.
func bare(s hone.Signature) hone.Signature {
	s.Features = nil
	return s
}

// Fresh lists the rows that the evidence has not got yet, each prediction once.
func (ev *Evidence) Fresh(ids []hone.PredictionID) (at []int) {
	seen := make(map[uint64]bool, len(ev.Keys)+len(ids))
	for _, k := range ev.Keys {
		seen[k] = true
	}
	for i, id := range ids {
		if k := ev.key("row", string(id)); !seen[k] {
			seen[k] = true
			at = append(at, i)
		}
	}
	return at
}

// Users tells the users that the evidence has rows of: more of theirs would say
// again what they said.
func (ev *Evidence) Users() func(unit string) bool {
	seen := make(map[uint64]bool, len(ev.Units))
	for _, u := range ev.Units {
		seen[u] = true
	}
	return func(unit string) bool { return unit != "" && seen[ev.key("user", unit)] }
}

func (ev *Evidence) key(kind, name string) uint64 {
	sum := sha256.Sum256([]byte(ev.Salt + "\x00" + kind + "\x00" + name))
	return max(1, binary.LittleEndian.Uint64(sum[:8]))
}

// Add is one look: rows that are new, with what both versions say of them.
func (ev *Evidence) Add(rows Rows, cand Side, champ *Side) error {
	n := len(rows.Labels)
	for _, s := range []*Side{&cand, champ} {
		if s != nil && (s.Scores.Width != s.Signature.Width() || len(s.Scores.V) != n*s.Scores.Width) {
			return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%s gives %d numbers for %d rows", s.Version, len(s.Scores.V), n),
				Hint: "a version gives one score a row, or one for each class"}
		}
	}
	if len(ev.Keys) > 0 {
		ev.Looks = append(ev.Looks, len(ev.Keys))
	}
	for i, id := range rows.IDs {
		ev.Keys = append(ev.Keys, ev.key("row", string(id)))
		unit := uint64(0)
		if len(rows.Units) > 0 && rows.Units[i] != "" {
			unit = ev.key("user", rows.Units[i])
		}
		ev.Units = append(ev.Units, unit)
		weight, price := 1.0, 0.0
		if len(rows.Weights) > 0 {
			weight = rows.Weights[i]
		}
		if len(rows.Prices) > 0 {
			price = rows.Prices[i]
		}
		ev.Weights, ev.Prices = append(ev.Weights, weight), append(ev.Prices, price)
	}
	ev.Labels = append(ev.Labels, rows.Labels...)
	for _, f := range ev.Model.Features {
		for i := range rows.Labels {
			ev.Slices[f.Name] = append(ev.Slices[f.Name], show(rows.Frame.Value(i, rows.Frame.Schema.Index(f.Name))))
		}
	}
	ev.Candidate.add(cand)
	if ev.Champion != nil && champ != nil {
		ev.Champion.add(*champ)
	}
	return nil
}

func (p *Party) add(s Side) {
	p.Scores = append(p.Scores, s.Scores.V...)
	for name, values := range s.Owned {
		if p.Owned == nil {
			p.Owned = map[string]numbers{}
		}
		p.Owned[name] = append(p.Owned[name], values...)
	}
}

func (p Party) side() Side {
	s := Side{Version: p.Version, Signature: p.Signature, Scores: hone.Scores{Width: p.Signature.Width(), V: p.Scores}}
	for name, values := range p.Owned {
		if s.Owned == nil {
			s.Owned = map[string][]float64{}
		}
		s.Owned[name] = values
	}
	return s
}

// Compare evaluates the candidate by the evidence alone.
func (ev *Evidence) Compare() hone.Evaluation {
	rows := Rows{Labels: ev.Labels, Prices: ev.Prices, Looks: ev.Looks, Frame: ev.frame()}
	for _, w := range ev.Weights {
		if w != 1 {
			rows.Weights = ev.Weights
		}
	}
	for i, u := range ev.Units {
		if u != 0 && rows.Units == nil {
			rows.Units = make([]string, len(ev.Units))
		}
		if u != 0 {
			rows.Units[i] = fmt.Sprintf("%x", u)
		}
	}
	var champ *Side
	if ev.Champion != nil {
		s := ev.Champion.side()
		champ = &s
	}
	e := Compare(ev.Model, ev.Candidate.side(), champ, rows)
	e.Eras, e.Permuted = ev.eras(), ev.permuted(rows)
	if champ != nil && len(ev.Asked) > 0 {
		e.Asked = Weigh(ev.Model, ev.Candidate.Signature, ev.Champion.Signature, ev.Asked)
	}
	return e
}

// frame has the features that rows are sliced by, as they are shown.
func (ev *Evidence) frame() *frame.Frame {
	f := &frame.Frame{N: len(ev.Labels)}
	for _, field := range ev.Model.Features {
		f.Schema = append(f.Schema, frame.Field{Name: field.Name, Kind: frame.Category})
		f.Cols = append(f.Cols, frame.Column{Str: ev.Slices[field.Name]})
	}
	return f
}

// Marshal writes the evidence; the same evidence gives the same bytes.
func (ev *Evidence) Marshal() ([]byte, error) {
	return Pack(ev)
}

// ReadEvidence reads what Marshal wrote.
func ReadEvidence(b []byte) (*Evidence, error) {
	ev := &Evidence{}
	if err := Unpack(b, ev); err != nil {
		return nil, fmt.Errorf("read evidence: %w", err)
	}
	if ev.Format < 1 || ev.Format > format {
		return nil, &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("the evidence is of format %d, and this Hone reads up to %d", ev.Format, format), Hint: "use the Hone that judged the run"}
	}
	return ev, nil
}

// Pack writes what is kept as evidence: JSON, compressed. The same value gives the
// same bytes.
func Pack(v any) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	err := errors.Join(json.NewEncoder(z).Encode(v), z.Close())
	return b.Bytes(), err
}

// Unpack reads what Pack wrote.
func Unpack(b []byte, to any) error {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}
