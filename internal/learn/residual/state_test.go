package residual_test

import (
	"bytes"
	"strings"
	"testing"

	"hone/internal/frame"
	"hone/internal/learn/residual"
)

func marshal(t testing.TB, p *residual.Probe) []byte {
	t.Helper()
	b, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A probe goes on from its stored state bit for bit, also within a minibatch,
// and however the rows are spread over calls.
func TestReplayIsBitEqual(t *testing.T) {
	t.Parallel()
	for _, w := range []*world{binary(1, 3000, 1000, 0.8), blobs(1, 3000, 1000), values(1, 3000, 1000), names(1, 3000, 1000)} {
		loss := zeroOne
		if w.o.Task == residual.Regression {
			loss = squared
		}
		a, b := residual.New(w.o), residual.New(w.o)
		w.run(a, 0, 1507, loss)
		for at := 0; at < 1507; at += 11 {
			w.run(b, at, min(at+11, 1507), loss)
		}
		stored := marshal(t, a)
		if !bytes.Equal(stored, marshal(t, b)) {
			t.Errorf("%s: the state depends on how rows are spread over calls", w.o.Task)
		}
		back, err := residual.Unmarshal(stored)
		if err != nil {
			t.Fatal(err)
		}
		x, y := w.run(a, 1507, 3000, loss), w.run(back, 1507, 3000, loss)
		for i := range x {
			if x[i] != y[i] {
				t.Fatalf("%s: tick %d is %+v, after a round trip %+v", w.o.Task, i, x[i], y[i])
			}
		}
		if !bytes.Equal(marshal(t, a), marshal(t, back)) {
			t.Errorf("%s: the states differ after a round trip", w.o.Task)
		}
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	t.Parallel()
	w := binary(1, 50, 0, 0.8)
	p := residual.New(w.o)
	w.run(p, 0, 50, zeroOne)
	good := string(marshal(t, p))
	try := func(b, want string) {
		t.Helper()
		_, err := residual.Unmarshal([]byte(b))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	try("", "read probe")
	try(`{}`, "format")
	try(good[:100], "read probe")
	try(strings.Replace(good, `"binary"`, `"ranking"`, 1), "not known")
	try(strings.Replace(good, `"width":1`, `"width":1000000`, 1), "do not fit")
	try(strings.Replace(good, `"kind":"number"`, `"kind":"text"`, 1), "do not fit")
	try(strings.Replace(good, `"weights":"`, `"weights":"AAAAAAAA8H8AAAAAAADwfwAA`, 1), "read probe")
	try(strings.Replace(good, `"trained":10`, `"trained":20`, 1), "counts")
}

func FuzzUnmarshal(f *testing.F) {
	for _, w := range []*world{blobs(1, 30, 0), values(1, 30, 0), names(1, 30, 0)} {
		p := residual.New(w.o)
		w.run(p, 0, 30, squared)
		f.Add(marshal(f, p))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := residual.Unmarshal(b)
		if err != nil {
			return
		}
		// What was accepted can be stored again, and gives the same once more.
		again, err := residual.Unmarshal(marshal(t, p))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(marshal(t, p), marshal(t, again)) {
			t.Fatal("the state differs after a round trip")
		}
	})
}

// The experts must not mind columns that say nothing.
func TestConstantAndUnknownMoments(t *testing.T) {
	t.Parallel()
	w := binary(1, 4000, 2000, 0.8)
	w.o.SD = nil
	w.o.Mean = w.o.Mean[:3]
	for i := range w.f.N {
		for j := range w.f.Cols {
			w.f.Cols[j].Num[i] = (w.f.Cols[j].Num[i] - 50) / 4
		}
		w.f.Cols[9].Num[i] = 7
	}
	w.o.Mean = nil
	p := residual.New(w.o)
	ticks := w.run(p, 0, 4000, zeroOne)
	if lower, _ := bound(ticks); lower < 100 {
		t.Errorf("the bound is %.1f, want at least 100", lower)
	}
	empty := residual.New(residual.Options{Task: residual.Binary, Width: 1})
	if s := empty.Batch(frame.New(nil, 1), []float64{0.3}, []float64{1}, func(int, []float64) float64 { return 1 }); s.N != 1 {
		t.Errorf("a probe without features gives %+v", s)
	}
}
