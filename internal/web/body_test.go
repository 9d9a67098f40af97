package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"hone"
	"hone/internal/clock"
	"hone/internal/loop"
	"hone/internal/op"
	"hone/internal/web"
)

func TestBodies(t *testing.T) {
	t.Parallel()
	const feedback = "/api/v1/models/fraud/feedback"
	lines := header("Content-Type", "application/x-ndjson")
	f := func(path, body string, edit func(*http.Request), status int, says string) {
		t.Helper()
		got := shared.ask(t, "POST", path, body, func(r *http.Request) {
			as(token(op.Admin))(r)
			if edit != nil {
				edit(r)
			}
		})
		if got.status != status || !strings.Contains(got.body, says) {
			t.Errorf("%.60q: status %d %s\nwant %d %s", body, got.status, got.body, status, says)
		}
		if status >= 400 {
			p := problem(t, body[:min(len(body), 60)], got)
			if p["hint"] == "" {
				t.Errorf("%.60q: no hint: %s", body, got.body)
			}
		}
	}
	f(feedback, ``, nil, 400, "the batch is empty")
	f(feedback, ` `, nil, 400, "the batch is empty")
	f(feedback, `{}`, nil, 400, "the batch is empty")
	f(feedback, `null`, nil, 400, "the batch is empty")
	f(feedback, `{"feedback": [`, nil, 400, "ends too early")
	f(feedback, `not json`, nil, 400, "invalid character")
	f(feedback, `[]`, nil, 400, "it is array, not an object")
	f(feedback, `"text"`, nil, 400, "it is string, not an object")
	f(feedback, `{"feedbak": []}`, nil, 400, `unknown field \"feedbak\"`)
	f(feedback, `{"feedback": {}}`, nil, 400, `\"feedback\" cannot be object`)
	f(feedback, `{"feedback": [{"prediction_id": 7}]}`, nil, 400, `prediction_id\" cannot be number`)
	f(feedback, `{"feedback": [{"prediction_id": "p-0", "lable": 1}]}`, nil, 400, `unknown field \"lable\"`)
	f(feedback, `{"feedback": [{"prediction_id": "p-0", "label": 1, "time": "yesterday"}]}`, nil, 400, "a time is not written as")
	f(feedback, `{"feedback": []} {"feedback": []}`, nil, 400, "behind the end")
	f(feedback, `{"feedback": [{"prediction_id": "p-0", "label": 1}]}]`, nil, 400, "behind the end")
	f(feedback, strings.Repeat("[", 100000), nil, 400, "nests deeper than 64")
	f(feedback, `{"feedbak": "`+strings.Repeat("[", 100)+`\"["}`, nil, 400, `unknown field \"feedbak\"`)
	f(feedback, `{"feedback": "`+strings.Repeat("x", 17<<20)+`"}`, nil, 413, "larger than")
	f(feedback, `{"feedback": [`+strings.Repeat(`{"prediction_id":"a"},`, 10000)+`{"prediction_id":"a"}]}`, nil, 413, "at most 10000")
	f("/api/v1/models/fraud/runs", `{"reason": 3}`, nil, 400, `\"reason\" cannot be number`)
	f("/api/v1/models/fraud/runs", `{"reason": "`+strings.Repeat("x", 1001)+`"}`, nil, 400, "longer than 1000")

	f(feedback, "", lines, 400, "the batch is empty")
	f(feedback, "\n\n", lines, 400, "the batch is empty")
	f(feedback, "{\"prediction_id\":\"p-0\",\"label\":1}\n\n{\"prediction_id\":\"p-1\",\n", lines, 400, "line 3: the JSON ends too early")
	f(feedback, "{\"prediction_id\":\"p-0\",\"label\":1}\n{\"prediction_id\":\"p-1\",\"lable\":1}\n", lines, 400, `line 2: unknown field \"lable\"`)
	f(feedback, "{\"prediction_id\":\"p-0\",\"label\":1} {\"prediction_id\":\"p-1\",\"label\":1}\n", lines, 400, "line 1: something stands behind")
	f(feedback, `{"prediction_id":"`+strings.Repeat("x", 2<<20)+`"}`, lines, 413, "a line is longer than")
	f(feedback, strings.Repeat(`{"prediction_id":"p-0"}`+"\n", 1<<20), lines, 413, "larger than")

	for _, query := range []string{"limit=x", "limit=-1", "limit=1.5", "limit=99999999999999999999", "limit=0x10"} {
		got := shared.ask(t, "GET", "/api/v1/models/fraud/runs?"+query, "", nil)
		if p := problem(t, query, got); got.status != 400 || !strings.Contains(p["detail"].(string), "limit") {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
	}
}

// TestFeedbackAsLines sends the same batch as JSON and as JSON Lines.
func TestFeedbackAsLines(t *testing.T) {
	t.Parallel()
	w := fresh(t)
	batch := `{"feedback":[{"prediction_id":"lines-1","label":1},{"prediction_id":"lines-2","thumb":"up","time":"2024-05-01T00:00:00Z"}]}`
	first := w.ask(t, "POST", "/api/v1/models/fraud/feedback", batch, nil)
	if first.status != 200 || !strings.Contains(first.body, `"stored":2`) {
		t.Fatalf("%d %s", first.status, first.body)
	}
	lines := "{\"prediction_id\":\"lines-1\",\"label\":1}\r\n\n{\"prediction_id\":\"lines-2\",\"thumb\":\"up\",\"time\":\"2024-05-01T02:00:00+02:00\"}"
	again := w.ask(t, "POST", "/api/v1/models/fraud/feedback", lines, header("Content-Type", "application/jsonl; charset=utf-8"))
	if again.status != 200 || !strings.Contains(again.body, `"effects":["repeated","repeated"]`) {
		t.Fatalf("%d %s", again.status, again.body)
	}
}

// broken fails as no caller should see in full.
type broken struct{ op.Records }

var errInside = errors.New("open /secret/path/control.db: disk I/O error (SELECT * FROM principal)")

func (broken) Head(context.Context) (int64, string, error) { return 0, "", errInside }

type nobody struct{}

func (nobody) PrincipalByToken(string) (hone.Principal, error) { return hone.Principal{}, errInside }

// TestInside has the store fail: what it says stays in the log.
func TestInside(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := web.New(web.Options{
		Listen: "127.0.0.1:0", Anonymous: true, Principals: nobody{}, Metrics: http.NotFoundHandler(), Predict: http.NotFoundHandler(),
		Service: &op.Service{Loop: loop.New(loop.Options{}, nil), Records: broken{}, Clock: clock.System{}},
		Log:     slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	w := &world{base: "http://" + s.Addr(), http: &http.Client{Transport: &http.Transport{}}}
	for path, tok := range map[string]string{"/api/v1/audit": "", "/api/v1/audit/verify": "", "/api/v1/status": "a token while principals cannot be read"} {
		got := w.ask(t, "GET", path, "", as(tok))
		p := problem(t, path, got)
		if got.status != 500 || p["code"] != "internal" || strings.Contains(got.body, "secret") || strings.Contains(got.body, "principal") {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	w.http.CloseIdleConnections()
	s.Stop()
	s.Stop()
	if strings.Count(log.String(), "/secret/path") != 3 {
		t.Errorf("the log does not have the cause each time:\n%s", log.String())
	}
}

// TestStartTwice holds a port that another server has.
func TestStartTwice(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	s := web.New(web.Options{Listen: strings.TrimPrefix(other.URL, "http://"), Metrics: http.NotFoundHandler(), Predict: http.NotFoundHandler(), Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	err := s.Start(t.Context())
	s.Stop()
	if err == nil || !strings.Contains(err.Error(), "another server may hold the port") {
		t.Errorf("started on a port that is taken: %v", err)
	}
	if b, err := web.OpenAPI(); err != nil || !json.Valid(b) {
		t.Errorf("OpenAPI: %v", err)
	}
}
