package web_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"hone"
	"hone/internal/app"
	"hone/internal/config"
	"hone/internal/op"
	"hone/internal/store"
)

const configuration = `version: 1
server: {data: %q, listen: "127.0.0.1:0"%s}
models:
  fraud:
    task: binary
    features: {amount: number, country: category}
    label: {name: is_fraud}
    loss: zero_one
    slices: [country]
    monitor: {window: 200}
    triggers:
      - recoverable_loss: {retrain_cost: 100}
      - schedule: "0 3 * * 1"
  price:
    task: regression
    features: {size: number}
    label: {name: price}
    loss: squared
    triggers:
      - data_volume: 5000
`

// principals are those that every world has, each with a token of its name.
var principals = func() (out []hone.Principal) {
	add := func(name string, role op.Role, edit func(*hone.Principal)) {
		sum := sha256.Sum256([]byte(tokenOf(name)))
		p := hone.Principal{Name: name, Role: string(role), Kind: "person", Created: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), Token: hex.EncodeToString(sum[:])}
		if edit != nil {
			edit(&p)
		}
		out = append(out, p)
	}
	for _, g := range op.Grants() {
		if g.Role != op.Anonymous {
			add(string(g.Role), g.Role, func(p *hone.Principal) {
				if g.Machine {
					p.Kind = "service"
				}
			})
		}
	}
	for _, name := range []string{"approver2", "approver3", "approver4"} {
		add(name, op.Approver, nil)
	}
	add("robot", op.Admin, func(p *hone.Principal) { p.Kind = "service" })
	add("reader", op.Viewer, func(p *hone.Principal) { p.Data = true })
	add("expired", op.Admin, func(p *hone.Principal) { p.Expires = p.Created.Add(time.Hour) })
	add("revoked", op.Admin, func(p *hone.Principal) { p.Revoked = p.Created.Add(time.Hour) })
	for _, role := range []op.Role{op.Viewer, op.Operator, op.Approver, op.Predictor, op.Feedback, op.Agent, op.Trainer} {
		add("price-"+string(role), role, func(p *hone.Principal) { p.Models, p.Data = []string{"price"}, true })
	}
	return out
}()

func token(r op.Role) string { return tokenOf(string(r)) }

func tokenOf(name string) string { return "token-of-" + name }

// world is a running Hone, whose model fraud has a champion, traffic and labels.
type world struct {
	// metrics are those right after its life, before any test asked it.
	metrics string
	app     *app.App
	base    string
	dir     string // Of its data.
	http    *http.Client
}

// shared is for tests that leave it as it is; TestMain makes it.
var shared *world

func TestMain(m *testing.M) {
	code := 1
	if err := func() error {
		dir, err := os.MkdirTemp("", "hone-web-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if shared, err = open(filepath.Join(dir, "data")); err != nil {
			return err
		}
		defer shared.close()
		if err := shared.live(); err != nil {
			return err
		}
		code = m.Run()
		return nil
	}(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// open starts a Hone on a new folder, with all principals. Server has more keys of
// the configuration's server.
func open(dir string, server ...string) (*world, error) {
	more := ""
	for _, key := range server {
		more += ", " + key
	}
	return openWith(dir, fmt.Sprintf(configuration, dir, more))
}

func openWith(dir, configuration string) (*world, error) {
	ctx := context.Background()
	db, err := store.Open(dir, store.Options{})
	if err != nil {
		return nil, err
	}
	for _, p := range principals {
		if _, err := db.Commit(ctx, db.Fence(), hone.Change{Principal: &p, Event: hone.Event{Actor: "test", Action: "principal.added", Sentence: "A principal was added."}}); err != nil {
			return nil, err
		}
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	text := []byte(configuration)
	c, err := config.Parse("hone.yaml", text)
	if err != nil {
		return nil, err
	}
	a, err := app.New(ctx, app.Options{Config: c, Text: text})
	if err != nil {
		return nil, err
	}
	if err := a.Start(ctx); err != nil {
		a.Stop()
		return nil, err
	}
	return &world{app: a, dir: dir, base: "http://" + a.Addr(), http: &http.Client{Transport: &http.Transport{}}}, nil
}

func (w *world) close() {
	w.http.CloseIdleConnections()
	w.app.Stop()
}

// live loads history, waits for the first champion, asks it and says what became
// of the answers.
func (w *world) live() error {
	events, err := w.listen("0")
	if err != nil {
		return err
	}
	defer events.close()
	r := rand.New(rand.NewPCG(1, 2))
	row := func() (map[string]any, string) {
		amount := 50 + 20*r.NormFloat64()
		country, limit := "DE", 60.0
		if r.IntN(2) == 0 {
			country, limit = "IT", 40
		}
		return map[string]any{"amount": amount, "country": country}, fmt.Sprint(map[bool]int{true: 1}[amount > limit])
	}
	var rows, asked, labels []map[string]any
	for i := range 600 {
		f, truth := row()
		rows = append(rows, map[string]any{"prediction_id": fmt.Sprintf("h-%d", i), "time": time.Date(2024, 1, 1, 0, i, 0, 0, time.UTC), "features": f, "label": truth})
	}
	if err := w.post("fraud/history", map[string]any{"rows": rows}); err != nil {
		return err
	}
	if _, err := events.until(func(name string, e hone.Event) bool { return e.Action == "run.promoted" }); err != nil {
		return err
	}
	// The event tells of the commit; the gateway takes the plan up right after it.
	if _, err := events.status(func(s op.Status) bool { return s.Models[0].Champion != "" }); err != nil {
		return err
	}
	for i := range 500 {
		f, truth := row()
		asked = append(asked, map[string]any{"features": f, "prediction_id": fmt.Sprintf("p-%d", i)})
		labels = append(labels, map[string]any{"prediction_id": fmt.Sprintf("p-%d", i), "label": truth})
	}
	if err := w.post("fraud/predict", map[string]any{"rows": asked}); err != nil {
		return err
	}
	if err := w.app.Flush(context.Background()); err != nil {
		return err
	}
	if err := w.post("fraud/feedback", map[string]any{"feedback": labels}); err != nil {
		return err
	}
	if _, err = events.status(func(s op.Status) bool { return s.Models[0].Loss != nil && s.Models[0].Loss.N >= 400 }); err != nil {
		return err
	}
	res, err := w.http.Get(w.base + "/metrics")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	w.metrics = string(raw)
	return err
}

func (w *world) post(path string, body any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	res, err := w.http.Post(w.base+"/api/v1/models/"+path, "application/json", bytes.NewReader(b))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if b, err = io.ReadAll(res.Body); err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("POST %s: %d %s", path, res.StatusCode, b)
	}
	return err
}

// reply is an answer as it came.
type reply struct {
	status int
	header http.Header
	body   string
}

// ask sends one request; edit may change it before.
func (w *world) ask(t *testing.T, method, path, body string, edit func(*http.Request)) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, w.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if edit != nil {
		edit(req)
	}
	res, err := w.http.Transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(b)}
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func as(tok string) func(*http.Request) {
	return func(r *http.Request) {
		if tok != "" {
			r.Header.Set("Authorization", "Bearer "+tok)
		}
	}
}

// listener reads a stream of events.
type listener struct {
	body   io.ReadCloser
	scan   *bufio.Scanner
	cancel context.CancelFunc
}

// listen opens the stream of events behind an event, or at the newest for "".
func (w *world) listen(after string) (*listener, error) { return w.open(after, "") }

// listenAs opens the stream at the newest event, with a token.
func (w *world) listenAs(tok string) (*listener, error) { return w.open("", tok) }

func (w *world) open(after, tok string) (*listener, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.base+"/api/v1/events", nil)
	if err != nil {
		cancel()
		return nil, err
	}
	as(tok)(req)
	if after != "" {
		req.Header.Set("Last-Event-ID", after)
	}
	res, err := w.http.Do(req)
	if err != nil {
		cancel()
		return nil, err
	}
	if kind := res.Header.Get("Content-Type"); res.StatusCode != http.StatusOK || kind != "text/event-stream" {
		res.Body.Close()
		cancel()
		return nil, fmt.Errorf("events: %d %s", res.StatusCode, kind)
	}
	scan := bufio.NewScanner(res.Body)
	scan.Buffer(nil, 16<<20)
	return &listener{body: res.Body, scan: scan, cancel: cancel}, nil
}

func (l *listener) close() {
	l.cancel()
	l.body.Close()
}

// next reads one event.
func (l *listener) next() (name, id, data string, err error) {
	for l.scan.Scan() {
		field, value, _ := strings.Cut(l.scan.Text(), ": ")
		switch field {
		case "event":
			name = value
		case "id":
			id = value
		case "data":
			data = value
		case "":
			if data != "" {
				return name, id, data, nil
			}
		}
	}
	if err := l.scan.Err(); err != nil {
		return "", "", "", err
	}
	return "", "", "", io.EOF
}

// until reads on to an audit event.
func (l *listener) until(want func(id string, e hone.Event) bool) (hone.Event, error) {
	for {
		name, id, data, err := l.next()
		if err != nil {
			return hone.Event{}, err
		}
		var e hone.Event
		if name == "audit" {
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				return e, err
			}
			if want(id, e) {
				return e, nil
			}
		}
	}
}

// status reads on to a status.
func (l *listener) status(want func(op.Status) bool) (op.Status, error) {
	for {
		name, _, data, err := l.next()
		if err != nil {
			return op.Status{}, err
		}
		var s op.Status
		if name == "status" {
			if err := json.Unmarshal([]byte(data), &s); err != nil {
				return s, err
			}
			if want(s) {
				return s, nil
			}
		}
	}
}
