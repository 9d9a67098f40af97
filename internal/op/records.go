package op

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"hone"
	"hone/internal/audit"
	"hone/internal/feedback"
	"hone/internal/frame"
	"hone/internal/loop"
)

// TraceIn names a prediction.
type TraceIn struct {
	Prediction string `json:"-" path:"prediction_id" help:"the prediction's id"`
	Model      string `json:"-" query:"model" help:"the model, where several have a prediction of this id"`
}

// Trace is the whole chain behind one answer.
type Trace struct {
	Sentence   string          `json:"sentence"`
	Prediction hone.Prediction `json:"prediction"`
	Features   map[string]any  `json:"features"`
	Answer     string          `json:"answer,omitempty"`
	Feedback   []hone.Feedback `json:"feedback"`
	Label      string          `json:"label,omitempty"`
	// Inferred is set where no label came, and Label is what its absence means.
	Inferred bool          `json:"inferred,omitempty"`
	Version  *hone.Version `json:"version,omitempty"`
	Run      *hone.Run     `json:"run,omitempty"`
	Dataset  *hone.Dataset `json:"dataset,omitempty"`
	// Withheld says what is not shown to this caller.
	Withheld string `json:"withheld,omitempty"`
	// Aliases are the moves that gave the version its traffic.
	Aliases []hone.AliasMove `json:"alias_history,omitempty"`
	// Steps tell the chain in words, from the answer back to its evidence.
	Steps []string `json:"steps"`
}

// AuditIn asks for links of the audit chain.
type AuditIn struct {
	After int64  `json:"-" query:"after" help:"only events after this number"`
	Model string `json:"-" query:"model" help:"only events of this model"`
	Limit int    `json:"-" query:"limit" help:"how many at most (default 1000)"`
}

// AuditList is a stretch of the chain, oldest first.
type AuditList struct {
	Events []hone.Event `json:"events"`
	Head   int64        `json:"head"`
}

// VerifyIn may hold the chain against a head that was kept elsewhere.
type VerifyIn struct {
	Head string `json:"-" query:"head" help:"SEQ:HASH, a head that an earlier check printed and that was kept elsewhere: finds also a chain that was cut off or written anew as a whole"`
}

// Verified says whether the audit chain is whole.
type Verified struct {
	Whole  bool   `json:"whole"`
	Events int64  `json:"events"`
	Head   string `json:"head"`
	// Keep is the head as --head takes it.
	Keep     string `json:"keep,omitempty"`
	Sentence string `json:"sentence"`
	// Erased are the events whose data was erased on request, and those that say so.
	Erased []audit.Gap `json:"erased_payloads,omitempty"`
}

// Report is what the doctor found.
type Report struct {
	Well     bool      `json:"well"`
	Findings []Finding `json:"findings"`
}

func marshal(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // Only what is made here is written.
	}
	return b
}

func records() []Operation {
	return []Operation{
		define(Operation{Name: "trace", Method: "GET", Path: "/api/v1/trace/{prediction_id}", Role: Viewer, Scoped: true,
			Summary: "walk from an answer to its evidence: version, run, trigger, dataset, gates, people",
			Help:    "Features, unit, labels and feedback are shown to admins and to who was given --data; to others the chain alone.", Example: "hone trace p-81"}, trace),
		define(Operation{Name: "export", Method: "GET", Path: "/api/v1/audit", Role: Viewer, Scoped: true,
			Summary: "list the audit chain, oldest first", Example: "hone export --after 100 --json"}, listAudit),
		define(Operation{Name: "audit verify", Method: "GET", Path: "/api/v1/audit/verify", Role: Viewer, Scoped: true,
			Summary: "check that no event of the audit chain was changed, removed or put in",
			Help:    "Whoever can write to the data folder could write the whole chain anew. Keep the head\nthat it prints elsewhere, and hold the chain against it with --head.",
			Example: "hone audit verify"}, verifyAudit),
		define(Operation{Name: "doctor", Method: "GET", Path: "/api/v1/doctor", Role: Viewer,
			Summary: "look whether everything that Hone needs is in order", Example: "hone doctor"},
			func(ctx context.Context, s *Service, _ Caller, _ Nothing) (Report, error) {
				r := Report{Well: true, Findings: s.Doctor(ctx)}
				for _, f := range r.Findings {
					r.Well = r.Well && f.OK
				}
				return r, nil
			}),
	}
}

func listAudit(ctx context.Context, s *Service, who Caller, in AuditIn) (AuditList, error) {
	head, _, err := s.Records.Head(ctx)
	if err != nil {
		return AuditList{}, err
	}
	limit := bounded(in.Limit, 1000, 10000)
	out := AuditList{Events: []hone.Event{}, Head: head}
	for after := in.After; len(out.Events) < limit; {
		events, err := s.Records.Events(ctx, after, in.Model, limit)
		if err != nil || len(events) == 0 {
			return out, err
		}
		after = events[len(events)-1].Seq
		for _, e := range events {
			// What concerns no model may name others.
			if len(out.Events) < limit && (len(who.Models) == 0 || e.Model != "" && who.Sees(e.Model)) {
				out.Events = append(out.Events, e)
			}
		}
		if len(events) < limit {
			return out, nil
		}
	}
	return out, nil
}

func verifyAudit(ctx context.Context, s *Service, _ Caller, in VerifyIn) (Verified, error) {
	var kept audit.Head
	var err error
	if in.Head != "" {
		if kept, err = audit.ParseHead(in.Head); err != nil {
			return Verified{}, err
		}
	}
	head, hash, err := s.Records.Head(ctx)
	if err != nil {
		return Verified{}, err
	}
	newest := audit.Head{Seq: head, Hash: hash}
	out := Verified{Events: head, Head: hash}
	var other *audit.Broken // What is not as it was kept.
	if kept.Seq > head {
		other = &audit.Broken{Seq: head + 1, Why: fmt.Sprintf("truncated: the chain ends at event %d, and %d was kept", head, kept.Seq)}
	}
	out.Erased, err = audit.Verify(s.chainTo(ctx, head, func(e hone.Event) {
		if e.Seq == kept.Seq && e.Hash != kept.Hash {
			other = &audit.Broken{Seq: e.Seq, Why: "changed: its hash is not the one that was kept"}
		}
	}), newest)
	if err == nil && other != nil {
		err = other
	}
	if broken, ok := errors.AsType[*audit.Broken](err); ok {
		out.Sentence = "The chain is broken: " + broken.Error()
		return out, nil
	}
	if err != nil {
		return out, err
	}
	out.Whole, out.Sentence = true, fmt.Sprintf("%d events, chain whole, head %.12s.", head, hash)
	if head > 0 {
		out.Keep = newest.String()
	}
	switch head {
	case 0:
		out.Sentence = "Nothing is recorded yet: the chain is empty."
	case 1:
		out.Sentence = fmt.Sprintf("1 event, chain whole, head %.12s.", hash)
	}
	if kept.Seq > 0 {
		out.Sentence += fmt.Sprintf(" Event %d is the one that was kept.", kept.Seq)
	}
	out.Sentence += erasedPayloads(out.Erased)
	return out, nil
}

// chainTo walks the chain to its head as it was when the walk began.
func (s *Service) chainTo(ctx context.Context, head int64, see func(hone.Event)) iter.Seq2[hone.Event, error] {
	return func(yield func(hone.Event, error) bool) {
		for after := int64(0); after < head; {
			page, err := s.Records.Events(ctx, after, "", 1000)
			if err != nil || len(page) == 0 {
				if err != nil {
					yield(hone.Event{}, err)
				}
				return
			}
			for _, e := range page {
				see(e)
				if e.Seq <= head && !yield(e, nil) {
					return
				}
			}
			after = page[len(page)-1].Seq
		}
	}
}

// erasedPayloads says which events have lost their data to which erasure.
func erasedPayloads(gaps []audit.Gap) (said string) {
	for len(gaps) > 0 {
		by, list := gaps[0].By, []string{}
		for len(gaps) > 0 && gaps[0].By == by {
			list, gaps = append(list, fmt.Sprint(gaps[0].Seq)), gaps[1:]
		}
		noun := "payload of event"
		if len(list) > 1 {
			noun = "payloads of events"
		}
		said += fmt.Sprintf(" The %s %s: erased by event %d.", noun, strings.Join(list, ", "), by)
	}
	return said
}

func trace(ctx context.Context, s *Service, who Caller, in TraceIn) (Trace, error) {
	names := s.seen(who)
	if in.Model != "" {
		names = []string{in.Model}
	}
	for _, name := range names {
		p, fs, err := s.Events.Find(ctx, name, hone.PredictionID(in.Prediction))
		if e, ok := hone.AsError(err); ok && e.Code == hone.NotFound {
			continue
		}
		if err != nil {
			return Trace{}, err
		}
		return s.chain(ctx, who, p, fs)
	}
	return Trace{}, &hone.Error{Code: hone.NotFound, Message: fmt.Sprintf("no prediction %q is kept", in.Prediction),
		Hint: "answers are found for as long as retention keeps them; buffered ones after at most 100 ms"}
}

func (s *Service) chain(ctx context.Context, who Caller, p hone.Prediction, fs []hone.Feedback) (Trace, error) {
	t := Trace{Prediction: p, Feedback: fs}
	if !who.Reads() {
		t.Prediction.Unit, t.Feedback = "", []hone.Feedback{}
		t.Withheld = "Features, unit, labels and feedback are shown to admins and to who was given --data."
		return t, s.answered(ctx, &t)
	}
	truth := feedback.Fold(fs)
	if truth.Known {
		t.Label = truth.Label
	}
	if p.Route != hone.ByNobody {
		if err := s.readFeatures(ctx, &t); err != nil {
			return t, err
		}
	}
	err := s.answered(ctx, &t)
	if t.Label != "" {
		t.say("It turned out to be %s.", t.Label)
		asked, e := s.Loop.Asked(ctx, p.Model)
		if err = errors.Join(err, e); asked[p.Seq] {
			t.say("Somebody was asked for its label, to decide a run.")
		}
	}
	if v, e := s.Loop.View(p.Model); e == nil && truth == (feedback.Truth{}) {
		t.presume(v)
	}
	return t, err
}

// presume says what the lack of a label means, once it does.
func (t *Trace) presume(v loop.View) {
	spec := v.Model.Label
	if !spec.Infers() || spec.Presumed(t.Prediction).After(v.Heard) {
		return
	}
	t.Label, t.Inferred = spec.AbsentMeans, true
	t.say("No label came within %s, while others did: it counts as %s.", spec.After, t.Label)
}

// answered tells who answered, and on what evidence.
func (s *Service) answered(ctx context.Context, t *Trace) error {
	p := t.Prediction
	if p.Route == hone.ByNobody {
		t.Sentence = fmt.Sprintf("%s was erased: only its number and its id are left.", p.ID)
		t.say("%s was stored at %s, and what it said was erased since.", p.ID, clockTime(p.Received))
		return nil
	}
	if p.Route == hone.Imported {
		t.Sentence = fmt.Sprintf("%s is a row of history: no version answered it.", p.ID)
		t.say("%s happened at %s, and was loaded into %s at %s.", p.ID, clockTime(p.Time), p.Model, clockTime(p.Received))
		return nil
	}
	t.say("%s was asked at %s (%s).", p.Model, clockTime(p.Time), p.ID)
	if p.Version == "" {
		t.Sentence = fmt.Sprintf("%s was answered elsewhere; by which version was not said.", p.ID)
		return nil
	}
	v, err := s.Records.Version(ctx, p.Model, p.Version)
	if e, ok := hone.AsError(err); ok && e.Code == hone.NotFound {
		t.Sentence = fmt.Sprintf("%s was answered elsewhere, by %s.", p.ID, p.Version)
		t.say("Hone knows no version %s of %s, and so no evidence for it.", p.Version, p.Model)
		return nil
	}
	if err != nil {
		return err
	}
	t.Version = &v
	if len(p.Scores) == v.Signature.Width() {
		t.Answer = v.Signature.Answer(p.Scores)
	}
	t.say("%s answered %s by the route %s in %s; its artefact is %.12s, %s.", v.ID, t.Answer, p.Route, p.Latency.Round(time.Microsecond), v.Artefact, v.Format)
	t.Sentence = fmt.Sprintf("%s answered %s.", v.ID, t.Answer)
	return s.evidence(ctx, t, v)
}

func clockTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") + " UTC" }

func (t *Trace) say(format string, args ...any) {
	t.Steps = append(t.Steps, fmt.Sprintf(format, args...))
}

func (s *Service) readFeatures(ctx context.Context, t *Trace) error {
	m, ok := s.Loop.Model(t.Prediction.Model)
	if !ok {
		return nil
	}
	schemas, err := s.Events.Schemas(ctx, m.Name)
	if err != nil {
		return err
	}
	f, err := frame.Decoder{Target: m.Features, Schemas: schemas}.Frame([][]byte{t.Prediction.Features})
	if err != nil {
		return err
	}
	t.Features = map[string]any{}
	for i, field := range f.Schema {
		t.Features[field.Name] = f.Value(0, i)
	}
	return nil
}

// evidence adds what made a version, and who let it serve.
func (s *Service) evidence(ctx context.Context, t *Trace, v hone.Version) error {
	moves, err := s.Control.AliasHistory(ctx, v.Model)
	if err != nil {
		return err
	}
	if v.Run == "" {
		t.say("It was made elsewhere and registered from %v; rows up to %s do not judge it.", v.Params["path"], clockTime(v.TrainedUntil))
	} else if err := s.making(ctx, t, v); err != nil {
		return err
	}
	for _, m := range moves {
		if m.Version == v.ID && (m.Alias == hone.Challenger || m.Alias == hone.Champion) {
			t.Aliases = append(t.Aliases, m)
			if m.Alias == hone.Champion && m.Run != v.Run && m.Run != "" {
				if run, err := s.Control.Run(ctx, m.Run); err == nil && run.Decision.Reuse == v.ID {
					t.say("Run %s took it as it was: %s", run.ID, run.Decision.Sentence)
				}
			}
			t.say("%s became %s at %s by %s: %s.", m.Version, m.Alias, clockTime(m.At), m.By, strings.TrimSuffix(m.Reason, "."))
		}
	}
	return nil
}

// making adds the run that made a version, its dataset and its gates.
func (s *Service) making(ctx context.Context, t *Trace, v hone.Version) error {
	run, err := s.Control.Run(ctx, v.Run)
	if err != nil {
		return err
	}
	ds, err := s.Control.Dataset(ctx, v.Dataset)
	if err != nil {
		return err
	}
	t.Run, t.Dataset = &run, &ds
	t.say("Run %s made it: %s", run.ID, run.Decision.Sentence)
	if v.Learned > 0 {
		t.say("It is a snapshot: begun on %d rows of dataset %.12s, it learned %d labels one by one as they came, up to %s.",
			v.TrainedRows-v.Learned, ds.ID, v.Learned, clockTime(v.TrainedUntil))
		if v.Parent != run.Candidate {
			t.say("It goes on from %s.", v.Parent)
		}
	} else {
		t.say("It was trained on %d rows up to %s; dataset %.12s, %d rows held out.", v.TrainedRows, clockTime(v.TrainedUntil), ds.ID, ds.Holdout)
	}
	for _, g := range run.Verdicts {
		t.say("Gate %s: %s. %s", g.Gate, g.Standing(), g.Sentence)
	}
	return nil
}
