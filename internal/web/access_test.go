package web_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"hone"
	"hone/internal/app"
	"hone/internal/config"
	"hone/internal/op"
	"hone/internal/web"
)

// problem reads problem details, and checks their shape and that they give
// nothing of the inside away.
func problem(t *testing.T, what string, r reply) map[string]any {
	t.Helper()
	if kind := r.header.Get("Content-Type"); kind != "application/problem+json" {
		t.Fatalf("%s: status %d, type %q, body %.200s", what, r.status, kind, r.body)
	}
	var p map[string]any
	if err := json.Unmarshal([]byte(r.body), &p); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	for _, key := range []string{"type", "title", "status", "detail", "hint", "code"} {
		if _, ok := p[key]; !ok {
			t.Errorf("%s: problem details lack %q: %s", what, key, r.body)
		}
	}
	if p["type"] != "about:blank" || p["title"] != http.StatusText(r.status) || p["status"] != float64(r.status) {
		t.Errorf("%s: status %d, problem %s", what, r.status, r.body)
	}
	for _, inside := range []string{"goroutine", ".go:", "/tmp/", "SELECT", "sqlite", "panic", "op.", "Go struct", "*hone", "PATH=", "/home/", "token_sha256"} {
		if strings.Contains(r.body, inside) {
			t.Errorf("%s: the answer shows %q: %s", what, inside, r.body)
		}
	}
	return p
}

func TestMethods(t *testing.T) {
	t.Parallel()
	methods := map[string][]string{}
	for _, r := range web.Routes() {
		if r.Path != "/" {
			methods[r.Path] = append(methods[r.Path], r.Method)
		}
	}
	for pattern, allowed := range methods {
		path := somewhere(pattern, "fraud")
		for _, m := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT2", "get"} {
			if slices.Contains(allowed, m) || m == "HEAD" && slices.Contains(allowed, "GET") {
				continue
			}
			got := shared.ask(t, m, path, "", as(token(op.Admin)))
			if got.status != http.StatusMethodNotAllowed || !strings.Contains(got.header.Get("Allow"), allowed[0]) {
				t.Errorf("%s %s: status %d, Allow %q", m, path, got.status, got.header.Get("Allow"))
			}
		}
	}
	for _, name := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"} {
		got := shared.ask(t, "POST", "/api/v1/runs/fraud-1", "", header(name, "GET"))
		if got.status != http.StatusMethodNotAllowed {
			t.Errorf("POST overridden by %s: status %d", name, got.status)
		}
		if got = shared.ask(t, "GET", "/api/v1/models/fraud/runs?_method=POST", "", header(name, "POST")); got.status != http.StatusOK || !strings.Contains(got.body, `"runs"`) {
			t.Errorf("GET overridden by %s: status %d %.100s", name, got.status, got.body)
		}
	}
	if got := shared.ask(t, "HEAD", "/api/v1/status", "", nil); got.status != http.StatusOK || got.body != "" {
		t.Errorf("HEAD: status %d, body %q", got.status, got.body)
	}
}

func TestPathsThatAreNot(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/api/", "/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v1/status/", "/API/v1/status/x/../..", "/api/v1/Status", "/api/v2/status",
		"/api/v1/models/", "/api/v1/models/fraud/", "/api/v1/models/fraud%2fplan", "/api/v1/models/%2e%2e/plan", "/api/v1/models/..%2f..%2fetc/plan",
		"/api/v1/models/fraud%00/plan", "/api/v1/datasets/..%2f..%2fcontrol.db", "/api/v1/runs/%23/..", "/debug/pprof/", "/api/v1/trace/"} {
		got := shared.ask(t, "GET", path, "", as(token(op.Admin)))
		switch {
		case strings.HasPrefix(path, "/debug"), strings.HasPrefix(path, "/API"):
			if got.status == http.StatusOK && !strings.Contains(got.body, "<html") {
				t.Errorf("%s answers %d %.80s", path, got.status, got.body)
			}
		case got.status == http.StatusMovedPermanently || got.status == http.StatusTemporaryRedirect || got.status == http.StatusPermanentRedirect:
			if to := got.header.Get("Location"); strings.HasPrefix(to, "//") || strings.Contains(to, "://") {
				t.Errorf("%s leads to %s", path, to)
			}
		case got.status != http.StatusNotFound:
			t.Errorf("%s: status %d, want 404: %.200s", path, got.status, got.body)
		default:
			problem(t, path, got)
		}
	}
	// An id may hold what means something in a path.
	if got := shared.ask(t, "GET", "/api/v1/trace/a%2Fb%2F..%2Fc", "", nil); got.status != http.StatusNotFound || !strings.Contains(got.body, `a/b/../c`) {
		t.Errorf("an id with slashes: %d %s", got.status, got.body)
	}
}

// TestForeignPages sends what a hostile page in a browser could send.
func TestForeignPages(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example:8420", "192.168.0.1", "0.0.0.0", "[::ffff:10.0.0.1]:1", "hone", "127.0.0.1@evil.example"} {
		for _, path := range []string{"/", "/api/v1/status", "/api/v1/events", "/metrics", "/v2/health/live"} {
			got := shared.ask(t, "GET", path, "", func(r *http.Request) { r.Host = host })
			if got.status != http.StatusForbidden && got.status != http.StatusBadRequest {
				t.Errorf("Host %s, %s: status %d", host, path, got.status)
			}
		}
	}
	for _, host := range []string{"localhost", "LOCALHOST:1234", "127.0.0.1", "127.8.9.1:80", "[::1]:8420", "[::1]"} {
		if got := shared.ask(t, "GET", "/api/v1/status", "", func(r *http.Request) { r.Host = host }); got.status != http.StatusOK {
			t.Errorf("Host %s: status %d", host, got.status)
		}
	}
	foreign := []map[string]string{
		{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "null"}, {"Origin": "https://evil.example"},
		{"Origin": "http://127.0.0.1:1"}, {"Origin": shared.base + ".evil.example"}, {"Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"},
	}
	for _, o := range op.All() {
		if o.Method == "GET" {
			continue
		}
		path := somewhere(o.Path, "nothing")
		for _, h := range foreign {
			got := shared.ask(t, o.Method, path, "{}", func(r *http.Request) {
				as(token(op.Admin))(r)
				for k, v := range h {
					r.Header.Set(k, v)
				}
			})
			if got.status != http.StatusForbidden {
				t.Errorf("%s with %v: status %d", o.Name, h, got.status)
				continue
			}
			problem(t, o.Name, got)
		}
	}
	for _, path := range []string{"/v2/models/fraud/infer", "/api/v1/models/fraud/predict"} {
		if got := shared.ask(t, "POST", path, "{}", header("Sec-Fetch-Site", "cross-site")); got.status != http.StatusForbidden {
			t.Errorf("%s from another site: status %d", path, got.status)
		}
	}
	own := shared.ask(t, "POST", "/api/v1/models/nothing/runs", "{}", func(r *http.Request) {
		as(token(op.Admin))(r)
		r.Header.Set("Origin", shared.base)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	})
	if own.status != http.StatusNotFound {
		t.Errorf("from the own page: status %d %s", own.status, own.body)
	}
}

func TestListensOnThisMachineAlone(t *testing.T) {
	t.Parallel()
	for _, listen := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.168.1.1:0", "example.com:80"} {
		text := "version: 1\nserver: {data: " + t.TempDir() + "}\nmodels:\n  m:\n    task: binary\n    features: {a: number}\n    label: {name: y}\n"
		c, err := config.Parse("hone.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		_, err = app.New(t.Context(), app.Options{Config: c, Text: []byte(text), Listen: listen})
		if e, ok := hone.AsError(err); !ok || e.Code != hone.Invalid || e.Hint == "" {
			t.Errorf("listen on %s: %v", listen, err)
		}
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/", "/models/fraud", "/runs/fraud-1", "/index.html", "/hone.css", "/nothing/../../etc/passwd"} {
		got := shared.ask(t, "GET", path, "", nil)
		if got.status != http.StatusOK && got.status != http.StatusMovedPermanently && got.status != http.StatusTemporaryRedirect && got.status != http.StatusPermanentRedirect {
			t.Errorf("%s: status %d", path, got.status)
		}
		csp := got.header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'self'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: Content-Security-Policy %q", path, csp)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Access-Control-Allow-Origin": ""} {
			if v := got.header.Get(name); v != want {
				t.Errorf("%s: %s is %q, want %q", path, name, v, want)
			}
		}
	}
	if got := shared.ask(t, "POST", "/", "", nil); got.status != http.StatusMethodNotAllowed {
		t.Errorf("POST /: status %d", got.status)
	}
}
