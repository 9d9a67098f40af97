package demo_test

import (
	"testing"

	"hone"
	"hone/internal/config"
	"hone/internal/demo"
)

// TestConfigs holds that every scenario's configuration is a good one, with the
// features of its traffic.
func TestConfigs(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"drift", "gradual", "agrawal", "bad-candidate", "bad-rollout", "harmless-drift"} {
		s, err := demo.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		c, err := config.Parse(name, []byte(s.Config("/usr/bin/hone", t.TempDir())))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		m := c.Models[demo.Model]
		if m.Features.Fingerprint() != s.Source(1).Schema().Fingerprint() || len(m.Triggers) != 1 || m.Triggers[0].RecoverableLoss == nil {
			t.Errorf("%s: model %+v", name, m)
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	_, err := demo.Find("nonsense")
	if e, ok := hone.AsError(err); !ok || e.Code != hone.Invalid || e.Hint == "" {
		t.Errorf("got %v", err)
	}
}

func TestMachinery(t *testing.T) {
	t.Parallel()
	e := demo.Ending{Run: hone.Run{Took: map[hone.State]hone.Duration{hone.Collecting: 1, hone.Training: 2, hone.Shadowing: 100, hone.Canary: 1000}}}
	if got := e.Machinery(); got != 3 {
		t.Errorf("machinery took %d, want 3: waiting for evidence is none of it", got)
	}
}

// TestPart holds that a scenario's trainer and server refuse what they are not.
func TestPart(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"trainer"}, {"server", "x", "y"}, {"else", "leaking"}} {
		if err := demo.Part(t.Context(), args); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
}
