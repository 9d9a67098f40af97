package main

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"

	"hone/internal/frame"
	"hone/internal/learn/gbdt"
)

// wide draws rows of 28 numbers of which some matter, alone, in pairs and in threes.
func wide(n int, seed uint64) gbdt.Set {
	r := rand.New(rand.NewPCG(seed, 28))
	f := frame.New(numbered(numbers), n)
	y := make([]float64, n)
	for i := range n {
		for c := range f.Cols {
			f.Cols[c].Num[i] = r.NormFloat64()
		}
		x := func(c int) float64 { return f.Cols[c].Num[i] }
		z := x(0) + x(1)*x(2) + math.Sin(2*x(3)) + math.Abs(x(4)) - 0.8 + 0.5*x(5)*x(6)*x(7)
		if r.Float64() < 1/(1+math.Exp(-z)) {
			y[i] = 1
		}
	}
	return gbdt.Set{Rows: f, Targets: y}
}

func numbered(n int) frame.Schema {
	var s frame.Schema
	for i := range n {
		s = append(s, frame.Field{Name: "x" + strconv.Itoa(i), Kind: frame.Number})
	}
	return s
}

// writeSet leaves NAME.x.f64, row by row, and NAME.y.f64 for both sides.
func writeSet(dir, name string, s gbdt.Set) error {
	xs := make([]float64, 0, s.Rows.N*len(s.Rows.Cols))
	for i := range s.Rows.N {
		for c := range s.Rows.Cols {
			xs = append(xs, s.Rows.Cols[c].Num[i])
		}
	}
	if err := writeFloats(filepath.Join(dir, name+".x.f64"), xs); err != nil {
		return err
	}
	return writeFloats(filepath.Join(dir, name+".y.f64"), s.Targets)
}

// readSet holds no more than the rows, as the peer does.
func readSet(dir, name string) (gbdt.Set, error) {
	y, err := readFloats(filepath.Join(dir, name+".y.f64"))
	if err != nil {
		return gbdt.Set{}, err
	}
	file, err := os.Open(filepath.Join(dir, name+".x.f64"))
	if err != nil {
		return gbdt.Set{}, err
	}
	defer file.Close()
	f := frame.New(numbered(numbers), len(y))
	row := make([]byte, 8*numbers)
	for i := range y {
		if _, err := file.ReadAt(row, int64(i*len(row))); err != nil {
			return gbdt.Set{}, err
		}
		for c := range numbers {
			f.Cols[c].Num[i] = math.Float64frombits(binary.LittleEndian.Uint64(row[8*c:]))
		}
	}
	return gbdt.Set{Rows: f, Targets: y}, nil
}

func writeFloats(path string, xs []float64) error {
	b := make([]byte, 0, 8*len(xs))
	for _, x := range xs {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return os.WriteFile(path, b, 0o600)
}

func readFloats(path string) ([]float64, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	xs := make([]float64, len(b)/8)
	for i := range xs {
		xs[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return xs, nil
}
