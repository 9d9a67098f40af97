package gateway_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"hone"
	"hone/internal/clock"
	"hone/internal/gateway"
	"hone/internal/predictor"
)

// FuzzPlanFile: whatever lies where a plan is kept, with a checksum that fits or
// without, a gateway answers by a version that loads, or says why it does not.
func FuzzPlanFile(f *testing.F) {
	for _, line := range []string{
		`{"model":"fraud","token":7,"champion":"v1","challenger":"v2","weight":0.5,"sticky_by":"user_id","artefacts":{"v1":"../../token"}}`,
		`{"model":"fraud","token":-1,"champion":"../v1","weight":1e308,"timeout":-1}`,
		`{"model":"../fraud","champion":"v1"}`, `{"model":"fraud","champion":"v1","features":[{"name":"x","kind":"image"},{"name":"x","kind":"number"}],"task":"nothing"}`,
		`{"model":"fraud","token":9223372036854775807,"champion":"v1","shadow":"v1","previous":"v9","weight":1}`, `null`, `[`, ``,
	} {
		f.Add([]byte(line), true)
		f.Add([]byte(line), false)
	}
	s := start(f, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25), "v2": constant(0.75)})
	go func() { // Ejections are told as often as they happen.
		for range s.ejected {
		}
	}()
	f.Cleanup(func() { close(s.ejected) })
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	f.Fuzz(func(t *testing.T, line []byte, seal bool) {
		folder := t.TempDir()
		text := line
		if seal {
			sum := sha256.Sum256(line)
			text = fmt.Appendf(nil, "%s\n%s\n", line, hex.EncodeToString(sum[:]))
		}
		if err := os.WriteFile(filepath.Join(folder, "fraud.json"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		here := *s
		here.folder = folder
		for _, made := range []func() (*gateway.Gateway, func()){
			func() (*gateway.Gateway, func()) { // Of the server, which restores.
				g := here.gateway(clock.System{})
				if err := g.Restore(); err != nil && err.Error() == "" {
					t.Errorf("%q: refused without a word", line)
				}
				return g, g.Stop
			},
			func() (*gateway.Gateway, func()) { // On its own, which follows.
				follower := gateway.NewFollower(folder, func(name string) (hone.Model, bool) { return fraud, name == "fraud" }, clock.System{}, quiet)
				g := gateway.New(gateway.Options{Pool: s.pool, Log: s.log, Model: follower.Model, Logger: quiet, Prefix: "gw-"})
				follower.Start(t.Context(), g)
				return g, func() { g.Stop(); follower.Stop() }
			},
		} {
			g, stop := made()
			as, err := g.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(1)})
			stop()
			if err != nil {
				if _, told := hone.AsError(err); !told {
					t.Fatalf("%q: %v", line, err)
				}
				continue
			}
			if v := as[0].Version; v != "v1" && v != "v2" {
				t.Fatalf("%q: answered by %q", line, v)
			}
		}
	})
}
