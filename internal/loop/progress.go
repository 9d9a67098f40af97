package loop

import (
	"sync"
	"time"

	"hone"
	"hone/internal/train"
)

// tailLines is how much of a trainer's log is kept at hand.
const tailLines = 200

// progress is what a training under way has said. It is safe for concurrent use.
type progress struct {
	mu      sync.Mutex
	version hone.VersionID
	lines   []string
	last    train.Progress
}

func (p *progress) begin(v hone.VersionID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.version, p.lines, p.last = v, nil, train.Progress{}
}

func (p *progress) report(r train.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Line != "" {
		p.lines = append(p.lines, r.Line)
		if len(p.lines) > tailLines {
			p.lines = p.lines[len(p.lines)-tailLines:]
		}
	}
	if r.Values != nil {
		p.last = r
	}
}

// Training is what a training under way has said.
type Training struct {
	Version hone.VersionID     `json:"version"`
	Step    int                `json:"step,omitempty"`
	Values  map[string]float64 `json:"values,omitempty"`
	Lines   []string           `json:"lines,omitempty"`
}

func (p *progress) read() Training {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Training{p.version, p.last.Step, p.last.Values, append([]string(nil), p.lines...)}
}

func compareTimes(a, b time.Time) int { return a.Compare(b) }
