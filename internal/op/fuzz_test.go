package op_test

import (
	"encoding/json"
	"testing"
	"unicode"
	"unicode/utf8"

	"hone"
	"hone/internal/op"
)

// FuzzEvent: an event of CloudEvents is taken, or refused with a reason; what is
// taken fits its bounds and has nothing unseen in its names.
func FuzzEvent(f *testing.F) {
	for _, s := range []string{
		`{"specversion":"1.0","id":"s1","source":"/web","type":"com.acme.changed","time":"2026-03-01T12:00:00.5Z","data":{"rows":[1,2]},"traceparent":"00-1"}`,
		`{"specversion":"1.0","id":"s2","source":"/web","type":"t","datacontenttype":"image/png","data_base64":"iVBORw=="}`,
		`{"type":"a\u202eb"}`, `{"type":"t","time":"0000-01-01T00:00:00Z"}`, `{"type":"t","data":[[[[]]]],"DATA":null}`,
		`{"type":"'); DROP TABLE event; --","subject":"\u0000"}`, `{"type":"t","data_base64":"\"}"}`, `[]`, `{"type":7}`,
	} {
		f.Add([]byte(s))
	}
	a := start(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		in := op.EventIn{Model: "fraud"}
		if json.Unmarshal(body, &in) != nil {
			return
		}
		in.Model = "fraud"
		out, err := call[op.EventOut](t, a, "event", &in)
		if err != nil {
			if e, ok := hone.AsError(err); !ok || e.Code != hone.Invalid && e.Code != hone.TooLarge || e.Hint == "" {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		for _, s := range []string{out.ID, in.Source, in.Type, in.Subject} {
			if len(s) > 1024 || !utf8.ValidString(s) {
				t.Fatalf("%q was taken with %q", body, s)
			}
			for _, r := range s {
				if unicode.IsControl(r) {
					t.Fatalf("%q was taken with %q", body, s)
				}
			}
		}
		if !utf8.ValidString(out.Sentence) || out.Sentence == "" {
			t.Fatalf("%q: %q", body, out.Sentence)
		}
	})
}

// FuzzItems: what is sent of predictions is stored as a whole, or refused with a
// reason and not at all.
func FuzzItems(f *testing.F) {
	for i, s := range []string{
		`{"feedback":[{"prediction_id":"p-1","label":1},{"prediction_id":"p-1","thumb":"up","source":"'; --"}]}`,
		`{"predictions":[{"prediction_id":"p-1","features":{"amount":1e308,"country":"\ud800"},"scores":[0.1],"latency_ms":1e9}]}`,
		`{"rows":[{"prediction_id":"h-1","time":"1700-01-01T00:00:00Z","features":{"amount":null,"country":"x"},"label":"no"}]}`,
		`{"feedback":[{"prediction_id":"../../token","score":1e400}]}`,
		`{"predictions":[{"prediction_id":"","features":{"amount":[]}}]}`,
		`{"rows":[{"prediction_id":"h","time":"9999-12-31T23:59:59Z","features":{"nothing":1}}]}`,
	} {
		f.Add(uint8(i%3), []byte(s))
	}
	a := start(f)
	f.Fuzz(func(t *testing.T, kind uint8, body []byte) {
		name := []string{"feedback", "log", "history"}[kind%3]
		var in any
		var items int
		switch name {
		case "feedback":
			x := &op.FeedbackIn{}
			if json.Unmarshal(body, x) != nil {
				return
			}
			x.Model, in, items = "fraud", x, len(x.Items)
		case "log":
			x := &op.LoggedIn{}
			if json.Unmarshal(body, x) != nil {
				return
			}
			x.Model, in, items = "fraud", x, len(x.Items)
		default:
			x := &op.HistoryIn{}
			if json.Unmarshal(body, x) != nil {
				return
			}
			x.Model, in, items = "fraud", x, len(x.Items)
		}
		before := stored(t, a, "fraud")
		out, err := call[any](t, a, name, in)
		after := stored(t, a, "fraud")
		if err != nil {
			e, ok := hone.AsError(err)
			if !ok || e.Code != hone.Invalid && e.Code != hone.TooLarge || e.Hint == "" || !utf8.ValidString(e.Message) {
				t.Fatalf("%s %q: %v", name, body, err)
			}
			if before != after {
				t.Fatalf("%s %q was refused (%v), and %v rows became %v", name, body, err, before, after)
			}
			return
		}
		// Feedback that waited for a prediction is written once more when it comes.
		if n := after[0] + after[1] - before[0] - before[1]; n > int64(2*items)+before[1] {
			t.Fatalf("%s: %d rows of %d items", name, n, items)
		}
		if _, err := json.Marshal(out); err != nil {
			t.Fatalf("%s %q: %v", name, body, err)
		}
	})
}
