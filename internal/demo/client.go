package demo

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"hone"
	"hone/internal/frame"
)

// client speaks to one Hone.
type client struct {
	base  string
	token string
	http  *http.Client
}

func (c *client) do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %d: %s", method, path, res.StatusCode, strings.TrimSpace(string(b)))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}

// row is one row of traffic with its truth.
type row struct {
	id       string
	features map[string]any
	truth    string
	drifted  bool
}

func features(f *frame.Frame, i int) map[string]any {
	out := make(map[string]any, len(f.Schema))
	for c, field := range f.Schema {
		if v := f.Value(i, c); v != nil {
			out[field.Name] = v
		}
	}
	return out
}

// answer is what the model said.
type answer struct {
	Version hone.VersionID `json:"version"`
	Route   hone.Route     `json:"route"`
	Answer  string         `json:"answer"`
}

func (c *client) predict(ctx context.Context, r row) (answer, error) {
	var a answer
	err := c.do(ctx, "POST", "/api/v1/models/"+Model+"/predict", map[string]any{"prediction_id": r.id, "features": r.features}, &a)
	return a, err
}

func (c *client) labels(ctx context.Context, rows []row) error {
	items := make([]map[string]any, len(rows))
	for i, r := range rows {
		items[i] = map[string]any{"prediction_id": r.id, "label": r.truth}
	}
	return c.do(ctx, "POST", "/api/v1/models/"+Model+"/feedback", map[string]any{"feedback": items}, nil)
}

// status is what the demo reads of a model's state.
type status struct {
	Sentence string         `json:"sentence"`
	Champion hone.VersionID `json:"champion"`
	Run      hone.RunID     `json:"run"`
	Drifted  int            `json:"drifted_features"`
}

func (c *client) status(ctx context.Context) (status, error) {
	var s struct {
		Models []status `json:"models"`
	}
	if err := c.do(ctx, "GET", "/api/v1/status", nil, &s); err != nil || len(s.Models) == 0 {
		return status{}, err
	}
	return s.Models[0], nil
}

func (c *client) run(ctx context.Context, id hone.RunID) (hone.Run, error) {
	var r hone.Run
	err := c.do(ctx, "GET", "/api/v1/runs/"+string(id), nil, &r)
	return r, err
}

// follow sends the audit events of the stream to out until ctx ends.
func (c *client) follow(ctx context.Context, out chan<- hone.Event) error {
	req, err := http.NewRequestWithContext(ctx, "GET", c.base+"/api/v1/events", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Last-Event-ID", "0")
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	scan := bufio.NewScanner(res.Body)
	scan.Buffer(make([]byte, 64<<10), 16<<20)
	kind := ""
	var last int64
	for scan.Scan() {
		line := scan.Text()
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			kind = name
		}
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok || kind != "audit" {
			continue
		}
		var e hone.Event
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return err
		}
		if e.Seq <= last {
			continue
		}
		last = e.Seq
		select {
		case out <- e:
		case <-ctx.Done():
			return nil
		}
	}
	return scan.Err()
}
