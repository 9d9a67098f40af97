package encode_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"hone/internal/frame"
	"hone/internal/learn/encode"
)

var mixed = frame.Schema{
	{Name: "amount", Kind: frame.Number},
	{Name: "age", Kind: frame.Number},
	{Name: "country", Kind: frame.Category},
	{Name: "note", Kind: frame.Text},
}

var defaults = encode.Options{HashBits: 12, Bigrams: true, Squares: true, Interactions: true}

// rows returns a frame of the mixed schema in which age and country are missing
// here and there.
func rows(n int) *frame.Frame {
	r := rand.New(rand.NewPCG(1, 2))
	f := frame.New(mixed, n)
	for i := range n {
		f.Cols[0].Num[i] = 100 + 20*r.NormFloat64()
		if i%7 != 0 {
			f.Cols[1].Num[i] = 40 + 10*r.NormFloat64()
		}
		if i%5 != 0 {
			f.Cols[2].Str[i] = []string{"de", "fr", "it"}[r.IntN(3)]
		}
		f.Cols[3].Str[i] = []string{"Late Delivery", "all good", "broken, on arrival"}[r.IntN(3)]
	}
	return f
}

// dense returns the vector of a row with its slots summed.
func dense(t *testing.T, e *encode.Encoder, f *frame.Frame, row int) []float64 {
	t.Helper()
	idx, val := e.Append(f, row, nil, nil)
	if len(idx) != len(val) {
		t.Fatalf("%d slots with %d values", len(idx), len(val))
	}
	out := make([]float64, e.Width())
	for i, at := range idx {
		out[at] += val[i]
	}
	return out
}

func difference(a, b []float64) float64 {
	d := 0.0
	for i := range a {
		d += math.Abs(a[i] - b[i])
	}
	return d
}

func TestNumbersAreStandardised(t *testing.T) {
	t.Parallel()
	f := rows(2000)
	e := encode.Fit(f, defaults)
	n := float64(f.N)
	mean, sq := make([]float64, 2), make([]float64, 2)
	for i := range f.N {
		v := dense(t, e, f, i)
		for j := range 2 { // amount and its square
			mean[j] += v[j] / n
			sq[j] += v[j] * v[j] / n
		}
	}
	for j := range 2 {
		if math.Abs(mean[j]) > 0.05 || math.Abs(sq[j]-1) > 0.15 {
			t.Errorf("slot %d has mean %.3f and mean square %.3f, want 0 and 1", j, mean[j], sq[j])
		}
	}
	g := frame.New(mixed, 1)
	g.Cols[0].Num[0] = 1e300
	if v := dense(t, e, g, 0); v[0] != encode.Limit {
		t.Errorf("an absurd number counts for %v, want %v", v[0], encode.Limit)
	}
}

func TestMissingHasASlotOnlyWhereTrainingSawIt(t *testing.T) {
	t.Parallel()
	f := rows(200)
	e := encode.Fit(f, encode.Options{HashBits: 4})
	none := dense(t, e, frame.New(mixed, 1), 0)
	sum := 0.0
	for _, v := range none {
		sum += v
	}
	if sum != 2 { // age and country
		t.Errorf("an empty row fills %v slots, want those of age and country", sum)
	}
	f.Cols[0].Num[0] = math.Inf(1)
	if got := encode.Fit(f, encode.Options{HashBits: 4}).Width(); got != e.Width()+1 {
		t.Errorf("an infinity counts as missing: width %d, want %d", got, e.Width()+1)
	}
}

func TestUnseenCategory(t *testing.T) {
	t.Parallel()
	f := rows(200)
	a, b := encode.Fit(f, defaults), encode.Fit(f.Slice(50, 200), defaults)
	g := frame.New(frame.Schema{mixed[2]}, 3)
	copy(g.Cols[0].Str, []string{"atlantis", "atlantis", "de"})
	narrow := func(e *encode.Encoder) *encode.Encoder {
		h := frame.New(frame.Schema{mixed[2]}, f.N)
		copy(h.Cols[0].Str, f.Cols[2].Str)
		return encode.Fit(h, e.Options())
	}
	x, y := narrow(a), narrow(b)
	first, second, known := dense(t, x, g, 0), dense(t, x, g, 1), dense(t, x, g, 2)
	if difference(first, second) != 0 || difference(first, known) != 2 {
		t.Error("an unseen value must keep its own slot")
	}
	if difference(first, dense(t, y, g, 0)) != 0 {
		t.Error("the slot of an unseen value differs between fits with equal dictionaries")
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	e := encode.Fit(frame.New(frame.Schema{{Name: "t", Kind: frame.Text}}, 0), encode.Options{HashBits: 20})
	e2 := encode.Fit(frame.New(frame.Schema{{Name: "t", Kind: frame.Text}}, 0), encode.Options{HashBits: 20, Bigrams: true})
	f := func(a, b string, same bool, words, withPairs int) {
		t.Helper()
		g := frame.New(e.Schema(), 2)
		g.Cols[0].Str[0], g.Cols[0].Str[1] = a, b
		if got := difference(dense(t, e, g, 0), dense(t, e, g, 1)) < 1e-12; got != same {
			t.Errorf("%q and %q are the same bag of words: got %v, want %v", a, b, got, same)
		}
		idx, val := e.Append(g, 0, nil, nil)
		sq := 0.0
		for _, v := range val {
			sq += v * v
		}
		if len(idx) != words || words > 0 && math.Abs(sq-1) > 1e-9 {
			t.Errorf("%q gives %d slots of square sum %v, want %d and 1", a, len(idx), sq, words)
		}
		if idx, _ := e2.Append(g, 0, nil, nil); len(idx) != withPairs {
			t.Errorf("%q with pairs gives %d slots, want %d", a, len(idx), withPairs)
		}
	}
	f("Late delivery!", "DELIVERY, late", true, 2, 3)
	f("late", "lates", false, 1, 1)
	f("ÉCOLE über", "école Über", true, 2, 3)
	f("配送が遅い", "遅い配送が", true, 5, 9)
	f("x配y", "x 配 y", true, 3, 5)
	f("", "?!", true, 0, 0)
	f("bad\xffbytes", "bad bytes", true, 2, 3)
}

func TestPiecesOfWords(t *testing.T) {
	t.Parallel()
	schema := frame.Schema{{Name: "t", Kind: frame.Text}}
	f := func(least, most int, a, b string, slots, shared int) {
		t.Helper()
		g := frame.New(schema, 2)
		g.Cols[0].Str[0], g.Cols[0].Str[1] = a, b
		e := encode.Fit(frame.New(schema, 0), encode.Options{HashBits: 24, CharsMin: least, CharsMax: most})
		idx, val := e.Append(g, 0, nil, nil)
		others, _ := e.Append(g, 1, nil, nil)
		sq, both := 0.0, 0
		for i, at := range idx {
			sq += val[i] * val[i]
			if slices.Contains(others, at) {
				both++
			}
		}
		if len(idx) != slots || both != shared || math.Abs(sq-1) > 1e-9 {
			t.Errorf("%q in pieces of %d to %d: %d slots of square sum %v, want %d; %d are of %q too, want %d", a, least, most, len(idx), sq, slots, both, b, shared)
		}
	}
	f(3, 3, "late", "lates", 5, 3) // late: " la", "lat", "ate", "te "; the first three.
	f(3, 3, "late", "Late!", 5, 5)
	f(2, 2, "late", "etal", 6, 0)  // The order counts.
	f(3, 3, "la te", "late", 6, 2) // No piece spans two words: " la" and "te ".
	f(4, 4, "it", "its", 1, 0)     // It is all that there is of it.
	f(3, 3, "it", "its", 3, 1)
	f(2, 8, "a", "ab", 1, 0)
	f(3, 3, "über", "ÜBERALL", 5, 3)
	f(2, 3, "配送", "配送", 2, 2) // Each is a word of one character.
	// Wherever it stands in a long word: 7 pieces of 2, and so on to 1 of 8.
	f(2, 8, "abcdefgh", "uvwxyzabcdefghuvwxyz", 43, 28)
	f(8, 8, "uvwxyzabcdefghuvwxyz", "abcdefgh", 16, 1)
}

func TestCharsFit(t *testing.T) {
	t.Parallel()
	f := func(least, most int, want bool) {
		t.Helper()
		if got := encode.CharsFit(least, most); got != want {
			t.Errorf("%d to %d: got %v, want %v", least, most, got, want)
		}
	}
	f(0, 0, true)
	f(2, 8, true)
	f(0, 3, false)
	f(1, 3, false)
	f(4, 3, false)
	f(3, 9, false)
	e := encode.Fit(frame.New(mixed, 0), encode.Options{HashBits: 4, CharsMin: 1, CharsMax: 90})
	if o := e.Options(); o.CharsMin != 0 || o.CharsMax != 0 {
		t.Errorf("pieces of %d to %d are counted", o.CharsMin, o.CharsMax)
	}
}

func TestNamesShareOneSpace(t *testing.T) {
	t.Parallel()
	f := rows(20)
	for i := range f.N {
		idx, val := encode.AppendNames(f, i, 6, nil, nil)
		for j := range idx {
			if idx[j] < 0 || idx[j] >= 64 || val[j] <= 0 {
				t.Fatalf("row %d: slot %d holds %v", i, idx[j], val[j])
			}
		}
	}
	g := frame.New(frame.Schema{{Name: "a", Kind: frame.Category}, {Name: "b", Kind: frame.Category}}, 1)
	g.Cols[0].Str[0], g.Cols[1].Str[0] = "x", "x"
	if idx, _ := encode.AppendNames(g, 0, 12, nil, nil); len(idx) != 2 || idx[0] == idx[1] {
		t.Errorf("the same value of two fields gets slots %v", idx)
	}
}

func TestJSONKeepsTheVectors(t *testing.T) {
	t.Parallel()
	f := rows(300)
	f.Cols[2].Str[1], f.Cols[2].Str[2] = "bad\xff", "bad\xff"
	e := encode.Fit(f, defaults)
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var back encode.Encoder
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if again, _ := json.Marshal(&back); !bytes.Equal(b, again) {
		t.Error("the bytes differ after a round trip")
	}
	for i := range f.N {
		if d := difference(dense(t, e, f, i), dense(t, &back, f, i)); d != 0 {
			t.Fatalf("row %d differs by %v after a round trip", i, d)
		}
	}
}

func TestNothingIsAllocated(t *testing.T) {
	f := rows(100)
	o := defaults
	o.CharsMin, o.CharsMax = 3, 5
	e := encode.Fit(f, o)
	idx, val := e.Append(f, 2, nil, nil)
	if n := testing.AllocsPerRun(100, func() { idx, val = e.Append(f, 2, idx[:0], val[:0]) }); n != 0 {
		t.Errorf("%v allocations a row", n)
	}
}

func FuzzUnmarshal(f *testing.F) {
	e := encode.Fit(rows(50), defaults)
	b, err := json.Marshal(e)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"schema":[{"name":"a","kind":"number"}],"options":{"hash_bits":4},"columns":[{}],"pairs":[{"a":0,"b":0,"sd":1}]}`))
	f.Add([]byte(`{"schema":[{"name":"a","kind":"text"}],"options":{"hash_bits":8,"chars_min":2,"chars_max":8},"columns":[{}]}`))
	f.Add([]byte(`{"schema":[{"name":"a","kind":"text"}],"options":{"hash_bits":30},"columns":[{}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var e encode.Encoder
		if json.Unmarshal(b, &e) != nil {
			return
		}
		g := frame.New(e.Schema(), 1)
		for i := range g.Cols {
			if g.Schema[i].Kind == frame.Number {
				g.Cols[i].Num[0] = 1
			} else {
				g.Cols[i].Str[0] = "some words"
			}
		}
		idx, val := e.Append(g, 0, nil, nil)
		for i := range idx {
			if idx[i] < 0 || int(idx[i]) >= e.Width() || val[i]-val[i] != 0 {
				t.Fatalf("slot %d of %d holds %v", idx[i], e.Width(), val[i])
			}
		}
	})
}

// One operation encodes a text of 100 words.
func BenchmarkAppendText(b *testing.B) {
	for name, word := range map[string]string{"plain": "word%d ", "accented": "mötley%d "} {
		f := frame.New(frame.Schema{{Name: "text", Kind: frame.Text}}, 1)
		for i := range 100 {
			f.Cols[0].Str[0] += fmt.Sprintf(word, 37*i)
		}
		e := encode.Fit(f, encode.Options{HashBits: 18})
		b.Run(name, func(b *testing.B) {
			var idx []int32
			var val []float64
			for b.Loop() {
				idx, val = e.Append(f, 0, idx[:0], val[:0])
			}
		})
	}
}
