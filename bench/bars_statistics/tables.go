package main

import (
	"math"
	"strconv"

	"hone/internal/frame"
	"hone/internal/monitor"
	"hone/internal/stat"
)

// referenceRows is how many rows, in their order, each reference has.
const referenceRows = 10_000

// calm is a table of features that never drifts, with its reference: four of
// five are numbers, one in eight of them small whole ones, the others names of 2 to
// 50 kinds; one in seven has gaps.
type calm struct {
	chain  *chain
	random random
	lanes  []lane
	schema frame.Schema
	ref    *monitor.Reference
	counts []*stat.Counts
	bins   [][cells]int32 // Of each feature: the bin of each cell, -1 for a gap.
	score  *stat.Counts
	// history has the cells of the reference's rows, a list a feature.
	history [][]uint32
}

func newCalm(seed uint64, features int, c *chain) *calm {
	s := &calm{chain: c, lanes: make([]lane, (features+3)/4)}
	own := random(seed)
	s.random = random(own.next()) // Streams of neighbouring seeds do not overlap.
	s.ref = &monitor.Reference{Rows: referenceRows}
	for i := range s.lanes {
		l := &s.lanes[i]
		l.begin(&s.random)
		c.count(l, 100, &s.random)
		seen := [4][]uint32{}
		for range referenceRows {
			l.clear()
			c.count(l, 1, &s.random)
			for k := range seen {
				seen[k] = append(seen[k], cellOf(&l.counts[k]))
			}
		}
		for k := range seen {
			if f := 4*i + k; f < features {
				s.add(f, seen[k])
			}
		}
	}
	s.ref.Score = s.ref.Features[0]
	s.score = s.counts[0]
	return s
}

func cellOf(counts *[cells]uint32) uint32 {
	for i, n := range counts {
		if n > 0 {
			return uint32(i)
		}
	}
	return 0
}

// add profiles the reference of one feature and finds the bin of each cell.
func (s *calm) add(f int, seen []uint32) {
	field := frame.Field{Name: "f" + strconv.Itoa(f), Kind: frame.Number}
	var p *stat.Profile
	if f%5 == 4 {
		field.Kind = frame.Category
		names := make([]string, len(seen))
		for i, cell := range seen {
			names[i] = nameOf(f, cell)
		}
		p = stat.NewNames(names)
	} else {
		numbers := make([]float64, len(seen))
		for i, cell := range seen {
			numbers[i] = numberOf(f, cell)
		}
		p = stat.NewNumeric(numbers)
	}
	var bins [cells]int32
	for cell := range bins {
		one := p.Window()
		if field.Kind == frame.Number {
			one.AddNumber(numberOf(f, uint32(cell)))
		} else {
			one.AddName(nameOf(f, uint32(cell)))
		}
		bins[cell] = -1
		for b, n := range one.Bins {
			if n > 0 {
				bins[cell] = int32(b)
			}
		}
	}
	s.history = append(s.history, seen)
	s.schema = append(s.schema, field)
	s.ref.Features = append(s.ref.Features, p)
	s.counts = append(s.counts, p.Window())
	s.bins = append(s.bins, bins)
}

func numberOf(f int, cell uint32) float64 {
	u := (float64(cell) + 0.5) / cells
	switch {
	case f%7 == 6 && cell < 3:
		return math.NaN()
	case f%8 == 3:
		return math.Floor(-4 * math.Log(1-u))
	}
	return gauss(u)
}

func nameOf(f int, cell uint32) string {
	if f%7 == 6 && cell >= cells-3 {
		return ""
	}
	kinds := [5]float64{2, 3, 5, 10, 50}[f/5%5]
	u := (float64(cell) + 0.5) / cells
	return "k" + strconv.Itoa(int(kinds*math.Sqrt(u)))
}

// begin opens the next window.
func (s *calm) begin() {
	for i := range s.lanes {
		s.lanes[i].clear()
	}
}

// draw lets so many more rows come into the window.
func (s *calm) draw(rows int) {
	for i := range s.lanes {
		s.chain.count(&s.lanes[i], rows, &s.random)
	}
}

// judge holds the rows that the window has so far against the reference.
func (s *calm) judge(rows int) monitor.Drift {
	for f := range s.counts {
		s.fill(f, &s.lanes[f/4].counts[f%4])
	}
	return monitor.Judge(s.ref, s.schema, s.counts, s.score, rows)
}

// rows is a window whose rows are kept: the cells of each feature.
func (s *calm) rows(n int) (monitor.Drift, [][]uint32) {
	seen := make([][]uint32, len(s.counts))
	for i := range s.lanes {
		l, sum := &s.lanes[i], [4][cells]uint32{}
		for range n {
			l.clear()
			s.chain.count(l, 1, &s.random)
			for k := range l.counts {
				cell := cellOf(&l.counts[k])
				sum[k][cell]++
				if f := 4*i + k; f < len(seen) {
					seen[f] = append(seen[f], cell)
				}
			}
		}
		l.counts = sum
	}
	return s.judge(n), seen
}

func (s *calm) fill(f int, seen *[cells]uint32) {
	c := s.counts[f]
	clear(c.Bins)
	c.Missing = 0
	for cell, n := range seen {
		if b := s.bins[f][cell]; b >= 0 {
			c.Bins[b] += int(n)
		} else {
			c.Missing += int(n)
		}
	}
}
