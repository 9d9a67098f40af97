package gateway_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/gateway"
	"hone/internal/predictor"
)

// A model that is forgotten answers no new request; those under way end, what
// waits for a shadow is dropped, and then its versions are closed. Its plan puts
// it in force again.
func TestForget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := constant(0.25)
		slow.predict = func(ctx context.Context, f *frame.Frame) (hone.Scores, error) {
			<-time.After(time.Second)
			return constant(0.25).predict(ctx, f)
		}
		s := start(t, map[hone.VersionID]predictor.Predictor{"v1": slow,
			"v3": failing(func(ctx context.Context) (hone.Scores, error) { <-ctx.Done(); return hone.Scores{}, ctx.Err() })})
		plan := hone.Plan{Model: "fraud", Token: 1, Champion: "v1", Shadow: "v3"}
		s.apply(t, plan)
		for range 10 {
			if _, err := s.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(1)}); err != nil {
				t.Fatal(err)
			}
		}
		under := make(chan error)
		go func() {
			_, err := s.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(1)})
			under <- err
		}()
		synctest.Wait()
		s.Forget("fraud")
		s.Forget("fraud") // Twice, to no harm.
		if _, err := s.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(1)}); codeOf(err) != hone.Unavailable {
			t.Errorf("a forgotten model answered: %v", err)
		}
		if !slices.Contains(s.pool.keeps(), "v1") {
			t.Error("v1 was closed while it was asked")
		}
		if err := <-under; err != nil {
			t.Errorf("the request under way: %v", err)
		}
		<-time.After(3 * time.Second)
		if st := s.Stats()[0]; st.Shadowed+st.ShadowDropped != 11 || st.ShadowDropped == 0 || len(s.pool.keeps()) != 0 {
			t.Errorf("counted %+v, kept %v", st, s.pool.keeps())
		}
		s.apply(t, plan)
		if _, err := s.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(1)}); err != nil {
			t.Errorf("back in force: %v", err)
		}
	})
}
