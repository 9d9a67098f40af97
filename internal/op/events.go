package op

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"hone"
	"hone/internal/trigger"
)

// What an event may bring, in bytes.
const (
	maxAttribute = 1024
	maxData      = 64 << 10
)

// EventIn is something that happened elsewhere: an event of CloudEvents 1.0, or
// its short form without specversion, whose id and source may be left out.
type EventIn struct {
	Model       string          `json:"-" path:"model" help:"the model's name"`
	SpecVersion string          `json:"specversion,omitempty" header:"ce-specversion"`
	ID          string          `json:"id,omitempty" header:"ce-id" help:"the event's own id; one sent again with the same id and source is known (default: a new one)"`
	Source      string          `json:"source,omitempty" header:"ce-source" help:"where it happened, such as /catalogue (default: who sends it)"`
	Type        string          `json:"type" header:"ce-type" help:"what happened, such as com.acme.catalogue.changed"`
	Subject     string          `json:"subject,omitempty" header:"ce-subject" help:"what it happened to"`
	Time        string          `json:"time,omitempty" header:"ce-time"`
	ContentType string          `json:"datacontenttype,omitempty" header:"content-type"`
	Schema      string          `json:"dataschema,omitempty" header:"ce-dataschema"`
	Data        json.RawMessage `json:"data,omitempty" help:"more about it, as JSON"`
	Base64      string          `json:"data_base64,omitempty"`
}

// UnmarshalJSON reads an event with whatever attributes of its own it has:
// CloudEvents asks receivers to let extensions pass.
func (in *EventIn) UnmarshalJSON(b []byte) error {
	type plain EventIn
	read := plain(*in)
	if err := json.Unmarshal(b, &read); err != nil {
		return err
	}
	*in = EventIn(read)
	return nil
}

// EventOut says what became of an event.
type EventOut struct {
	ID string `json:"id"`
	// Repeated is set when it was known already.
	Repeated bool `json:"repeated"`
	// Pending is set when it waits for a run.
	Pending  bool   `json:"pending"`
	Sentence string `json:"sentence"`
}

// IncidentList is a model's incidents, newest first.
type IncidentList struct {
	Incidents []hone.Incident `json:"incidents"`
}

func events() []Operation {
	return []Operation{
		define(Operation{Name: "event", Method: "POST", Path: "/api/v1/models/{model}/events", Role: Operator,
			Summary: "announce something that happened elsewhere; a trigger may wait for it",
			Help: "Takes CloudEvents 1.0, structured (application/cloudevents+json) or binary (ce- headers), and a short form without specversion.\n" +
				"An event that a trigger of the model waits for is kept until a run answers it; several that wait are one run. One sent again is known for 30 days.",
			Example: "hone event fraud --type com.acme.catalogue.changed --source /catalogue"}, receive),
		define(Operation{Name: "incidents", Method: "GET", Path: "/api/v1/models/{model}/incidents", Role: Viewer,
			Summary: "list a model's incidents, newest first: alarms that came together are one", Example: "hone incidents fraud"},
			func(ctx context.Context, s *Service, _ Caller, in ListIn) (IncidentList, error) {
				if _, err := s.Loop.View(in.Model); err != nil {
					return IncidentList{}, err
				}
				got, err := s.Inbox.Incidents(ctx, in.Model, bounded(in.Limit, 20, 1000))
				return IncidentList{Incidents: got}, err
			}),
	}
}

func receive(ctx context.Context, s *Service, who Caller, in EventIn) (EventOut, error) {
	m, ok := s.Loop.Model(in.Model)
	if !ok {
		_, err := s.Loop.View(in.Model)
		return EventOut{}, err
	}
	e, err := in.event(s.Clock.Now(), who)
	if err != nil {
		return EventOut{}, err
	}
	e.Pending = trigger.Awaits(m, e)
	fresh, err := s.Inbox.ReceiveEvent(ctx, e, hone.Event{At: e.Received, Actor: who.Name, Action: "event.received", Model: m.Name, Data: in.Data,
		Sentence: fmt.Sprintf("%s announced %s from %s (id %s); a run of %s is to answer it.", who.Name, e.Type, e.Source, e.ID, m.Name)})
	if err != nil {
		return EventOut{}, err
	}
	out := EventOut{ID: e.ID, Repeated: !fresh, Pending: e.Pending && fresh}
	switch {
	case !fresh:
		out.Sentence = fmt.Sprintf("%s was announced before.", e.ID)
	case !e.Pending:
		out.Sentence = fmt.Sprintf("%s is noted; no trigger of %s waits for it.", e.ID, m.Name)
	default:
		out.Sentence = fmt.Sprintf("%s waits for a run of %s.", e.ID, m.Name)
		s.Loop.Wake(m.Name)
	}
	return out, nil
}

// unprintable are characters that a reader does not see, or that turn the text
// around them.
func unprintable(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }

// event reads what was sent.
func (in EventIn) event(now time.Time, who Caller) (hone.CloudEvent, error) {
	bad := func(format string, args ...any) (hone.CloudEvent, error) {
		return hone.CloudEvent{}, &hone.Error{Code: hone.Invalid, Message: "the event cannot be taken: " + fmt.Sprintf(format, args...),
			Hint: "every event has a type, and with specversion 1.0 also an id and a source, as CloudEvents has them"}
	}
	switch in.SpecVersion {
	case "1.0":
	case "": // The short form.
		if in.ID == "" {
			in.ID = rand.Text()
		}
		if in.Source == "" {
			in.Source = "/hone/" + who.Name
		}
	default:
		return bad("specversion %.40q is not 1.0", in.SpecVersion)
	}
	e := hone.CloudEvent{Model: in.Model, ID: in.ID, Source: in.Source, Type: in.Type, Subject: in.Subject, Received: now, By: who.Name, Data: in.Data}
	for _, a := range []struct {
		name, value string
		needed      bool
	}{{"id", e.ID, true}, {"source", e.Source, true}, {"type", e.Type, true}, {"subject", e.Subject, false}} {
		switch {
		case a.value == "" && a.needed:
			return bad("it has no %s", a.name)
		case len(a.value) > maxAttribute:
			return bad("its %s is longer than %d bytes", a.name, maxAttribute)
		case !utf8.ValidString(a.value) || strings.ContainsFunc(a.value, unprintable):
			return bad("its %s has control characters", a.name)
		}
	}
	if in.Time != "" {
		at, err := time.Parse(time.RFC3339Nano, in.Time)
		if err != nil || at.Year() < 1700 || at.Year() > 2200 {
			return bad("time %.40q is not written as 2006-01-02T15:04:05Z", in.Time)
		}
		e.Time = at.UTC()
	}
	if in.Base64 != "" {
		if len(in.Data) > 0 {
			return bad("it has data and data_base64")
		}
		if _, err := base64.StdEncoding.DecodeString(in.Base64); err != nil {
			return bad("data_base64 is not base64")
		}
		e.Data = json.RawMessage(`"` + in.Base64 + `"`)
	}
	if len(e.Data) > maxData {
		return hone.CloudEvent{}, &hone.Error{Code: hone.TooLarge, Message: fmt.Sprintf("the event's data has %d bytes; at most %d are kept", len(e.Data), maxData), Hint: "send where the data lies instead"}
	}
	if bytes.Equal(bytes.TrimSpace(e.Data), []byte("null")) {
		e.Data = nil
	}
	return e, nil
}
