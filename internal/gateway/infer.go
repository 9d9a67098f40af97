package gateway

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"hone"
	"hone/internal/frame"
	"hone/internal/oip"
)

// inferRequest is a request of the Open Inference Protocol.
type inferRequest struct {
	Request
	id      string   // As sent, to be echoed.
	outputs []string // Asked for; nil for all.
}

// tensor is one input as it stands in the body.
type tensor struct {
	name     string
	datatype string
	shape    []int
	data     scanner // Of its data, which are not read yet.
	hasData  bool
	typed    *oip.Tensor // Of a message, where there is no body; else nil.
}

// inputs holds the tensors of former requests, as []tensor: their names and shapes
// serve again, because most senders repeat them.
var inputs = sync.Pool{New: func() any { return new([]tensor) }}

// extraInputs beside the features are read at most: the ids, the units and
// names that were mistaken, so that one of them can be told.
const extraInputs = 8

// decodeInfer reads the body of an infer request. Sticky names are inputs that
// give the unit where they are no features.
func decodeInfer(body []byte, m hone.Model, sticky ...string) (inferRequest, error) {
	var in inferRequest
	room := inputs.Get().(*[]tensor)
	tensors := (*room)[:0]
	s := &scanner{b: body}
	err := s.object(func(key []byte) error {
		switch string(key) {
		case "id":
			id, err := s.text()
			in.id = string(id)
			return err
		case "parameters":
			return in.parameters(s)
		case "inputs":
			tensors = tensors[:0]
			return s.array(func() error {
				if len(tensors) > len(m.Features)+extraInputs {
					return s.fail("there are more inputs than model %s has features", m.Name)
				}
				n := len(tensors)
				tensors = slices.Grow(tensors, 1)[:n+1]
				return s.tensor(&tensors[n])
			})
		case "outputs":
			return in.readOutputs(s)
		}
		return s.pass()
	})
	if err == nil {
		err = s.end()
	}
	if err == nil {
		err = in.assemble(tensors, m, sticky)
	}
	if err == nil { // What was refused may have long names.
		for i := range tensors[:cap(tensors)] {
			tensors[:cap(tensors)][i].data = scanner{} // The body is not ours to keep.
		}
		*room = tensors
		inputs.Put(room)
	}
	return in, err
}

func (in *inferRequest) parameters(s *scanner) error {
	if s.peek() != '{' {
		return s.pass() // As null.
	}
	return s.object(func(key []byte) error {
		if string(key) != "unit" || s.peek() != '"' {
			return s.pass()
		}
		unit, err := s.text()
		in.Unit = string(unit)
		return err
	})
}

func (in *inferRequest) readOutputs(s *scanner) error {
	if s.peek() != '[' {
		return s.pass()
	}
	return s.array(func() error {
		return s.object(func(key []byte) error {
			if string(key) != "name" {
				return s.pass()
			}
			name, err := s.text()
			if len(in.outputs) >= extraInputs {
				return s.fail("more outputs are asked for than there are")
			}
			in.outputs = append(in.outputs, string(name))
			return err
		})
	})
}

// tensor reads one into t, in which a former one may lie.
func (s *scanner) tensor(t *tensor) error {
	before := *t
	*t = tensor{shape: before.shape[:0]}
	return s.object(func(key []byte) error {
		switch string(key) {
		case "name":
			b, err := s.text()
			t.name = again(before.name, b)
			return err
		case "datatype":
			b, err := s.text()
			t.datatype = again(before.datatype, b)
			return err
		case "shape":
			return s.shape(t)
		case "data":
			var err error
			t.data, err = s.part()
			t.hasData = true
			return err
		}
		return s.pass()
	})
}

// again is b as a text, the same as before where that is equal.
func again(before string, b []byte) string {
	if before == string(b) {
		return before
	}
	return string(b)
}

func (s *scanner) shape(t *tensor) error {
	t.shape = t.shape[:0]
	return s.array(func() error {
		x, raw, err := s.number()
		if err != nil {
			return err
		}
		if x < 0 || x != math.Trunc(x) || x > math.MaxInt32 {
			return s.fail("a shape has the dimension %s", raw)
		}
		if t.shape = append(t.shape, int(x)); len(t.shape) > extraInputs {
			return s.fail("a shape has more dimensions than a feature can have")
		}
		return nil
	})
}

func badInput(name, hint, format string, args ...any) error {
	return &hone.Error{Code: hone.Invalid, Message: "input " + quote(name) + " " + fmt.Sprintf(format, args...), Hint: hint}
}

// assemble puts the tensors into the columns of a frame.
func (in *inferRequest) assemble(tensors []tensor, m hone.Model, sticky []string) error {
	if len(tensors) == 0 {
		return &hone.Error{Code: hone.Invalid, Message: "the request has no inputs", Hint: "send one input a feature, each with name, shape, datatype and data"}
	}
	matrix := matrixOf(tensors, m)
	for i := range tensors {
		if err := tensors[i].check(i == matrix, tensors[0].shape); err != nil {
			return err
		}
	}
	in.Frame = frame.New(m.Features, tensors[0].shape[0])
	var units []string
	known, filled := matrix >= 0, make([]bool, len(m.Features))
	for i := range tensors {
		t := &tensors[i]
		col := i // Most senders keep the order of the configuration.
		if col >= len(m.Features) || m.Features[col].Name != t.name {
			col = m.Features.Index(t.name)
		}
		if col >= 0 && filled[col] || col < 0 && slices.ContainsFunc(tensors[:i], func(o tensor) bool { return o.name == t.name }) {
			return badInput(t.name, "send each input once", "comes twice")
		}
		var err error
		switch {
		case i == matrix:
			err = t.fillMatrix(in.Frame)
		case col >= 0:
			known, filled[col] = true, true
			err = t.fill(&in.Frame.Cols[col], m.Features[col].Kind)
		case t.name == "prediction_id":
			in.IDs, err = names[hone.PredictionID](t)
		case t.name == "unit":
			in.Units, err = names[string](t)
		case slices.Contains(sticky, t.name):
			units, err = names[string](t)
		default:
			err = unknownFeature(t.name, m)
		}
		if err != nil {
			return err
		}
	}
	if !known {
		return noFeature(m)
	}
	if in.Units == nil {
		in.Units = units
	}
	in.nameRows()
	return nil
}

func noFeature(m hone.Model) error {
	return &hone.Error{Code: hone.Invalid, Message: "the request has none of the features of model " + m.Name,
		Hint: "GET /v2/models/" + m.Name + " lists its inputs"}
}

// nameRows makes the ids of the predictions from the id of the request.
func (in *inferRequest) nameRows() {
	if in.IDs != nil || in.id == "" {
		return
	}
	in.IDs = make([]hone.PredictionID, in.Frame.N)
	if len(in.IDs) == 1 {
		in.IDs[0] = hone.PredictionID(in.id)
		return
	}
	b := []byte(in.id + "-")
	for i := range in.IDs {
		in.IDs[i] = hone.PredictionID(strconv.AppendInt(b, int64(i), 10))
	}
}

// matrixOf finds the input that holds all features as the columns of one tensor:
// the only one that is no feature, id or unit, and has two dimensions.
func matrixOf(tensors []tensor, m hone.Model) int {
	found := -1
	for i, t := range tensors {
		switch {
		case m.Features.Index(t.name) >= 0:
			return -1
		case t.name == "prediction_id" || t.name == "unit":
		case len(t.shape) != 2 || (t.shape[1] == 1 && len(m.Features) > 1) || (found >= 0 && tensors[found].name == "input"):
		case found < 0 || t.name == "input":
			found = i
		default:
			return -1
		}
	}
	return found
}

// check looks at all but the data. Like is the shape of the first input.
func (t *tensor) check(matrix bool, like []int) error {
	if t.name == "" {
		return badInput("", "each input has a name", "has no name")
	}
	if !t.hasData {
		return badInput(t.name, "send the values as \"data\"; with a Triton client, binary_data=False", "has no data")
	}
	if len(t.shape) == 0 || len(t.shape) > maxDims || (len(t.shape) == 2 && t.shape[1] != 1 && !matrix) {
		return badInput(t.name, "a feature has the shape [rows] or [rows, 1]", "has the shape %v", t.shape)
	}
	switch n := t.shape[0]; {
	case n < 1 || (len(t.shape) == 2 && t.shape[1] < 1):
		return badInput(t.name, "send at least one row", "is empty, its shape is %v", t.shape)
	case n > maxRows:
		return &hone.Error{Code: hone.TooLarge, Message: fmt.Sprintf("input %s has %d rows", quote(t.name), n), Hint: fmt.Sprintf("send at most %d rows at a time", maxRows)}
	case len(like) == 0 || n != like[0]:
		return badInput(t.name, "all inputs have the same number of rows", "has the shape %v, the first input has %v", t.shape, like)
	}
	if t.datatype != "BOOL" && t.datatype != "BYTES" && t.bits() == 0 {
		return badInput(t.name, "use FP64, FP32, INT64, BOOL, BYTES or their like", "has the datatype %s", quote(t.datatype))
	}
	return nil
}

// bits is the size of a number's datatype, 0 for others.
func (t *tensor) bits() int {
	switch t.datatype {
	case "FP64", "INT64", "UINT64":
		return 64
	case "FP32", "INT32", "UINT32":
		return 32
	case "FP16", "INT16", "UINT16":
		return 16
	case "INT8", "UINT8":
		return 8
	}
	return 0
}

// admit tells what is wrong with an element of this datatype.
func (t *tensor) admit(k int, c cell) error {
	wrong := func(want string) error {
		return badInput(t.name, "use null for a missing value", "is of datatype %s, but element %d is %s", t.datatype, k, want)
	}
	switch t.datatype[0] {
	case 'F':
		if c.kind == isNumber || c.kind == isNull {
			return nil
		}
	case 'B':
		if c.kind == isNull || (t.datatype == "BYTES" && c.kind == isText) ||
			(t.datatype == "BOOL" && (c.kind == isBool || (c.kind == isNumber && (c.num == 0 || c.num == 1)))) {
			return nil
		}
	default:
		low, high := 0.0, math.Ldexp(1, t.bits())
		if t.datatype[0] == 'I' {
			high /= 2
			low = -high
		}
		if c.kind == isNull || (c.kind == isNumber && c.num == math.Trunc(c.num) && c.num >= low && (c.num < high || t.bits() == 64 && c.num == high)) {
			return nil
		}
	}
	if c.kind == isNumber {
		return wrong(string(c.raw[:min(len(c.raw), 40)]))
	}
	return wrong(c.kind.String())
}

// cells calls put for each element, in row-major order.
func (t *tensor) cells(put func(k int, c cell) error) error {
	if t.typed != nil {
		return t.message(put)
	}
	return t.data.cells(t.shape, put)
}

// fill reads the data into the column of one feature.
func (t *tensor) fill(col *frame.Column, kind frame.Kind) error {
	if kind == frame.Number {
		return t.cells(func(k int, c cell) error {
			if err := t.admit(k, c); err != nil {
				return err
			}
			switch c.kind {
			case isNumber, isBool:
				col.Num[k] = c.num
			case isText:
				x, ok := frame.ParseNumber(string(c.raw))
				if !ok {
					return badInput(t.name, "the feature is a number", "has %s as element %d", quote(string(c.raw)), k)
				}
				col.Num[k] = x
			}
			return nil
		})
	}
	return t.cells(func(k int, c cell) error {
		if err := t.admit(k, c); err != nil {
			return err
		}
		col.Str[k] = t.text(c)
		return nil
	})
}

// text is an element as a category or a text has it. Integers keep all their
// digits, which a float64 would not.
func (t *tensor) text(c cell) string {
	switch {
	case c.kind == isText:
		return string(c.raw)
	case t.datatype == "BOOL" && c.kind != isNull:
		return strconv.FormatBool(c.num != 0)
	case c.kind == isNumber:
		return numberText(string(c.raw), c.num)
	}
	return ""
}

func numberText(raw string, x float64) string {
	if math.Abs(x) < 1<<53 || strings.ContainsAny(raw, ".eE") {
		return frame.FormatNumber(x)
	}
	return raw
}

// fillMatrix reads a tensor whose columns are all the features.
func (t *tensor) fillMatrix(f *frame.Frame) error {
	if t.bits() == 0 {
		return badInput(t.name, "send one input a feature, or all as one tensor of numbers", "has two dimensions and the datatype %s", t.datatype)
	}
	for _, field := range f.Schema {
		if field.Kind != frame.Number {
			return badInput(t.name, "send one input a feature", "stands for all features, but feature %s is no number", quote(field.Name))
		}
	}
	width := len(f.Schema)
	if t.shape[1] != width {
		return badInput(t.name, "the columns are the features in the order of the configuration", "has %d columns, the model has %d features", t.shape[1], width)
	}
	return t.cells(func(k int, c cell) error {
		if err := t.admit(k, c); err != nil {
			return err
		}
		if c.kind == isNumber {
			f.Cols[k%width].Num[k/width] = c.num
		}
		return nil
	})
}

// names reads a tensor of ids or units.
func names[T ~string](t *tensor) ([]T, error) {
	out := make([]T, t.shape[0])
	err := t.cells(func(k int, c cell) error {
		if err := t.admit(k, c); err != nil {
			return err
		}
		out[k] = T(t.text(c))
		return nil
	})
	return out, err
}

func unknownFeature(name string, m hone.Model) error {
	return &hone.Error{Code: hone.Invalid, Message: "model " + m.Name + " has no feature " + quote(name),
		Hint: "did you mean " + quote(nearest(name, m.Features)) + "? GET /v2/models/" + m.Name + " lists all"}
}

// nearest returns the field whose name takes the fewest edits to reach.
func nearest(name string, s frame.Schema) string {
	best, least := "", math.MaxInt
	name = name[:min(len(name), 64)]
	for _, f := range s {
		if d := edits(name, f.Name); d < least {
			best, least = f.Name, d
		}
	}
	return best
}

// edits is the Levenshtein distance of two names, in bytes.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// quote shows what a caller sent, shortened.
func quote(s string) string {
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return strconv.Quote(s)
}
