package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
)

// ErrSchema is wrapped by Decode when a row was encoded by another schema.
var ErrSchema = errors.New("row was encoded by another schema")

// Fingerprint is a short hash of the schema: the same fields in the same order
// give the same number on every machine. Encoded rows begin with it.
func (s Schema) Fingerprint() uint32 {
	h := fnv.New32a()
	for _, f := range s {
		h.Write([]byte(f.Name))
		h.Write([]byte{0})
		h.Write([]byte(f.Kind))
		h.Write([]byte{0})
	}
	return h.Sum32()
}

// EncodeRow appends one row as bytes: the fingerprint, then each value in the
// schema's order; numbers as 8 bytes, little endian, with one NaN for missing,
// strings with their length before them. Equal rows give equal bytes.
func (f *Frame) EncodeRow(dst []byte, row int) []byte {
	return f.encodeRow(dst, row, f.Schema.Fingerprint())
}

// EncodeRows encodes every row into one buffer and returns a slice for each.
func (f *Frame) EncodeRows() [][]byte {
	fp := f.Schema.Fingerprint()
	out := make([][]byte, f.N)
	buf := make([]byte, 0, f.N*(4+9*len(f.Schema)))
	for i := range out {
		from := len(buf)
		buf = f.encodeRow(buf, i, fp)
		out[i] = buf[from:len(buf):len(buf)]
	}
	return out
}

func (f *Frame) encodeRow(dst []byte, row int, fp uint32) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, fp)
	for i := range f.Cols {
		if f.Schema[i].Kind == Number {
			x := f.Cols[i].Num[row]
			if x != x {
				x = math.NaN()
			}
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(x))
			continue
		}
		s := f.Cols[i].Str[row]
		dst = binary.AppendUvarint(dst, uint64(len(s)))
		dst = append(dst, s...)
	}
	return dst
}

// DecodeRow reads what EncodeRow wrote into one row of f. It fails on bytes
// that are cut short or too long, and with ErrSchema on those of another schema.
func (f *Frame) DecodeRow(row int, b []byte) error {
	if len(b) < 4 {
		return errShort
	}
	if fp := binary.LittleEndian.Uint32(b); fp != f.Schema.Fingerprint() {
		return fmt.Errorf("%w (%08x)", ErrSchema, fp)
	}
	return f.decodeValues(row, b[4:])
}

// DecodeRows reads many rows, one after another, from the first row of f on.
func (f *Frame) DecodeRows(rows [][]byte) error {
	fp := f.Schema.Fingerprint()
	for i, b := range rows {
		if len(b) < 4 {
			return errShort
		}
		if got := binary.LittleEndian.Uint32(b); got != fp {
			return fmt.Errorf("row %d: %w (%08x)", i, ErrSchema, got)
		}
		if err := f.decodeValues(i, b[4:]); err != nil {
			return err
		}
	}
	return nil
}

var errShort = errors.New("decode a row: bytes are cut short")

func (f *Frame) decodeValues(row int, b []byte) error {
	for i := range f.Cols {
		if f.Schema[i].Kind == Number {
			if len(b) < 8 {
				return errShort
			}
			f.Cols[i].Num[row] = math.Float64frombits(binary.LittleEndian.Uint64(b))
			b = b[8:]
			continue
		}
		n, w := binary.Uvarint(b)
		if w <= 0 || uint64(len(b)-w) < n {
			return errShort
		}
		f.Cols[i].Str[row] = string(b[w : w+int(n)])
		b = b[w+int(n):]
	}
	if len(b) != 0 {
		return fmt.Errorf("decode a row: %d bytes too many", len(b))
	}
	return nil
}

// Remap copies the columns of g that f has under the same name and kind into f,
// from row at on; the others stay missing. It lets rows that were logged under
// an older schema be read under a newer one.
func (f *Frame) Remap(at int, g *Frame) {
	for i, field := range f.Schema {
		j := g.Schema.Index(field.Name)
		if j < 0 || g.Schema[j].Kind != field.Kind {
			continue
		}
		if field.Kind == Number {
			copy(f.Cols[i].Num[at:], g.Cols[j].Num)
		} else {
			copy(f.Cols[i].Str[at:], g.Cols[j].Str)
		}
	}
}

// Decoder reads logged rows into frames of one schema, whatever schema they
// were logged under.
type Decoder struct {
	Target  Schema
	Schemas map[uint32]Schema // By fingerprint; the target's own need not be there.
}

// Frame decodes the rows, in order. It fails with ErrSchema on a row of a
// schema that it does not know.
func (d Decoder) Frame(rows [][]byte) (*Frame, error) {
	out := New(d.Target, len(rows))
	fp := d.Target.Fingerprint()
	for i, b := range rows {
		if len(b) < 4 {
			return nil, errShort
		}
		got := binary.LittleEndian.Uint32(b)
		if got == fp {
			if err := out.decodeValues(i, b[4:]); err != nil {
				return nil, err
			}
			continue
		}
		old, ok := d.Schemas[got]
		if !ok {
			return nil, fmt.Errorf("row %d: %w (%08x)", i, ErrSchema, got)
		}
		g := New(old, 1)
		if err := g.decodeValues(0, b[4:]); err != nil {
			return nil, err
		}
		out.Remap(i, g)
	}
	return out, nil
}
