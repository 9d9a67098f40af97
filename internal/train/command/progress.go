package command

import (
	"encoding/json"
	"math"
	"strings"
	"sync"

	"hone/internal/train"
)

// maxLog bounds the lines that one training hands on, in bytes, and separately
// its reports of values.
const maxLog = 1 << 20

// recorder turns what a trainer prints into progress, one line at a time.
type recorder struct {
	report func(train.Progress)

	mu            sync.Mutex
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
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.values += len(line); r.values <= maxLog {
		r.report(p)
		return
	}
	r.fullLocked()
}

func (r *recorder) stderr(line string) {
	if line == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lines += len(line); r.lines <= maxLog {
		r.report(train.Progress{Line: line})
		return
	}
	r.fullLocked()
}

// fullLocked says once that the rest is dropped.
func (r *recorder) fullLocked() {
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
