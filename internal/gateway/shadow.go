package gateway

import (
	"sync"
	"time"

	"hone"
	"hone/internal/fault"
	"hone/internal/frame"
)

// Bounds of the shadows: requests and rows that wait for one model, workers in
// all, rows of results that wait to be written, and how far writes are apart.
const (
	maxWaiting     = 256
	maxWaitingRows = 65_536
	shadowWorkers  = 2
	maxPending     = 65_536
	writeEvery     = 100 * time.Millisecond
)

// shadows asks versions that do not serve, behind the requests. Its workers and
// its writer run only while there is something to do.
type shadows struct {
	mu      sync.Mutex
	ready   []*serving // Models with requests that wait, each once, in turn.
	workers int
	writing bool
	pending map[string][]hone.ShadowScore
	rows    int // Pending.
}

// shadowJob is one request for a shadow.
type shadowJob struct {
	version hone.VersionID
	rows    *frame.Frame
	answers []Answer
	at      time.Time
}

// shadow queues the request for the plan's shadow. It never waits.
func (t *trip) shadow() {
	v := t.st.plan.Shadow
	if v == "" || t.in.Version != "" {
		return
	}
	job := shadowJob{version: v, rows: t.rows, answers: t.answers, at: t.now}
	var others []int // Rows that the shadow has not itself answered.
	for i := range t.answers {
		if t.answers[i].Version != v {
			others = append(others, i)
		}
	}
	if len(others) == 0 {
		return
	}
	if len(others) < len(t.answers) {
		job.rows, job.answers = t.rows.Pick(others), make([]Answer, len(others))
		for k, i := range others {
			job.answers[k] = t.answers[i]
		}
	}
	if !t.g.queue(t.s, job) {
		t.s.shadowDropped.Add(int64(len(others)))
	}
}

func (g *Gateway) queue(s *serving, job shadowJob) bool {
	sh := &g.shadows
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if len(s.waiting) >= maxWaiting || s.rows+job.rows.N > maxWaitingRows {
		return false
	}
	if sh.workers < shadowWorkers {
		g.jobs.start(g.shadowWork)
		sh.workers++
	}
	if len(s.waiting) == 0 {
		sh.ready = append(sh.ready, s)
	}
	s.waiting = append(s.waiting, job)
	s.rows += job.rows.N
	return true
}

// shadowWork asks until nothing waits, one request of each model in turn.
func (g *Gateway) shadowWork() {
	sh := &g.shadows
	for {
		sh.mu.Lock()
		if len(sh.ready) == 0 {
			sh.workers--
			sh.mu.Unlock()
			return
		}
		s := sh.ready[0]
		sh.ready = sh.ready[1:]
		job := s.waiting[0]
		s.waiting[0] = shadowJob{}
		s.waiting = s.waiting[1:]
		s.rows -= job.rows.N
		if len(s.waiting) > 0 {
			sh.ready = append(sh.ready, s)
		}
		sh.mu.Unlock()
		g.askShadow(s, job)
	}
}

// askShadow asks for one request. It is dropped when the plan has moved on.
func (g *Gateway) askShadow(s *serving, job shadowJob) {
	n := int64(job.rows.N)
	st := g.enter(s)
	if st == nil { // The model is forgotten.
		s.shadowDropped.Add(n)
		return
	}
	defer g.exit(s, st)
	if g.base.Err() != nil || !st.names(job.version) {
		s.shadowDropped.Add(n)
		return
	}
	r, err := g.askWithin(g.base, st.plan.Timeout, s.name, job.version, job.rows)
	if g.base.Err() != nil && err != nil {
		s.shadowDropped.Add(n)
		return
	}
	s.shadowed.Add(n)
	out := make([]hone.ShadowScore, n)
	for i, a := range job.answers {
		out[i] = hone.ShadowScore{ID: a.ID, Time: job.at, Version: job.version, Served: a.Scores, Latency: r.took}
		if err != nil {
			out[i].Fault = cut(err.Error())
			continue
		}
		out[i].Scores = r.scores.Row(i)
	}
	g.gather(s, out)
}

// gather puts results with those that wait to be written.
func (g *Gateway) gather(s *serving, out []hone.ShadowScore) {
	sh := &g.shadows
	sh.mu.Lock()
	if sh.rows+len(out) > maxPending {
		sh.mu.Unlock()
		s.shadowDropped.Add(int64(len(out)))
		return
	}
	if sh.pending == nil {
		sh.pending = map[string][]hone.ShadowScore{}
	}
	sh.pending[s.name] = append(sh.pending[s.name], out...)
	sh.rows += len(out)
	start := !sh.writing
	sh.writing = true
	sh.mu.Unlock()
	if start {
		g.jobs.start(g.writeShadows)
	}
}

// writeShadows writes what has gathered, at most every writeEvery, until there
// is nothing left; at once when the gateway stops.
func (g *Gateway) writeShadows() {
	sh := &g.shadows
	for {
		select {
		case <-g.clock.After(writeEvery):
		case <-g.jobs.quit:
		}
		sh.mu.Lock()
		pending := sh.pending
		sh.pending, sh.rows = nil, 0
		if len(pending) == 0 {
			sh.writing = false
			sh.mu.Unlock()
			return
		}
		sh.mu.Unlock()
		for model, scores := range pending {
			err := fault.At(fault.LogShadows)
			if err == nil {
				err = g.log.AppendShadows(g.base, model, scores)
			}
			if err != nil {
				g.of(model).shadowDropped.Add(int64(len(scores)))
				g.logger.Warn("shadow scores not stored", "model", model, "rows", len(scores), "error", err)
			}
		}
	}
}
