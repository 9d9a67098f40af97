package stream

import (
	"fmt"
	"math/rand/v2"

	"hone/internal/frame"
)

var seaThresholds = [...]float64{8, 9, 7, 9.5}

type sea struct {
	rng     *rand.Rand
	schema  frame.Schema
	variant func(i int) int
	noise   float64
	i       int
}

// NewSEA makes the concepts of Street and Kim, "A streaming ensemble algorithm
// (SEA) for large-scale classification" (KDD 2001): three numbers f0, f1, f2,
// each uniform in [0, 10), of which the last says nothing. The label is 1 where
// f0 + f1 is above the threshold of the row's variant: 8, 9, 7 and 9.5 for the
// variants 0 to 3. The share of labels given by noise is turned round. The
// features do not depend on the variant, nor on the noise.
//
// variant returns the variant of row i, from 0. Without one it is 0 throughout.
func NewSEA(seed uint64, variant func(i int) int, noise float64) Stream {
	if variant == nil {
		variant = func(int) int { return 0 }
	}
	return &sea{rng: newRand(seed), schema: numbers("f", 3), variant: variant, noise: share("noise", noise)}
}

func (s *sea) Schema() frame.Schema { return s.schema }

func (s *sea) Next(f *frame.Frame, row int) string {
	for j := range s.schema {
		f.Cols[j].Num[row] = 10 * s.rng.Float64()
	}
	flip := s.rng.Float64() < s.noise
	v := s.variant(s.i)
	if v < 0 || v >= len(seaThresholds) {
		panic(fmt.Sprintf("stream: variant %d of SEA for row %d; there are 0 to 3", v, s.i))
	}
	s.i++
	above := f.Cols[0].Num[row]+f.Cols[1].Num[row] > seaThresholds[v]
	return label(above != flip)
}
