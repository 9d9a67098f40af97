package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"hone"
	"hone/internal/cli"
	"hone/internal/config"
	"hone/internal/op"
)

// reach finds the server that has the data folder open, or opens the folder.
func reach(ctx context.Context, g cli.Globals) (cli.Caller, error) {
	if g.Server != "" {
		base := strings.TrimSuffix(g.Server, "/")
		if !strings.Contains(base, "://") {
			base = "http://" + base
		}
		return &remote{base: base, token: g.Token, http: http.DefaultClient}, nil
	}
	c, text, err := load(g.Config)
	if err != nil {
		return nil, err
	}
	if b, err := os.ReadFile(filepath.Join(c.Server.Data, "address")); err == nil {
		r := &remote{base: string(b), token: g.Token, http: near(c.Server)}
		if r.token == "" {
			t, _ := os.ReadFile(filepath.Join(c.Server.Data, "token"))
			r.token = string(t)
		}
		if r.alive(ctx) {
			return r, nil
		}
	}
	a, err := New(ctx, Options{Config: c, Text: text, Passive: true, Program: g.Program})
	if err != nil {
		return nil, err
	}
	if err := a.Start(ctx); err != nil {
		a.Stop()
		return nil, err
	}
	return local{a}, nil
}

// load reads the configuration and its text.
func load(path string) (*config.Config, []byte, error) {
	c, err := config.Load(path)
	if err != nil {
		return nil, nil, misconfigured(path, err)
	}
	return c, []byte(c.Text), nil
}

// misconfigured shows what is wrong with a configuration.
func misconfigured(path string, err error) error {
	problems, ok := errors.AsType[config.Errors](err)
	if e, known := hone.AsError(err); known && !ok {
		return &cli.Misconfigured{Err: e}
	}
	if !ok {
		return err
	}
	count := "1 problem"
	if len(problems) > 1 {
		count = fmt.Sprintf("%d problems", len(problems))
	}
	if len(problems) == config.MaxProblems {
		count = fmt.Sprintf("the first %d problems", len(problems))
	}
	return &cli.Misconfigured{Detail: problems.Detail(), Problems: problems,
		Err: &hone.Error{Code: hone.Invalid, Message: path + " cannot be used: " + count, Hint: "`hone config docs` explains every key"}}
}

// near is how the server on this machine is reached: it is known by its own
// certificate, whoever signed that.
func near(s config.Server) *http.Client {
	if s.TLS.Cert == "" {
		return http.DefaultClient
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if pem, err := os.ReadFile(s.TLS.Cert); err == nil {
		pool.AppendCertsFromPEM(pem)
	}
	known := &tls.Config{RootCAs: pool}
	if len(s.Hosts) > 0 {
		known.ServerName = s.Hosts[0]
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: known, DisableKeepAlives: true}}
}

// local calls operations in this process, as the owner of the folder.
type local struct{ app *App }

func (l local) Call(ctx context.Context, o op.Operation, in any) (any, error) {
	return o.Call(ctx, l.app.service, op.Caller{Name: op.Owner, Role: op.Admin}, in)
}

func (l local) Close() error {
	l.app.Stop()
	return nil
}

// remote calls operations over HTTP.
type remote struct {
	base, token string
	http        *http.Client
}

func (r *remote) Close() error { return nil }

func (r *remote) alive(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+"/v2/health/live", nil)
	if err != nil {
		return false
	}
	res, err := r.http.Do(req)
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

func (r *remote) Call(ctx context.Context, o op.Operation, in any) (any, error) {
	req, err := r.request(ctx, o, in)
	if err != nil {
		return nil, err
	}
	res, err := r.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &hone.Error{Code: hone.Unavailable, Message: "the server at " + r.base + " does not answer: " + cause(err), Hint: "is `hone serve` running there?"}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", r.base, err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, refusal(res.StatusCode, body)
	}
	out := reflect.New(o.Out)
	if err := json.Unmarshal(body, out.Interface()); err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", r.base, err)
	}
	return out.Elem().Interface(), nil
}

// cause is why a request did not come through, without what was asked for.
func cause(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return err.Error()
}

func refusal(status int, body []byte) error {
	var p struct {
		Detail, Hint string
		Code         hone.Code
	}
	if json.Unmarshal(body, &p) != nil || p.Detail == "" {
		return &hone.Error{Code: hone.Internal, Message: fmt.Sprintf("the server answered %d, and not as Hone does", status), Hint: "check --server; is it a Hone of this version?"}
	}
	return &hone.Error{Code: p.Code, Message: p.Detail, Hint: p.Hint}
}

// request writes an operation's input into path, query and body.
func (r *remote) request(ctx context.Context, o op.Operation, in any) (*http.Request, error) {
	v := reflect.ValueOf(in).Elem()
	path, query, hasBody := o.Path, url.Values{}, false
	for i := range o.In.NumField() {
		f := o.In.Field(i)
		if name := f.Tag.Get("path"); name != "" {
			path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(v.Field(i).String()))
		} else if name := f.Tag.Get("query"); name != "" {
			if !v.Field(i).IsZero() {
				query.Set(name, fmt.Sprint(v.Field(i).Interface()))
			}
		} else {
			hasBody = true
		}
	}
	var body io.Reader
	if hasBody {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, o.Method, r.base+path+"?"+query.Encode(), body)
	if err != nil {
		return nil, err
	}
	if hasBody {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token)
	}
	return req, nil
}
