package table

import (
	"io"
	"math"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"hone/internal/frame"
)

// growing is a frame and its extras as their rows come.
type growing struct {
	f     *frame.Frame
	extra []Extra
	// field and other say where each leaf goes: an index, or -1.
	field, other []int
}

func (p *parquetSource) readAll(s frame.Schema) (_ *frame.Frame, _ []Extra, err error) {
	defer mend(&err)
	g := &growing{f: frame.New(s, 0)}
	for _, l := range p.leaves {
		i := s.Index(l.name)
		g.field = append(g.field, i)
		if i >= 0 {
			g.other = append(g.other, -1)
			continue
		}
		g.other = append(g.other, len(g.extra))
		g.extra = append(g.extra, emptyExtra(l))
	}
	for {
		row, err := p.nextRow()
		if err == io.EOF {
			return g.f, g.extra, nil
		}
		if err == nil {
			err = g.add(p, row)
		}
		if err != nil {
			return nil, nil, err
		}
	}
}

// emptyExtra has the one slice that fits the column, empty and not nil.
func emptyExtra(l leaf) Extra {
	name := l.name
	if l.repeated {
		return Extra{Name: name, Strings: []string{}}
	}
	if logical := l.typ.LogicalType(); logical != nil {
		switch logical.Value.(type) {
		case *format.TimestampType:
			return Extra{Name: name, Times: []int64{}}
		case *format.IntType, *format.DecimalType:
			return Extra{Name: name, Numbers: []float64{}}
		}
		return Extra{Name: name, Strings: []string{}}
	}
	if k := l.typ.Kind(); k == parquet.Double || k == parquet.Float || k == parquet.Int32 || k == parquet.Int64 {
		return Extra{Name: name, Numbers: []float64{}}
	}
	return Extra{Name: name, Strings: []string{}}
}

func (g *growing) add(p *parquetSource, row parquet.Row) error {
	g.grow()
	var failed error
	row.Range(func(i int, vs []parquet.Value) bool {
		failed = g.set(p, i, vs)
		return failed == nil
	})
	if failed != nil {
		return invalid("mend the row, or import the file row by row", "row %d: %v", p.row, failed)
	}
	return nil
}

// grow adds a row in which everything is missing.
func (g *growing) grow() {
	for i, field := range g.f.Schema {
		c := &g.f.Cols[i]
		if field.Kind == frame.Number {
			c.Num = append(c.Num, math.NaN())
		} else {
			c.Str = append(c.Str, "")
		}
	}
	g.f.N++
	for i := range g.extra {
		switch e := &g.extra[i]; {
		case e.Numbers != nil:
			e.Numbers = append(e.Numbers, math.NaN())
		case e.Times != nil:
			e.Times = append(e.Times, 0)
		default:
			e.Strings = append(e.Strings, "")
		}
	}
}

func (g *growing) set(p *parquetSource, leaf int, vs []parquet.Value) error {
	last := g.f.N - 1
	if to := g.field[leaf]; to >= 0 && len(vs) == 1 && vs[0].Kind() == parquet.Double && g.f.Cols[to].Num != nil {
		g.f.Cols[to].Num[last] = vs[0].Double()
		return nil
	}
	if to := g.other[leaf]; to >= 0 && g.extra[to].Times != nil && len(vs) == 1 {
		if !vs[0].IsNull() {
			unit := p.leaves[leaf].typ.LogicalType().Value.(*format.TimestampType)
			g.extra[to].Times[last] = micros(vs[0].Int64(), unit)
		}
		return nil
	}
	v, err := p.value(leaf, vs)
	if err != nil {
		return err
	}
	if to := g.field[leaf]; to >= 0 {
		return g.f.Set(last, to, v)
	}
	return g.extra[g.other[leaf]].set(last, v)
}

func (e *Extra) set(row int, v any) error {
	if x, ok := v.(string); ok && e.Strings != nil {
		e.Strings[row] = x
		return nil
	}
	if x, ok := v.(float64); ok && e.Numbers != nil {
		e.Numbers[row] = x
		return nil
	}
	// A frame of one cell reads v by the rules of features.
	kind := frame.Category
	if e.Numbers != nil {
		kind = frame.Number
	}
	one := frame.New(frame.Schema{{Name: e.Name, Kind: kind}}, 1)
	if err := one.Set(0, 0, v); err != nil {
		return err
	}
	if kind == frame.Number {
		e.Numbers[row] = one.Cols[0].Num[0]
	} else {
		e.Strings[row] = one.Cols[0].Str[0]
	}
	return nil
}

// taken returns the first name that occurs twice.
func taken(names []string) (string, bool) {
	sorted := slices.Sorted(slices.Values(names))
	for i := 1; i < len(sorted); i++ {
		if sorted[i] == sorted[i-1] {
			return sorted[i], true
		}
	}
	return "", false
}
