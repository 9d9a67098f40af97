package gateway_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"hone"
	"hone/internal/clock"
	"hone/internal/fault"
	"hone/internal/gateway"
	"hone/internal/predictor"
)

// TestPlanOfTheLoser lets two gateways keep plans in one folder: the one that
// was taken over does not write an older plan over a newer one.
func TestPlanOfTheLoser(t *testing.T) {
	t.Parallel()
	s := start(t, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25), "v2": constant(0.75)})
	other := s.gateway(clock.System{})
	t.Cleanup(other.Stop)
	s.apply(t, hone.Plan{Model: "fraud", Token: 5, Champion: "v1"})
	if err := other.Apply(hone.Plan{Model: "fraud", Token: 7, Champion: "v2"}); err != nil {
		t.Fatal(err)
	}
	err := s.Apply(hone.Plan{Model: "fraud", Token: 6, Champion: "v1"})
	if codeOf(err) != hone.Conflict || !strings.Contains(err.Error(), "plan 6 of model fraud is older than plan 7") {
		t.Errorf("got %v, want a conflict", err)
	}
	again := s.gateway(clock.System{})
	t.Cleanup(again.Stop)
	if err := again.Restore(); err != nil || champion(t, again) != "v2" {
		t.Errorf("the plan on disk serves %s, want v2 (%v)", champion(t, again), err)
	}
}

// champion is the version that answers.
func champion(t *testing.T, g *gateway.Gateway) hone.VersionID {
	t.Helper()
	as, err := g.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(1)})
	if err != nil {
		return ""
	}
	return as[0].Version
}

// TestPlanFlips turns over each bit of a plan on disk: it is refused, or it is
// the same plan.
func TestPlanFlips(t *testing.T) {
	t.Parallel()
	s := start(t, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25), "v2": constant(0.75)})
	s.apply(t, hone.Plan{Model: "fraud", Token: 5, Champion: "v1", Challenger: "v2", Weight: 0.5, Salt: "a", Previous: "v2"})
	name := filepath.Join(s.folder, "fraud.json")
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	r, refused := rand.New(rand.NewPCG(1, 1)), 0
	for range 1000 {
		bit := r.IntN(8 * len(raw))
		flipped := append([]byte(nil), raw...)
		flipped[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(name, flipped, 0o600); err != nil {
			t.Fatal(err)
		}
		g := s.gateway(clock.System{})
		switch err, who := g.Restore(), champion(t, g); {
		case err != nil && who == "":
			refused++
		case err == nil && (who == "v1" || who == "v2"):
			t.Errorf("bit %d is not noticed", bit)
		default:
			t.Errorf("bit %d: %v, and %q serves", bit, err, who)
		}
		g.Stop()
	}
	if refused != 1000 {
		t.Errorf("%d of 1000 were refused", refused)
	}
}

// TestPlanIO fails each touch of a file while a plan is kept: the old plan or
// the new one is on disk, whole, and the failure is told. It is not parallel:
// what it breaks is broken for the process.
func TestPlanIO(t *testing.T) {
	for _, broken := range []error{syscall.EIO, syscall.ENOSPC} {
		for n := 1; ; n++ {
			s := start(t, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25), "v2": constant(0.75)})
			s.apply(t, hone.Plan{Model: "fraud", Token: 5, Champion: "v1"})
			touched := 0
			disarm := fault.ArmIO(func(op, path string) error {
				if !strings.HasPrefix(path, s.folder) {
					return nil
				}
				if touched++; touched == n {
					return fmt.Errorf("%s: %w", op, broken)
				}
				return nil
			})
			err := s.Apply(hone.Plan{Model: "fraud", Token: 6, Champion: "v2"})
			disarm()
			if touched < n {
				if n != 6 || err != nil { // Create, write, sync, rename, sync the folder.
					t.Errorf("done after %d touches: %v", touched, err)
				}
				break
			}
			if codeOf(err) != hone.Unavailable || champion(t, s.Gateway) != "v2" {
				t.Errorf("touch %d: %v, and %s serves", n, err, champion(t, s.Gateway))
			}
			g := s.gateway(clock.System{})
			if err := g.Restore(); err != nil || champion(t, g) == "" {
				t.Errorf("touch %d: the plan on disk: %v", n, err)
			}
			g.Stop()
			if err := errors.Join(s.Apply(hone.Plan{Model: "fraud", Token: 6, Champion: "v2"})); err != nil {
				t.Errorf("touch %d: not kept when tried again: %v", n, err)
			}
		}
	}
}
