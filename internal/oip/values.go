package oip

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
)

// Kind is what an element of a tensor is.
type Kind uint8

// The kinds.
const (
	Number Kind = iota
	Text
	Bool
)

// Value is one element of a tensor.
type Value struct {
	Kind Kind
	Num  float64 // Of a number, and 0 or 1 of a boolean.
	// Text is a text, or the digits of an integer that Num does not hold exactly.
	// It may share the memory of the message.
	Text []byte
}

// Tensor is an input or an output as a message has it.
type Tensor struct {
	Name, Datatype string
	Shape          []int64
	contents       *InferTensorContents
	raw            []byte
	isRaw          bool
}

// In returns the inputs of a request. It fails where elements are there in both
// forms, or raw ones not for each input.
func In(r *ModelInferRequest) ([]Tensor, error) {
	out := make([]Tensor, len(r.Inputs))
	for i, t := range r.Inputs {
		out[i] = Tensor{Name: t.GetName(), Datatype: t.GetDatatype(), Shape: t.GetShape(), contents: t.GetContents()}
	}
	return out, spread(out, r.RawInputContents, "raw_input_contents")
}

// Out returns the outputs of an answer, as In does the inputs.
func Out(r *ModelInferResponse) ([]Tensor, error) {
	out := make([]Tensor, len(r.Outputs))
	for i, t := range r.Outputs {
		out[i] = Tensor{Name: t.GetName(), Datatype: t.GetDatatype(), Shape: t.GetShape(), contents: t.GetContents()}
	}
	return out, spread(out, r.RawOutputContents, "raw_output_contents")
}

func spread(out []Tensor, raw [][]byte, name string) error {
	if len(raw) == 0 {
		return nil
	}
	if len(raw) != len(out) {
		return fmt.Errorf("%s has %d entries for %d tensors", name, len(raw), len(out))
	}
	for i := range out {
		if out[i].contents != nil {
			return fmt.Errorf("tensor %d has contents beside %s", i, name)
		}
		out[i].raw, out[i].isRaw = raw[i], true
	}
	return nil
}

// Each calls put for each of the n elements, in row-major order. It fails where
// the message has more or fewer, or they are of another type than it says.
func (t Tensor) Each(n int, put func(k int, v Value) error) error {
	if t.isRaw {
		return t.eachRaw(n, put)
	}
	c := t.contents
	switch t.Datatype {
	case "BOOL":
		return each(c.GetBoolContents(), n, put, func(b bool) Value { return boolean(b) })
	case "INT8", "INT16", "INT32":
		return each(c.GetIntContents(), n, put, func(x int32) Value { return Value{Num: float64(x)} })
	case "INT64":
		return each(c.GetInt64Contents(), n, put, signed)
	case "UINT8", "UINT16", "UINT32":
		return each(c.GetUintContents(), n, put, func(x uint32) Value { return Value{Num: float64(x)} })
	case "UINT64":
		return each(c.GetUint64Contents(), n, put, unsigned)
	case "FP32":
		return each(c.GetFp32Contents(), n, put, func(x float32) Value { return Value{Num: float64(x)} })
	case "FP64":
		return each(c.GetFp64Contents(), n, put, func(x float64) Value { return Value{Num: x} })
	case "BYTES":
		return each(c.GetBytesContents(), n, put, func(b []byte) Value { return Value{Kind: Text, Text: b} })
	case "FP16":
		return fmt.Errorf("elements of FP16 come as raw bytes alone")
	}
	return fmt.Errorf("the datatype %.40q is not known", t.Datatype)
}

func each[T any](v []T, n int, put func(int, Value) error, of func(T) Value) error {
	if len(v) != n {
		return fmt.Errorf("it holds %d elements of its datatype, its shape says %d", len(v), n)
	}
	for k, x := range v {
		if err := put(k, of(x)); err != nil {
			return err
		}
	}
	return nil
}

func (t Tensor) eachRaw(n int, put func(int, Value) error) error {
	if t.Datatype == "BYTES" {
		return eachText(t.raw, n, put)
	}
	size, read := reader(t.Datatype)
	if size == 0 {
		return fmt.Errorf("the datatype %.40q is not known", t.Datatype)
	}
	if len(t.raw)%size != 0 || len(t.raw)/size != n {
		return fmt.Errorf("its raw elements have %d bytes, its shape and datatype say %d times %d", len(t.raw), n, size)
	}
	for k := range n {
		if err := put(k, read(t.raw[k*size:])); err != nil {
			return err
		}
	}
	return nil
}

func eachText(b []byte, n int, put func(int, Value) error) error {
	for k := range n {
		if len(b) < 4 || uint64(len(b)-4) < uint64(binary.LittleEndian.Uint32(b)) {
			return fmt.Errorf("its raw elements end within element %d", k)
		}
		size := int(binary.LittleEndian.Uint32(b))
		if err := put(k, Value{Kind: Text, Text: b[4 : 4+size]}); err != nil {
			return err
		}
		b = b[4+size:]
	}
	if len(b) > 0 {
		return fmt.Errorf("its raw elements go on after the %d of its shape", n)
	}
	return nil
}

// reader returns how many bytes an element has, 0 where the datatype is not known,
// and what reads one.
func reader(datatype string) (size int, read func([]byte) Value) {
	le := binary.LittleEndian
	switch datatype {
	case "BOOL":
		return 1, func(b []byte) Value { return boolean(b[0] != 0) }
	case "INT8":
		return 1, func(b []byte) Value { return Value{Num: float64(int8(b[0]))} }
	case "UINT8":
		return 1, func(b []byte) Value { return Value{Num: float64(b[0])} }
	case "INT16":
		return 2, func(b []byte) Value { return Value{Num: float64(int16(le.Uint16(b)))} }
	case "UINT16":
		return 2, func(b []byte) Value { return Value{Num: float64(le.Uint16(b))} }
	case "FP16":
		return 2, func(b []byte) Value { return Value{Num: half(le.Uint16(b))} }
	case "INT32":
		return 4, func(b []byte) Value { return Value{Num: float64(int32(le.Uint32(b)))} }
	case "UINT32":
		return 4, func(b []byte) Value { return Value{Num: float64(le.Uint32(b))} }
	case "FP32":
		return 4, func(b []byte) Value { return Value{Num: float64(math.Float32frombits(le.Uint32(b)))} }
	case "INT64":
		return 8, func(b []byte) Value { return signed(int64(le.Uint64(b))) }
	case "UINT64":
		return 8, func(b []byte) Value { return unsigned(le.Uint64(b)) }
	case "FP64":
		return 8, func(b []byte) Value { return Value{Num: math.Float64frombits(le.Uint64(b))} }
	}
	return 0, nil
}

func boolean(b bool) Value {
	if b {
		return Value{Kind: Bool, Num: 1}
	}
	return Value{Kind: Bool}
}

// exact is the first whole number after which a float64 misses some.
const exact = 1 << 53

func signed(x int64) Value {
	if x > -exact && x < exact {
		return Value{Num: float64(x)}
	}
	return Value{Num: float64(x), Text: strconv.AppendInt(nil, x, 10)}
}

func unsigned(x uint64) Value {
	if x < exact {
		return Value{Num: float64(x)}
	}
	return Value{Num: float64(x), Text: strconv.AppendUint(nil, x, 10)}
}

// half reads a number of 16 bits, as IEEE 754 has it.
func half(b uint16) float64 {
	sign := 1.0
	if b>>15 == 1 {
		sign = -1
	}
	exponent, fraction := int(b>>10&31), float64(b&1023)
	switch {
	case exponent == 0:
		return sign * math.Ldexp(fraction, -24)
	case exponent < 31:
		return sign * math.Ldexp(1024+fraction, exponent-25)
	case fraction == 0:
		return math.Inf(int(sign))
	}
	return math.NaN()
}

// AppendNumbers writes numbers as raw elements of FP64.
func AppendNumbers(b []byte, v []float64) []byte {
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return b
}

// AppendText writes a text as a raw element of BYTES.
func AppendText(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(s))), s...)
}
