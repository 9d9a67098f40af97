package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"hone/internal/op"
)

// TestCloudEvents sends events as others' tools send them: structured, binary,
// and by hand.
func TestCloudEvents(t *testing.T) {
	t.Parallel()
	send := func(body string, headers ...string) (reply, op.EventOut) {
		t.Helper()
		got := shared.ask(t, "POST", "/api/v1/models/fraud/events", body, func(r *http.Request) {
			as(token(op.Operator))(r)
			for i := 0; i < len(headers); i += 2 {
				r.Header.Set(headers[i], headers[i+1])
			}
		})
		var out op.EventOut
		if got.status == 200 {
			if err := json.Unmarshal([]byte(got.body), &out); err != nil {
				t.Fatal(err)
			}
		} else {
			problem(t, body[:min(len(body), 60)], got)
		}
		return got, out
	}
	f := func(id string, repeated bool, body string, headers ...string) {
		t.Helper()
		if got, out := send(body, headers...); got.status != 200 || out.Repeated != repeated || id != "" && out.ID != id {
			t.Errorf("%.80q: status %d %s", body, got.status, got.body)
		}
	}
	structured := []string{"Content-Type", "application/cloudevents+json; charset=utf-8"}
	binary := func(id string, more ...string) []string {
		return append([]string{"Ce-Specversion", "1.0", "Ce-Id", id, "Ce-Source", "/web", "Ce-Type", "com.acme.changed"}, more...)
	}
	f("s1", false, `{"specversion": "1.0", "id": "s1", "source": "/web", "type": "com.acme.changed", "time": "2026-03-01T12:00:00.5Z", "data": {"rows": [1, 2]}}`, structured...)
	f("s1", true, `{"specversion": "1.0", "id": "s1", "source": "/web", "type": "com.acme.changed"}`, structured...)
	f("s1", false, `{"specversion": "1.0", "id": "s1", "source": "/other", "type": "com.acme.changed", "traceparent": "00-1", "comacmeteam": 7}`, structured...)
	f("s2", false, `{"specversion": "1.0", "id": "s2", "source": "/web", "type": "t", "datacontenttype": "image/png", "data_base64": "iVBORw=="}`, structured...)
	f("b1", false, `{"rows": 3}`, binary("b1", "Content-Type", "application/json")...)
	f("b1", true, ``, binary("b1")...)
	f("b2", false, "plain words", binary("b2", "Content-Type", "text/plain; charset=utf-8")...)
	f("b3", false, "\x00\xff", binary("b3", "Content-Type", "application/octet-stream")...)
	f("b é", false, ``, binary("b%20%C3%A9")...)
	f("", false, `{"type": "com.acme.changed"}`) // The short form draws an id.
	bad := func(status int, says, body string, headers ...string) {
		t.Helper()
		if got, _ := send(body, headers...); got.status != status || !strings.Contains(got.body, says) {
			t.Errorf("%.80q: status %d %s, want %d %s", body, got.status, got.body, status, says)
		}
	}
	bad(400, "it has no type", ``)
	bad(400, "specversion \\\"0.3\\\" is not 1.0", `{"specversion": "0.3", "id": "x", "source": "/web", "type": "t"}`, structured...)
	bad(400, "it has no id", `{"specversion": "1.0", "source": "/web", "type": "t"}`, structured...)
	bad(400, "it has no source", `{"specversion": "1.0", "id": "x", "type": "t"}`, structured...)
	bad(400, "control characters", `{"type": "a\nb"}`)
	bad(400, "control characters", "{\"type\": \"a\u202eb\"}")
	bad(400, "longer than 1024 bytes", `{"type": "`+strings.Repeat("x", 1025)+`"}`)
	bad(400, "is not written as", `{"type": "t", "time": "yesterday"}`)
	bad(400, "data_base64 is not base64", `{"type": "t", "data_base64": "?"}`)
	bad(400, "data and data_base64", `{"type": "t", "data": 1, "data_base64": "aaaa"}`)
	bad(400, "it is array, not an object", `[{"type": "t"}]`, "Content-Type", "application/cloudevents-batch+json")
	bad(400, "not the JSON", `{`, binary("x", "Content-Type", "application/json")...)
	bad(400, "percent-encoded", ``, binary("%zz")...)
	bad(413, "at most 65536 are kept", `{"type": "t", "data": "`+strings.Repeat("x", 65536)+`"}`)
	bad(413, "larger than", strings.Repeat("x", 17<<20), binary("x", "Content-Type", "text/plain")...)
}
