package gateway

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"hone"
	"hone/internal/fault"
)

// breakAfter is how many faults of a challenger in a row end its traffic.
const breakAfter = 5

// defaultTimeout of a challenger or shadow, where the plan names none.
const defaultTimeout = time.Second

// state is one plan in force. All but the counts stays as it was made.
type state struct {
	given hone.Plan // As it came.
	plan  hone.Plan // Without what does not load.

	users   atomic.Int64 // Requests under way on it.
	faults  atomic.Int32 // Of the challenger, in a row.
	ejected atomic.Bool  // The challenger gets no more traffic.
}

// versionsOf lists what a plan names, each once, the champion first.
func versionsOf(p hone.Plan) []hone.VersionID {
	var out []hone.VersionID
	for _, v := range []hone.VersionID{p.Champion, p.Previous, p.Challenger, p.Shadow} {
		if v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

func (st *state) versions() []hone.VersionID { return versionsOf(st.plan) }

func (st *state) names(v hone.VersionID) bool {
	return v != "" && (v == st.plan.Champion || v == st.plan.Previous || v == st.plan.Challenger || v == st.plan.Shadow)
}

// enter returns the current state, which stays usable until exit, or nil.
func (g *Gateway) enter(s *serving) *state {
	for {
		st := s.state.Load()
		if st == nil {
			return nil
		}
		st.users.Add(1)
		if s.state.Load() == st {
			return st
		}
		g.exit(s, st) // A swap came between; the old versions may be closed by now.
	}
}

func (g *Gateway) exit(s *serving, st *state) {
	if st.users.Add(-1) == 0 && s.state.Load() != st {
		g.settle(s)
	}
}

// settle forgets plans that no request uses any more, and closes the versions
// that only they named.
func (g *Gateway) settle(s *serving) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current := s.state.Load()
	left := s.live[:0]
	var keep []hone.VersionID
	for _, st := range s.live {
		if st == current || st.users.Load() > 0 {
			left = append(left, st)
			keep = append(keep, st.versions()...)
		}
	}
	clear(s.live[len(left):])
	s.live = left
	g.pool.Keep(s.name, keep...)
}

// Apply puts a plan in force. It first loads what the plan names: the champion
// must load, or the old plan stays; a challenger or shadow that does not is left
// out and reported through Ejected. Requests under way end on the versions they
// began with. A plan older than the one in force is refused (conflict), the same
// one again changes nothing. An error of code unavailable whose message says
// that the plan is not kept means that it is in force, but not on disk yet:
// applying it again tries again.
func (g *Gateway) Apply(plan hone.Plan) error {
	s := g.of(plan.Model)
	s.applying.Lock()
	defer s.applying.Unlock()
	if err := g.enforce(s, plan); err != nil {
		return err
	}
	if err := g.keep(s, plan); err != nil {
		if e, ok := hone.AsError(err); ok && e.Code == hone.Conflict {
			return e
		}
		return &hone.Error{Code: hone.Unavailable,
			Message: fmt.Sprintf("plan %d of model %s is in force, but not kept on disk: %v", plan.Token, plan.Model, err),
			Hint:    "make room in the data folder, or make it writable; it is tried again with the next plan"}
	}
	return nil
}

// enforce puts a plan in force that is not already. s.applying is held.
func (g *Gateway) enforce(s *serving, plan hone.Plan) error {
	if err := checkPlan(plan); err != nil {
		return err
	}
	switch current := s.state.Load(); {
	case current != nil && plan.Token < current.given.Token:
		return &hone.Error{Code: hone.Conflict,
			Message: fmt.Sprintf("plan %d of model %s is older than plan %d, which is in force", plan.Token, plan.Model, current.given.Token),
			Hint:    "read the newest plan and apply that"}
	case current != nil && current.given == plan:
		return nil
	}
	return g.load(s, plan)
}

// Forget ends the serving of a model that is configured no more: requests under
// way end on what they began with, then its versions are closed. The plan on
// disk stays. A plan that is applied later is in force again.
func (g *Gateway) Forget(model string) {
	s := g.of(model)
	s.applying.Lock()
	defer s.applying.Unlock()
	s.state.Store(nil)
	g.settle(s)
}

func checkPlan(p hone.Plan) error {
	bad := func(what, hint string) error {
		return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("plan %d of model %s %s", p.Token, quote(p.Model), what), Hint: hint}
	}
	switch {
	case !validName(p.Model):
		return bad("names no model", "a model's name has lower-case letters, digits, - and _")
	case p.Champion == "":
		return bad("has no champion", "a model is served once a first version is its champion")
	case !(p.Weight >= 0 && p.Weight <= 1):
		return bad(fmt.Sprintf("gives the challenger a share of %v", p.Weight), "a share is between 0 and 1")
	case p.Timeout < 0:
		return bad(fmt.Sprintf("has a time-out of %v", p.Timeout), "a time-out is positive, or 0 for the default")
	}
	return nil
}

func validName(s string) bool {
	return s != "" && len(s) <= 128 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// load opens what the plan names and swaps it in. s.applying is held.
func (g *Gateway) load(s *serving, plan hone.Plan) error {
	next := &state{given: plan, plan: plan}
	next.users.Store(1) // Ours, so that nothing of it is closed while it loads.
	s.mu.Lock()
	s.live = append(s.live, next)
	s.mu.Unlock()
	defer g.exit(s, next)

	if err := errors.Join(fault.At(fault.PlanLoad), g.try(plan.Model, plan.Champion)); err != nil {
		return &hone.Error{Code: hone.Unavailable,
			Message: fmt.Sprintf("load champion %s of model %s: %v", plan.Champion, plan.Model, err),
			Hint:    "the plan before stays in force; look at the version's artefact, or make another version champion"}
	}
	tell := g.leaveOut(next)
	if err := fault.At(fault.PlanSwap); err != nil {
		return err
	}
	s.state.Store(next)
	g.settle(s)
	g.logger.Info("plan applied", "model", plan.Model, "token", plan.Token, "champion", plan.Champion,
		"challenger", next.plan.Challenger, "weight", next.plan.Weight, "shadow", next.plan.Shadow)
	tell()
	return nil
}

// leaveOut takes from the plan, besides the champion, what does not load. What
// it returns reports that.
func (g *Gateway) leaveOut(next *state) (tell func()) {
	lost := map[hone.VersionID]string{}
	given := next.given
	if err := g.try(given.Model, given.Challenger); err != nil {
		lost[given.Challenger] = cut("does not load: " + err.Error())
		next.plan.Challenger, next.plan.Weight = "", 0
	}
	if err := g.try(given.Model, given.Shadow); err != nil {
		lost[given.Shadow] = cut("does not load: " + err.Error())
		next.plan.Shadow = ""
	}
	if err := g.try(given.Model, given.Previous); err != nil {
		g.logger.Warn("previous version does not load", "model", given.Model, "version_id", given.Previous, "error", err)
		next.plan.Previous = ""
	}
	return func() {
		for v, why := range lost {
			g.eject(given.Model, v, why)
		}
	}
}

// try opens a version, so that the first request to it need not wait.
func (g *Gateway) try(model string, v hone.VersionID) error {
	if v == "" {
		return nil
	}
	_, release, err := g.pool.Acquire(g.base, model, v)
	if err == nil {
		release()
	}
	return err
}

// eject tells of a version that was taken off the traffic, beside the request
// that saw it: whoever is told may take their time.
func (g *Gateway) eject(model string, v hone.VersionID, why string) {
	g.logger.Warn("version ejected", "model", model, "version_id", v, "why", why)
	tell := func() { g.ejected(model, v, why) }
	if !g.jobs.start(tell) {
		tell()
	}
}
