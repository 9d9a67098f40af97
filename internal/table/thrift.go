package table

import (
	"encoding/binary"
	"errors"
)

// The kinds of values in Thrift's compact encoding, in which Parquet files speak
// of themselves.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftInt16  = 4
	thriftInt32  = 5
	thriftInt64  = 6
	thriftDouble = 7
	thriftBytes  = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
)

// thriftDepth is how deep values may lie in each other; Parquet's lie seven deep.
const thriftDepth = 32

var errThrift = errors.New("its description of itself is damaged")

// thrift walks over one value and keeps nothing of it but whole numbers in
// structs, by the numbers of the fields that lead to them.
type thrift struct {
	b    []byte
	at   int
	path []int16
	told func(path []int16, n int64)
}

// walkThrift walks over the struct at the beginning of b, and returns how many
// bytes it takes. It fails where anything in it claims to be longer than b.
func walkThrift(b []byte, told func(path []int16, n int64)) (int, error) {
	t := &thrift{b: b, told: told}
	if err := t.fields(0); err != nil {
		return 0, err
	}
	return t.at, nil
}

func (t *thrift) fields(depth int) error {
	if depth > thriftDepth {
		return errThrift
	}
	t.path = append(t.path, 0)
	defer func() { t.path = t.path[:len(t.path)-1] }()
	id := int16(0)
	for {
		head, err := t.byte()
		if err != nil || head == 0 {
			return err
		}
		if delta := head >> 4; delta != 0 {
			id += int16(delta)
		} else {
			n, err := t.number()
			if err != nil {
				return err
			}
			id = int16(n)
		}
		t.path[len(t.path)-1] = id
		if kind := head & 15; kind != thriftTrue && kind != thriftFalse { // Which are their own values here.
			if err := t.value(kind, depth); err != nil {
				return err
			}
		}
	}
}

func (t *thrift) value(kind byte, depth int) error {
	switch kind {
	case thriftTrue, thriftFalse, thriftByte:
		return t.skip(1)
	case thriftInt16, thriftInt32, thriftInt64:
		n, err := t.number()
		if err == nil {
			t.told(t.path, n)
		}
		return err
	case thriftDouble:
		return t.skip(8)
	case thriftBytes:
		n, err := t.length()
		if err != nil {
			return err
		}
		return t.skip(n)
	case thriftList, thriftSet:
		return t.list(depth)
	case thriftMap:
		return t.pairs(depth)
	case thriftStruct:
		return t.fields(depth + 1)
	}
	return errThrift
}

// list walks over a list, of which every item takes a byte at least.
func (t *thrift) list(depth int) error {
	head, err := t.byte()
	if err != nil {
		return err
	}
	n := int(head >> 4)
	if n == 15 {
		if n, err = t.length(); err != nil {
			return err
		}
	}
	if n > len(t.b)-t.at {
		return errThrift
	}
	return t.items(n, depth, head&15)
}

func (t *thrift) pairs(depth int) error {
	n, err := t.length()
	if err != nil || n == 0 {
		return err
	}
	kinds, err := t.byte()
	if err != nil {
		return err
	}
	return t.items(n, depth, kinds>>4, kinds&15)
}

func (t *thrift) items(n, depth int, kinds ...byte) error {
	if depth > thriftDepth {
		return errThrift
	}
	told := t.told
	t.told = func([]int16, int64) {} // Their fields would be taken for those around them.
	defer func() { t.told = told }()
	for range n {
		for _, kind := range kinds {
			if err := t.value(kind, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *thrift) byte() (byte, error) {
	if t.at >= len(t.b) {
		return 0, errThrift
	}
	t.at++
	return t.b[t.at-1], nil
}

func (t *thrift) skip(n int) error {
	if n > len(t.b)-t.at {
		return errThrift
	}
	t.at += n
	return nil
}

// length reads a size, which cannot be more than what is left.
func (t *thrift) length() (int, error) {
	n, k := binary.Uvarint(t.b[t.at:])
	if k <= 0 || n > uint64(len(t.b)-t.at-k) {
		return 0, errThrift
	}
	t.at += k
	return int(n), nil
}

func (t *thrift) number() (int64, error) {
	n, k := binary.Varint(t.b[t.at:])
	if k <= 0 {
		return 0, errThrift
	}
	t.at += k
	return n, nil
}
