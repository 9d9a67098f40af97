package continuous_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"hone"
	"hone/internal/frame"
	"hone/internal/stream"
	"hone/internal/train/continuous"
)

var binary = hone.Signature{Task: hone.Binary, Classes: []string{"0", "1"}, Threshold: 0.5}

// sea makes rows of a world whose rule is that of the variant, and their labels.
func sea(seed uint64, variant, n int) (*frame.Frame, []string) {
	s := stream.NewSEA(seed, func(int) int { return variant }, 0.05)
	f, labels := frame.New(s.Schema(), n), make([]string, n)
	for i := range labels {
		labels[i] = s.Next(f, i)
	}
	return f, labels
}

func begin(t *testing.T, sig hone.Signature, f *frame.Frame, labels []string) *continuous.Learner {
	t.Helper()
	y := make([]float64, len(labels))
	for i, l := range labels {
		y[i] = sig.Target(l)
	}
	l, err := continuous.Begin(t.Context(), sig, continuous.Rows{Frame: f, Targets: y}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// learn hands rows on as a monitor does.
func learn(l *continuous.Learner, f *frame.Frame, labels []string) (n int) {
	for at := 0; at < f.N; at += 20 {
		end := min(at+20, f.N)
		n += l.Learn(f.Slice(at, end), labels[at:end], ones(end-at))
	}
	return n
}

func ones(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = 1
	}
	return out
}

func wrong(t *testing.T, l *continuous.Learner, f *frame.Frame, labels []string) float64 {
	t.Helper()
	m, err := l.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	p, n := make([]float64, f.N), 0.0
	m.Predict(f, p)
	for i := range p {
		if (p[i] > 0.5) != (labels[i] == "1") {
			n++
		}
	}
	return n / float64(f.N)
}

// TestGoesOn follows a change of the rule within 2,000 labels, and keeps what it knows
// where there is none: within 2.5 points of what it would be if it were trained for it.
func TestGoesOn(t *testing.T) {
	t.Parallel()
	f, labels := sea(1, 2, 3000)
	sig := binary
	sig.Features = f.Schema
	old, oldLabels := sea(2, 2, 5000)
	fresh, freshLabels := sea(3, 3, 2000)
	test, testLabels := sea(4, 3, 5000)
	l := begin(t, sig, f, labels)
	was := wrong(t, l, old, oldLabels)
	more, moreLabels := sea(5, 2, 5000)
	if n := learn(l, more, moreLabels); n != 5000 {
		t.Errorf("%d rows were learned", n)
	}
	if now := wrong(t, l, old, oldLabels); now > was+0.01 {
		t.Errorf("in a world that stays it errs in %.3f, after %.3f", now, was)
	}
	before := wrong(t, l, test, testLabels)
	learn(l, fresh, freshLabels)
	after, best := wrong(t, l, test, testLabels), wrong(t, begin(t, sig, fresh, freshLabels), test, testLabels)
	if before < best+0.05 || after > best+0.025 {
		t.Errorf("in a world that changed it errs in %.3f, then %.3f; one that was trained for it in %.3f", before, after, best)
	}
}

// TestStored: one that was stored goes on as if it never had been.
func TestStored(t *testing.T) {
	t.Parallel()
	f, labels := sea(1, 2, 1000)
	sig := binary
	sig.Features = f.Schema
	l := begin(t, sig, f, labels)
	more, moreLabels := sea(2, 3, 730)
	learn(l, more.Slice(0, 350), moreLabels[:350])
	b, err := l.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	back, err := continuous.Read(b, sig)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []*continuous.Learner{l, back} {
		learn(l, more.Slice(350, 730), moreLabels[350:])
	}
	x, _ := l.Marshal()
	y, _ := back.Marshal()
	if !bytes.Equal(x, y) {
		t.Error("they differ")
	}
	other := sig
	other.Features = sig.Features[1:]
	if _, err := continuous.Read(b, other); err == nil || !strings.Contains(err.Error(), "does not fit") {
		t.Errorf("for other features: %v", err)
	}
	if _, err := continuous.Read(b[:100], sig); err == nil {
		t.Error("half of it was read")
	}
}

// TestLeavesOut: what nothing can be learned from is left out, and the rest is not.
func TestLeavesOut(t *testing.T) {
	t.Parallel()
	f, labels := sea(1, 2, 500)
	sig := binary
	sig.Features = f.Schema
	if n := begin(t, sig, f, labels).Learn(f.Slice(0, 3), []string{"1", "perhaps", "0"}, ones(3)); n != 2 {
		t.Errorf("%d of 2 classes that are known were learned", n)
	}
	numbers := make([]string, 500)
	for i := range numbers {
		numbers[i] = fmt.Sprint(f.Cols[0].Num[i])
	}
	reg := hone.Signature{Task: hone.Regression, Features: f.Schema}
	l := begin(t, reg, f, numbers)
	if n := l.Learn(f.Slice(0, 4), []string{"3", "1e300", "none", "5"}, ones(4)); n != 2 {
		t.Errorf("%d of 2 numbers that can be were learned", n)
	}
	if m, err := l.Freeze(); err != nil {
		t.Error(err)
	} else if p := make([]float64, 4); true {
		m.Predict(f.Slice(0, 4), p)
		if math.IsNaN(p[0]) {
			t.Error("it answers with no number")
		}
	}
}

func TestBeginEnds(t *testing.T) {
	t.Parallel()
	f, labels := sea(1, 2, 3000)
	sig := binary
	sig.Features = f.Schema
	y := make([]float64, len(labels))
	for i, l := range labels {
		y[i] = sig.Target(l)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := continuous.Begin(ctx, sig, continuous.Rows{Frame: f, Targets: y}, nil); err != context.Canceled {
		t.Errorf("stopped: %v", err)
	}
	if _, err := continuous.Begin(t.Context(), hone.Signature{Task: "chat"}, continuous.Rows{Frame: f, Targets: y}, nil); err == nil || !strings.Contains(err.Error(), "chat") {
		t.Errorf("what is not learned: %v", err)
	}
	if _, err := continuous.Begin(t.Context(), sig, continuous.Rows{Frame: f, Targets: y}, map[string]any{"epoch": 3}); err == nil || !strings.Contains(err.Error(), "epochs") {
		t.Errorf("a param that is not known: %v", err)
	}
}
