package command

import (
	"encoding/json"
	"math"
	"strings"

	"hone/internal/train"
)

// maxLog bounds the lines that one training hands on, in bytes, and separately
// its reports of values.
const maxLog = 1 << 20

// recorder turns what a trainer prints into progress. Its methods are called one
// at a time.
type recorder struct {
	report        func(train.Progress)
	lines, values int // Bytes handed on.
	cut           bool
}

func newRecorder(report func(train.Progress)) *recorder {
	if report == nil {
		report = func(train.Progress) {}
	}
	return &recorder{report: report}
}

func (r *recorder) stdout(line string) {
	p, ok := parseProgress(line)
	if !ok {
		r.stderr(line)
		return
	}
	if r.values += len(line); r.values <= maxLog {
		r.report(p)
		return
	}
	r.full()
}

func (r *recorder) stderr(line string) {
	if line == "" {
		return
	}
	if r.lines += len(line); r.lines <= maxLog {
		r.report(train.Progress{Line: line})
		return
	}
	r.full()
}

// full says once that the rest is dropped.
func (r *recorder) full() {
	if !r.cut {
		r.cut = true
		r.report(train.Progress{Line: "… the trainer printed more than 1 MiB; the rest is dropped"})
	}
}

// parseProgress reads an object with numbers in it, such as {"step": 10, "loss":
// 0.31}. What else is in it is left out.
func parseProgress(line string) (p train.Progress, ok bool) {
	if !strings.HasPrefix(strings.TrimSpace(line), "{") {
		return p, false
	}
	var object map[string]any
	if json.Unmarshal([]byte(line), &object) != nil {
		return p, false
	}
	for name, v := range object {
		x, is := v.(float64)
		if !is {
			continue
		}
		ok = true
		if name == "step" && x == math.Trunc(x) && math.Abs(x) < 1<<53 {
			p.Step = int(x)
			continue
		}
		if p.Values == nil {
			p.Values = map[string]float64{}
		}
		p.Values[name] = x
	}
	return p, ok
}
