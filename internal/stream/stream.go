// Package stream makes traffic whose drift is known: what changes, in which row,
// and what the right answer is. It is for demonstrations, tests and backtests;
// what is done with the rows is left to others.
package stream

import (
	"fmt"
	"math/rand/v2"

	"hone/internal/frame"
)

// Stream makes rows, one after another and without end. The same constructor
// with the same arguments makes the same rows. A Stream is for one goroutine.
type Stream interface {
	// Schema of the frames that Next fills. The caller does not change it.
	Schema() frame.Schema
	// Next makes the stream's next row, stores its features in the given row of
	// f, whose schema equals Schema, and returns its label: "0" or "1".
	Next(f *frame.Frame, row int) (label string)
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)) }

func numbers(prefix string, n int) frame.Schema {
	s := make(frame.Schema, n)
	for i := range s {
		s[i] = frame.Field{Name: fmt.Sprint(prefix, i), Kind: frame.Number}
	}
	return s
}

func label(one bool) string {
	if one {
		return "1"
	}
	return "0"
}

// share refuses what is no probability: a programmer's mistake.
func share(name string, p float64) float64 {
	if !(p >= 0 && p <= 1) {
		panic(fmt.Sprintf("stream: %s of %v; it is a share, from 0 to 1", name, p))
	}
	return p
}
