package gateway

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"hone"
	"hone/internal/clock"
	"hone/internal/fault"
	"hone/internal/frame"
)

// maxRows is the most rows of one request, maxUnit the longest unit, in bytes.
const (
	maxRows = 10_000
	maxUnit = 1024
)

// Request asks for the prediction of some rows, at least one.
type Request struct {
	// IDs of the predictions, one a row or nil; what is empty is made here.
	IDs []hone.PredictionID
	// Units, the users or sessions that a route sticks to, one a row or nil. A row
	// without takes the plan's sticky feature, else Unit, else its id.
	Units []string
	Unit  string
	// Frame holds the rows, in the order of the model's features. The gateway
	// keeps it: it must not be changed any more.
	Frame *frame.Frame
	// Version to ask, whatever the plan says. Empty: as the plan says.
	Version hone.VersionID
}

// Answer is the prediction for one row.
type Answer struct {
	ID      hone.PredictionID
	Version hone.VersionID
	Route   hone.Route
	// Scores are as hone.Scores has them; Classes name them, nil for regression.
	Scores  []float64
	Classes []string
	Answer  string // The class, or the number.
	Fault   string // Why another version did not answer, for ByFallback.
}

// served is a request's answers and how they were logged.
type served struct {
	answers []Answer
	log     string // buffered, durable or shed.
	made    bool   // At least one id was made here.
}

// Predict answers a request. No failure of a challenger reaches the caller. It
// fails when the request is wrong (invalid), no version can answer, or the model
// logs durably and the log does not take the predictions (unavailable).
func (g *Gateway) Predict(ctx context.Context, model string, in Request) ([]Answer, error) {
	out, err := g.predict(ctx, model, in)
	return out.answers, err
}

func (g *Gateway) predict(ctx context.Context, model string, in Request) (served, error) {
	m, s, err := g.find(model)
	if err != nil {
		return served{}, err
	}
	watch := clock.Start()
	s.requests.Add(1)
	out, err := g.serve(ctx, m, s, in)
	if err != nil {
		s.errors.Add(1)
		if ctx.Err() == nil && !callers(err) {
			s.refused.Add(int64(in.Frame.N))
		}
		return served{}, err
	}
	s.rowsServed.Add(int64(len(out.answers)))
	s.observe(watch.Elapsed())
	return out, nil
}

// callers tells whether an error is for the caller to mend.
func callers(err error) bool {
	e, known := hone.AsError(err)
	return known && e.Code != hone.Unavailable && e.Code != hone.Internal
}

func (g *Gateway) serve(ctx context.Context, m hone.Model, s *serving, in Request) (served, error) {
	if !g.jobs.enter() {
		return served{}, &hone.Error{Code: hone.Unavailable, Message: "shutting down", Hint: "repeat the request once it runs again"}
	}
	defer g.jobs.done()
	if err := check(m, in); err != nil {
		return served{}, err
	}
	if in.Version != "" {
		if err := checkVersion(m.Name, in.Version); err != nil {
			return served{}, err
		}
	}
	st := g.enter(s)
	if st == nil {
		return served{}, noChampion(m.Name)
	}
	defer g.exit(s, st)
	t := &trip{g: g, s: s, st: st, in: in, rows: fit(in.Frame, m.Features), now: g.clock.Now()}
	if err := t.name(); err != nil {
		return served{}, err
	}
	if err := t.answer(ctx); err != nil {
		return served{}, err
	}
	mode, err := t.record(ctx)
	if err != nil {
		return served{}, err
	}
	t.shadow()
	return served{answers: t.answers, log: mode, made: t.made}, nil
}

func noChampion(model string) error {
	return &hone.Error{Code: hone.Unavailable, Message: "model " + model + " has no champion yet",
		Hint: "give it labelled data and let its first run end; hone status says how far it is"}
}

// checkVersion refuses what cannot be a version before anybody looks for it.
func checkVersion(model string, v hone.VersionID) error {
	number, ok := strings.CutPrefix(string(v), "v")
	if ok && number != "" && len(number) <= 9 && strings.Trim(number, "0123456789") == "" {
		return nil
	}
	return &hone.Error{Code: hone.NotFound, Message: "model " + model + " has no version " + quote(string(v)),
		Hint: "versions are named v1, v2 and so on; GET /v2/models/" + model + " lists those that serve"}
}

func check(m hone.Model, in Request) error {
	invalid := func(hint, format string, args ...any) error {
		return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf(format, args...), Hint: hint}
	}
	if in.Frame == nil || in.Frame.N == 0 {
		return invalid("send at least one row", "the request has no rows")
	}
	n := in.Frame.N
	if n > maxRows {
		return &hone.Error{Code: hone.TooLarge, Message: fmt.Sprintf("the request has %d rows", n), Hint: fmt.Sprintf("send at most %d rows at a time", maxRows)}
	}
	if in.IDs != nil && len(in.IDs) != n {
		return invalid("send one id a row, or none", "the request has %d rows and %d prediction ids", n, len(in.IDs))
	}
	if in.Units != nil && len(in.Units) != n {
		return invalid("send one unit a row, or none", "the request has %d rows and %d units", n, len(in.Units))
	}
	for i, u := range in.Units {
		if len(u) > maxUnit {
			return invalid(fmt.Sprintf("a unit has at most %d bytes", maxUnit), "the unit of row %d has %d bytes", i, len(u))
		}
	}
	if len(in.Unit) > maxUnit {
		return invalid(fmt.Sprintf("a unit has at most %d bytes", maxUnit), "the unit has %d bytes", len(in.Unit))
	}
	for _, f := range in.Frame.Schema {
		if m.Features.Index(f.Name) >= 0 {
			return nil
		}
	}
	return invalid("name the features as the configuration does", "the request has none of the features of model %s", m.Name)
}

// trip is one request on its way.
type trip struct {
	g       *Gateway
	s       *serving
	st      *state
	in      Request
	rows    *frame.Frame // In the order of the model's features.
	now     time.Time
	made    bool
	units   []string // As logged: empty where the id stands for the unit.
	answers []Answer
	took    []time.Duration
}

// name gives each row its id and its unit.
func (t *trip) name() error {
	n := t.rows.N
	t.answers, t.took, t.units = make([]Answer, n), make([]time.Duration, n), t.in.Units
	for i := range t.answers {
		if t.in.IDs == nil || t.in.IDs[i] == "" {
			continue
		}
		t.answers[i].ID = t.in.IDs[i]
		if err := t.answers[i].ID.Check(); err != nil {
			return err
		}
	}
	t.makeIDs()
	if t.in.IDs != nil && n > 1 {
		seen := make(map[hone.PredictionID]int, n)
		for i := range t.answers {
			if j, twice := seen[t.answers[i].ID]; twice {
				return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("rows %d and %d have the same prediction id %s", j, i, quote(string(t.answers[i].ID))),
					Hint: "give each row an id of its own, or none"}
			}
			seen[t.answers[i].ID] = i
		}
	}
	sticky := t.rows.Schema.Index(t.st.plan.StickyBy)
	if sticky < 0 && t.in.Unit == "" {
		return nil
	}
	units := make([]string, n)
	copy(units, t.units)
	for i := range units {
		if units[i] == "" && sticky >= 0 {
			units[i] = unitOf(t.rows, i, sticky)
		}
		units[i] = cmp.Or(units[i], t.in.Unit)
	}
	t.units = units
	return nil
}

func unitOf(f *frame.Frame, row, col int) string {
	switch v := f.Value(row, col).(type) {
	case string:
		return strings.ToValidUTF8(v[:min(len(v), maxUnit)], "")
	case float64:
		return frame.FormatNumber(v)
	}
	return ""
}

// makeIDs gives an id, a ULID behind the gateway's prefix, to each row that has
// none.
func (t *trip) makeIDs() {
	missing := 0
	for i := range t.answers {
		if t.answers[i].ID == "" {
			missing++
		}
	}
	if missing == 0 {
		return
	}
	t.made = true
	var id ulid.ULID
	_ = id.SetTime(uint64(t.now.UnixMilli())) // Fails only ten thousand years from now.
	prefix := t.g.prefix
	size := len(prefix) + ulid.EncodedSize
	all := make([]byte, missing*size)
	for at := all; len(at) > 0; at = at[size:] {
		copy(at, prefix)
		hi, lo := t.g.random(), t.g.random()
		for k := range 8 {
			id[6+k] = byte(hi >> (8 * k))
		}
		id[14], id[15] = byte(lo), byte(lo>>8)
		_ = id.MarshalTextTo(at[len(prefix):size]) // The room is exact.
	}
	text := hone.PredictionID(all)
	for i := range t.answers {
		if t.answers[i].ID == "" {
			t.answers[i].ID, text = text[:size], text[size:]
		}
	}
}

// answer routes the rows and asks the versions: the challenger for its rows,
// then the champion for all the others and for those that the challenger failed.
func (t *trip) answer(ctx context.Context) error {
	if t.in.Version != "" {
		return t.answerByName(ctx)
	}
	canary, rest := t.route()
	if len(canary) == 0 {
		return t.askChampion(ctx, nil)
	}
	v := t.st.plan.Challenger
	r, err := t.g.askChallenger(ctx, t.st, t.pick(canary))
	if err == nil {
		t.fill(canary, v, r)
		if len(rest) == 0 {
			return nil
		}
		return t.askChampion(ctx, rest)
	}
	if ctx.Err() != nil {
		return t.givenUp(ctx)
	}
	t.failed(canary, v, r.took, err)
	return t.askChampion(ctx, nil)
}

// route says for each row by which share it is answered, and returns the rows
// of the challenger and the others.
func (t *trip) route() (canary, rest []int) {
	plan := t.st.plan
	if t.st.ejected.Load() {
		plan.Challenger = ""
	}
	for i := range t.answers {
		a := &t.answers[i]
		if plan.Challenger == "" || plan.Weight == 0 {
			a.Route = hone.ByChampion
			continue
		}
		unit := string(a.ID)
		if t.units != nil && t.units[i] != "" {
			unit = t.units[i]
		}
		if a.Route = Route(plan, unit); a.Route == hone.ByCanary {
			canary = append(canary, i)
		} else {
			rest = append(rest, i)
		}
	}
	return canary, rest
}

// askChampion answers the given rows, or all for nil, by the champion, or by the
// version before it where the champion fails.
func (t *trip) askChampion(ctx context.Context, rows []int) error {
	plan := t.st.plan
	f := t.pick(rows)
	r, err := t.g.ask(ctx, plan.Model, plan.Champion, f)
	if err == nil {
		t.fill(rows, plan.Champion, r)
		return nil
	}
	if ctx.Err() != nil {
		return t.givenUp(ctx)
	}
	t.g.logger.WarnContext(ctx, "champion failed", "model", plan.Model, "version_id", plan.Champion, "error", err)
	if plan.Previous != "" && plan.Previous != plan.Champion {
		t.failed(rows, plan.Champion, r.took, err)
		before, second := t.g.ask(ctx, plan.Model, plan.Previous, f)
		if second == nil {
			t.fill(rows, plan.Previous, before)
			return nil
		}
		t.g.logger.WarnContext(ctx, "previous version failed too", "model", plan.Model, "version_id", plan.Previous, "error", second)
	}
	return &hone.Error{Code: hone.Unavailable, Message: fmt.Sprintf("champion %s of model %s gave no answer: %s", plan.Champion, plan.Model, cut(err.Error())),
		Hint: "repeat the request; if it goes on, roll back: hone rollback " + plan.Model}
}

// answerByName asks the one version that the caller named. Nothing answers in
// its place.
func (t *trip) answerByName(ctx context.Context) error {
	plan := t.st.plan
	for i := range t.answers {
		t.answers[i].Route = hone.ByName
	}
	var r reply
	var err error
	if t.in.Version == plan.Champion {
		r, err = t.g.ask(ctx, plan.Model, plan.Champion, t.rows)
	} else {
		r, err = t.g.askWithin(ctx, t.nameTimeout(), plan.Model, t.in.Version, t.rows)
	}
	if err == nil {
		t.fill(nil, t.in.Version, r)
		return nil
	}
	if ctx.Err() != nil {
		return t.givenUp(ctx)
	}
	if _, told := hone.AsError(err); told {
		return err
	}
	return &hone.Error{Code: hone.Unavailable, Message: fmt.Sprintf("version %s of model %s gave no answer: %s", t.in.Version, plan.Model, cut(err.Error())),
		Hint: "ask another version, or name none"}
}

// nameTimeout leaves a version that is not in the plan the time to load.
func (t *trip) nameTimeout() time.Duration {
	if t.st.names(t.in.Version) {
		return t.st.plan.Timeout
	}
	return max(t.st.plan.Timeout, 30*time.Second)
}

func (t *trip) givenUp(ctx context.Context) error {
	return &hone.Error{Code: hone.Unavailable, Message: "the request was given up before there was an answer: " + context.Cause(ctx).Error(),
		Hint: "repeat it with more time"}
}

// pick returns some of the rows; nil stands for all.
func (t *trip) pick(rows []int) *frame.Frame {
	if rows == nil || len(rows) == t.rows.N {
		return t.rows
	}
	return t.rows.Pick(rows)
}

// each calls f with the place of every given row in the answers, nil for all.
func (t *trip) each(rows []int, f func(k int, a *Answer, took *time.Duration)) {
	if rows == nil {
		for i := range t.answers {
			f(i, &t.answers[i], &t.took[i])
		}
		return
	}
	for k, i := range rows {
		f(k, &t.answers[i], &t.took[i])
	}
}

func (t *trip) fill(rows []int, v hone.VersionID, r reply) {
	t.each(rows, func(k int, a *Answer, took *time.Duration) {
		a.Version, a.Scores, a.Classes, a.Answer = v, r.scores.Row(k), r.classes, r.answers[k]
		*took += r.took
		if a.Route == hone.ByFallback {
			t.s.fallbacks.Add(1)
		}
	})
}

// failed notes that a version did not answer some rows, the first such version
// where there were two.
func (t *trip) failed(rows []int, v hone.VersionID, after time.Duration, err error) {
	why := cut(string(v) + ": " + err.Error())
	t.each(rows, func(_ int, a *Answer, took *time.Duration) {
		a.Route, a.Fault = hone.ByFallback, cmp.Or(a.Fault, why)
		*took += after
	})
}

// record hands the answers to the log, and says how they were logged.
func (t *trip) record(ctx context.Context) (string, error) {
	ps := make([]hone.Prediction, len(t.answers))
	for i, features := range t.rows.EncodeRows() {
		a := &t.answers[i]
		ps[i] = hone.Prediction{ID: a.ID, Model: t.s.name, Time: t.now, Version: a.Version, Route: a.Route,
			Features: features, Scores: a.Scores, Latency: t.took[i], Fault: a.Fault}
		if t.units != nil {
			ps[i].Unit = t.units[i]
		}
	}
	if t.st.plan.Log == hone.Durable {
		err := fault.At(fault.LogAppend)
		if err == nil {
			_, err = t.g.log.AppendPredictions(ctx, t.s.name, ps)
		}
		if err != nil {
			t.g.logger.WarnContext(ctx, "prediction not stored", "model", t.s.name, "rows", len(ps), "error", err)
			return "", &hone.Error{Code: hone.Unavailable, Message: "the prediction was made but not stored",
				Hint: "repeat the request with the same id; model " + t.s.name + " answers only what is stored (log: durable)"}
		}
		return string(hone.Durable), nil
	}
	if fault.At(fault.LogOffer) == nil && t.g.log.Offer(t.s.name, ps) {
		return string(hone.Buffered), nil
	}
	t.s.shed.Add(int64(len(ps)))
	return "shed", nil
}
