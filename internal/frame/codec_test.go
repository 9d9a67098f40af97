package frame_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"hone/internal/frame"
)

var kinds = []frame.Kind{frame.Number, frame.Category, frame.Text}

// random makes a frame of up to 8 columns and 12 rows with awkward values.
func random(r *rand.Rand) *frame.Frame {
	s := make(frame.Schema, r.IntN(9))
	for i := range s {
		s[i] = frame.Field{Name: fmt.Sprintf("f%d", i), Kind: kinds[r.IntN(3)]}
	}
	f := frame.New(s, r.IntN(13))
	numbers := []float64{0, math.Copysign(0, -1), 1, -1.5, math.MaxFloat64, math.SmallestNonzeroFloat64, math.NaN(), math.Float64frombits(0x7ff8000000000123)}
	names := []string{"", "a", "NA", "\x00", "grüezi 🎈", "\xff\xfe", strings.Repeat("long ", 60)}
	for i := range f.Cols {
		for row := range f.N {
			if s[i].Kind == frame.Number {
				f.Cols[i].Num[row] = numbers[r.IntN(len(numbers))] + float64(r.IntN(2))
			} else {
				f.Cols[i].Str[row] = names[r.IntN(len(names))]
			}
		}
	}
	return f
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		f := random(r)
		rows := f.EncodeRows()
		for i, b := range rows {
			if one := f.EncodeRow([]byte("before"), i); !bytes.Equal(one, append([]byte("before"), b...)) {
				t.Fatalf("EncodeRow gives %x, EncodeRows %x", one, b)
			}
		}
		g := frame.New(f.Schema, f.N)
		if err := g.DecodeRows(rows); err != nil {
			t.Fatal(err)
		}
		h, err := frame.Decoder{Target: f.Schema}.Frame(rows)
		if err != nil {
			t.Fatal(err)
		}
		k := frame.New(f.Schema, f.N)
		for i, b := range rows {
			if err := k.DecodeRow(i, b); err != nil {
				t.Fatal(err)
			}
		}
		for _, got := range []*frame.Frame{g, h, k} {
			if !reflect.DeepEqual(cells(got), cells(f)) {
				t.Fatalf("got %v, want %v", cells(got), cells(f))
			}
			if again := got.EncodeRows(); !reflect.DeepEqual(again, rows) {
				t.Fatalf("decoded rows encode as %x, were %x", again, rows)
			}
		}
	}
}

// TestEncodedRowsStandAlone holds that growing one encoded row leaves the next.
func TestEncodedRowsStandAlone(t *testing.T) {
	t.Parallel()
	f := table(t)
	rows := f.EncodeRows()
	second := string(rows[1])
	_ = append(rows[0], "overrun"...)
	if string(rows[1]) != second {
		t.Error("an append to row 0 wrote over row 1")
	}
}

func TestEqualRowsGiveEqualBytes(t *testing.T) {
	t.Parallel()
	f := frame.New(frame.Schema{{Name: "x", Kind: frame.Number}}, 2)
	f.Cols[0].Num[0] = math.Float64frombits(0x7ff8000000000001)
	f.Cols[0].Num[1] = math.Float64frombits(0xfff8000000000abc)
	if rows := f.EncodeRows(); !bytes.Equal(rows[0], rows[1]) {
		t.Errorf("two missing numbers encode as %x and %x", rows[0], rows[1])
	}
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	// The number stands in every stored row: it must never change.
	if got := schema.Fingerprint(); got != 0x726dbeb5 {
		t.Errorf("the fingerprint is %#08x now; stored rows could not be read", got)
	}
	seen := map[uint32]string{}
	for _, s := range []frame.Schema{
		{}, schema, schema[:2],
		{{Name: "amount", Kind: frame.Number}, {Name: "note", Kind: frame.Text}, {Name: "country", Kind: frame.Category}},
		{{Name: "amount", Kind: frame.Category}, {Name: "country", Kind: frame.Category}, {Name: "note", Kind: frame.Text}},
		{{Name: "a", Kind: "numberb"}}, {{Name: "anumber", Kind: "b"}},
	} {
		if other, ok := seen[s.Fingerprint()]; ok {
			t.Errorf("%v has the fingerprint of %s", s, other)
		}
		seen[s.Fingerprint()] = fmt.Sprint(s)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	whole := table(t).EncodeRow(nil, 0)
	other := frame.New(schema[:2], 1).EncodeRow(nil, 0)
	f := func(b []byte, want string, foreign bool) {
		t.Helper()
		_, decoder := frame.Decoder{Target: schema}.Frame([][]byte{b})
		for _, err := range []error{frame.New(schema, 1).DecodeRow(0, b), frame.New(schema, 1).DecodeRows([][]byte{b}), decoder} {
			if err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, frame.ErrSchema) != foreign {
				t.Errorf("%x: got %v, want %q", b, err, want)
			}
		}
	}
	for n := range whole {
		f(whole[:n], "cut short", false)
	}
	f(append(bytes.Clone(whole), 0, 0), "2 bytes too many", false)
	f(other, "another schema", true)
	huge := append(bytes.Clone(whole[:12]), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)
	f(huge, "cut short", false)
	endless := append(bytes.Clone(whole[:12]), bytes.Repeat([]byte{0xff}, 20)...)
	f(endless, "cut short", false)
}

func TestDecoderReadsOlderSchemas(t *testing.T) {
	t.Parallel()
	older := frame.Schema{{Name: "note", Kind: frame.Text}, {Name: "amount", Kind: frame.Category}, {Name: "gone", Kind: frame.Number}, {Name: "country", Kind: frame.Category}}
	old := frame.New(older, 1)
	for col, v := range []any{"as it was", "12", 3, "DE"} {
		if err := old.Set(0, col, v); err != nil {
			t.Fatal(err)
		}
	}
	now := table(t)
	d := frame.Decoder{Target: schema, Schemas: map[uint32]frame.Schema{older.Fingerprint(): older}}
	f, err := d.Frame([][]byte{now.EncodeRow(nil, 0), old.EncodeRow(nil, 0), now.EncodeRow(nil, 2)})
	if err != nil {
		t.Fatal(err)
	}
	// The amount was a category then: it does not become a number by guessing.
	wantCells(t, f, [][]any{{1.5, "CH", "hello"}, {nil, "DE", "as it was"}, {-3.0, "FR", nil}})

	unknown := frame.New(schema[1:], 1).EncodeRow(nil, 0)
	if _, err := d.Frame([][]byte{now.EncodeRow(nil, 0), unknown}); !errors.Is(err, frame.ErrSchema) || !strings.Contains(err.Error(), "row 1") {
		t.Errorf("got %v, want ErrSchema for row 1", err)
	}
	cut := old.EncodeRow(nil, 0)
	if _, err := d.Frame([][]byte{cut[:len(cut)-1]}); err == nil {
		t.Error("a cut row of an older schema was read")
	}
	if f, err := d.Frame(nil); err != nil || f.N != 0 {
		t.Errorf("no rows: got %v, %v", f, err)
	}
}

// FuzzDecode holds that no bytes make the decoder panic, and that what it takes
// it gives back.
func FuzzDecode(f *testing.F) {
	g := frame.New(schema, 1)
	f.Add(g.EncodeRow(nil, 0))
	g.Cols[0].Num[0], g.Cols[1].Str[0], g.Cols[2].Str[0] = 1.5, "CH", strings.Repeat("x", 200)
	f.Add(g.EncodeRow(nil, 0))
	f.Add(g.EncodeRow(nil, 0)[4:])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		g := frame.New(schema, 1)
		if g.DecodeRow(0, b) != nil {
			return
		}
		again := frame.New(schema, 1)
		if err := again.DecodeRow(0, g.EncodeRow(nil, 0)); err != nil || !reflect.DeepEqual(cells(again), cells(g)) {
			t.Errorf("%x reads as %v, and that back as %v (%v)", b, cells(g), cells(again), err)
		}
	})
}
