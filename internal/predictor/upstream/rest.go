package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/outgoing"
)

// caller asks a server by one protocol. What it returns as an error says what was
// wrong in the server's manner; Server makes it the artefact's.
type caller interface {
	infer(ctx context.Context, f *frame.Frame, h headers) (table, error)
	healthy(ctx context.Context, h headers) error
	close()
}

// headers go with each call, by name.
type headers map[string]string

// overHTTP asks a server that speaks HTTP, as REST or in JSON of its own.
type overHTTP struct {
	spec      Spec
	sig       hone.Signature
	client    *http.Client
	post, get string // Addresses; get is empty where there is no health to ask.
	template  *template
	answer    pointer
}

func newHTTP(s Spec, sig hone.Signature, private bool) (caller, error) {
	u, err := s.address()
	if err != nil {
		return nil, err
	}
	dial := outgoing.Dialer(private)
	c := &overHTTP{spec: s, sig: sig, client: &http.Client{
		// A server must answer itself: it cannot send the rows elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: dial.DialContext, MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: 5 * time.Second,
			MaxResponseHeaderBytes: 64 << 10, DisableCompression: true, ForceAttemptHTTP2: true},
	}}
	base := strings.TrimSuffix(u.String(), "/")
	if s.Protocol == Plain {
		if c.template, err = newTemplate(s, sig.Features); err == nil {
			c.answer, err = newPointer(s.Answer)
		}
		c.post, base = u.String(), u.Scheme+"://"+u.Host
	} else {
		model := base + "/v2/models/" + url.PathEscape(s.Model)
		if s.Version != "" {
			model += "/versions/" + url.PathEscape(s.Version)
		}
		c.post, c.get = model+"/infer", model+"/ready"
	}
	if s.Health != "" {
		c.get = base + s.Health
	}
	return c, err
}

func (c *overHTTP) close() { c.client.CloseIdleConnections() }

func (c *overHTTP) healthy(ctx context.Context, h headers) error {
	if c.get == "" {
		u, _ := url.Parse(c.post) // It was read before.
		conn, err := c.client.Transport.(*http.Transport).DialContext(ctx, "tcp", strings.SplitN(Origin(u.String()), "://", 2)[1])
		if err != nil {
			return err
		}
		return conn.Close()
	}
	_, err := c.do(ctx, http.MethodGet, c.get, nil, h, 64<<10)
	return err
}

func (c *overHTTP) infer(ctx context.Context, f *frame.Frame, h headers) (table, error) {
	room := make([]byte, 0, 512+24*(f.N+2)*len(f.Schema))
	limit := int64(1<<20 + 256*f.N*(c.sig.Width()+1))
	if c.template != nil {
		answer, err := c.do(ctx, http.MethodPost, c.post, c.template.append(room, f), h, limit)
		if err != nil {
			return table{}, err
		}
		doc, err := document(answer)
		if err == nil {
			doc, err = c.answer.find(doc)
		}
		if err != nil {
			return table{}, fmt.Errorf("the answer is not as upstream.answer says: %w", err)
		}
		return numbers(doc, f.N)
	}
	answer, err := c.do(ctx, http.MethodPost, c.post, c.spec.appendInfer(room, f, c.spec.output(c.sig)), h, limit)
	if err != nil {
		return table{}, err
	}
	return readInfer(answer, c.spec.output(c.sig), f.N)
}

// do sends a request and returns the body of a good answer.
func (c *overHTTP) do(ctx context.Context, method, to string, body []byte, h headers, limit int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, to, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, value := range h {
		req.Header.Set(name, value)
	}
	req.Header.Set("User-Agent", "hone")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
		// An empty key is not sent. It tells the transport that the request may be
		// repeated where an idle connection was closed under it.
		req.Header["Idempotency-Key"] = []string{}
	}
	resp, err := c.client.Do(req)
	if where, ok := errors.AsType[*url.Error](err); ok {
		err = where.Err // Where it was is said elsewhere, without what a query may hold.
	}
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode/100 == 3:
		return nil, fmt.Errorf("it answered with status %d, a redirect, and none is followed", resp.StatusCode)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("it answered with status %d: %s", resp.StatusCode, cut(answer))
	case int64(len(answer)) > limit:
		return nil, fmt.Errorf("the answer is over %d bytes", limit)
	}
	return answer, nil
}

// appendInfer writes the rows as a request of the Open Inference Protocol.
func (s Spec) appendInfer(b []byte, f *frame.Frame, output string) []byte {
	kind := s.Datatype
	if kind == "" {
		kind = "FP64"
	}
	b = append(b, '{')
	if len(s.Parameters) > 0 {
		b = append(b, `"parameters":`...)
		b = append(appendObject(b, s.Parameters), ',')
	}
	b = append(b, `"inputs":[`...)
	if s.Input != "" {
		b = appendHead(b, s.Input, kind, f.N, len(f.Cols))
		for row := range f.N {
			for col := range f.Cols {
				b = append(appendNumber(b, f.Cols[col].Num[row]), ',')
			}
		}
		b = append(b[:len(b)-1], "]},"...)
	} else {
		for col, field := range f.Schema {
			if field.Kind == frame.Number {
				b = appendHead(b, field.Name, kind, f.N)
			} else {
				b = appendHead(b, field.Name, "BYTES", f.N)
			}
			for row := range f.N {
				b = append(appendValue(b, f, row, col), ',')
			}
			b = append(b[:len(b)-1], "]},"...)
		}
	}
	b = append(b[:len(b)-1], `],"outputs":[{"name":`...)
	return append(appendText(b, output), `}]}`...)
}

// appendHead writes a tensor as far as its data.
func appendHead(b []byte, name, datatype string, shape ...int) []byte {
	b = append(b, `{"name":`...)
	b = appendText(b, name)
	b = append(b, `,"datatype":"`...)
	b = append(b, datatype...)
	b = append(b, `","shape":[`...)
	for _, n := range shape {
		b = append(strconv.AppendInt(b, int64(n), 10), ',')
	}
	return append(b[:len(b)-1], `],"data":[`...)
}

func appendObject(b []byte, m map[string]any) []byte {
	before := byte('{')
	for _, key := range slices.Sorted(maps.Keys(m)) {
		b = append(appendText(append(b, before), key), ':')
		value, _ := json.Marshal(m[key]) // Of a kind that can be: Check looked.
		b, before = append(b, value...), ','
	}
	return append(b, '}')
}

// readInfer takes the scores of n rows out of an answer of the Open Inference
// Protocol.
func readInfer(body []byte, name string, n int) (table, error) {
	var r struct {
		Outputs []struct {
			Name     string
			Shape    []int
			Datatype string
			Data     json.RawMessage
		}
	}
	if deep(body) {
		return table{}, fmt.Errorf("the answer nests deeper than %d", maxDeep)
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return table{}, fmt.Errorf("the answer is not JSON of the Open Inference Protocol: %w", err)
	}
	var names []string
	for _, t := range r.Outputs {
		if names = append(names, t.Name); t.Name != name {
			continue
		}
		if !strings.HasPrefix(t.Datatype, "FP") {
			return table{}, notScores(name, t.Datatype)
		}
		out, err := table{}, error(nil)
		if out.width, err = shaped(t.Shape, n); err != nil {
			return out, fmt.Errorf("output %q %w", name, err)
		}
		doc, err := document(t.Data)
		if err == nil {
			out.v, err = flat(doc, make([]float64, 0, n*out.width))
		}
		if err == nil && len(out.v) != n*out.width {
			err = fmt.Errorf("it holds %d numbers, its shape says %d", len(out.v), n*out.width)
		}
		if err != nil {
			err = fmt.Errorf("output %q: %w", name, err)
		}
		return out, err
	}
	return table{}, missing(name, names)
}

func notScores(name, datatype string) error {
	return fmt.Errorf("output %q has the datatype %.20q, which is none of scores: let it give probabilities as FP64 or FP32", name, datatype)
}

func missing(name string, there []string) error {
	return fmt.Errorf("the answer has no output %q; it has %s: name it as upstream.output", name, cut([]byte(strings.Join(there, ", "))))
}
