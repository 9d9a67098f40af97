package app_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"hone"
	"hone/internal/app"
	"hone/internal/config"
	"hone/internal/op"
)

// TestGatewayStartStop starts and stops gateways that have no plan yet, two at a
// time on one folder, while they are asked.
func TestGatewayStartStop(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c, err := config.Parse("hone.yaml", fmt.Appendf(nil, "version: 1\nserver: {data: %q}\nmodels: {m: {task: binary, features: {x: number}, label: y}}\n", filepath.Join(dir, "data")))
	if err != nil {
		t.Fatal(err)
	}
	build := func(name string) (*app.Gateway, error) {
		return app.NewGateway(app.GatewayOptions{Config: c, Name: name, Listen: "127.0.0.1:0"})
	}
	if _, err := build("gw1"); err == nil || !strings.Contains(err.Error(), "there is no data folder") {
		t.Errorf("without a folder: %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := build("hone"); err == nil {
		t.Error("a gateway has Hone's own name")
	}
	c.Server.Anonymous = "none"
	if _, err := build("gw1"); err == nil || !strings.Contains(err.Error(), "knows no tokens") {
		t.Errorf("where everybody needs a token: %v", err)
	}
	c.Server.Anonymous = "feedback"
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	said := func(method, url, body string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(req)
		if err != nil {
			return 0, err.Error()
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(b)
	}
	var wait sync.WaitGroup
	for i := range 2 {
		wait.Go(func() {
			for round := range 5 {
				name := fmt.Sprint("gw", i)
				g, err := build(name)
				if err == nil {
					err = g.Start(t.Context())
				}
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := build(name); err == nil {
					t.Error("two gateways of one name")
				} else if e, ok := hone.AsError(err); !ok || e.Code != hone.Conflict {
					t.Error(err)
				}
				base := "http://" + g.Addr()
				expect := func(status int, words, method, path, body string) {
					t.Helper()
					if got, b := said(method, base+path, body); got != status || !strings.Contains(b, words) {
						t.Errorf("%s %s: %d %s, want %d with %q", method, path, got, b, status, words)
					}
				}
				expect(200, `"ready":true`, "GET", "/v2/health/ready", "")
				expect(503, "no champion yet", "POST", "/api/v1/models/m/predict", `{"features": {"x": 1}}`)
				expect(503, "", "GET", "/v2/models/m/ready", "")
				expect(200, "hone_log_rows_total", "GET", "/metrics", "")
				expect(404, "hone serve", "GET", "/api/v1/status", "")
				expect(404, "hone serve", "GET", "/", "")
				if round%2 == 0 {
					g.Stop()
				}
				g.Stop()
			}
		})
	}
	wait.Wait()
}

// TestGatewayRefusals holds that the objective counts what a gateway of its own refused.
func TestGatewayRefusals(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.clock = nil
	f.serve("server: {listen: \"127.0.0.1:0\"}\n")
	gw, err := app.NewGateway(app.GatewayOptions{Config: f.config(), Name: "gw1", Listen: "127.0.0.1:0"})
	if err == nil {
		err = gw.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	defer gw.Stop()
	for range 3 {
		res, err := http.Post("http://"+gw.Addr()+"/api/v1/models/mild/predict", "application/json", strings.NewReader(`{"features": {"x": 1, "y": 0.5}}`))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("without a version: %d", res.StatusCode)
		}
	}
	gw.Stop()
	f.history("mild")
	(&live{t: t, app: f.app}).eventually("what the gateway refused is in the report", func() bool {
		o := f.call("report", &op.ReportIn{Model: "mild"}).(op.Reports).Reports[0].Objective
		return o.Refused == 3 && o.Rows == 0
	})
}
