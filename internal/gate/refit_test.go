package gate_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/gate"
)

// TestRefit holds the version trained on all rows to what its twin was proven to
// do.
func TestRefit(t *testing.T) {
	t.Parallel()
	f := func(r hone.Refit, want hone.Result, says string) {
		t.Helper()
		e := evaluation(paired(500, -0.02, 0.01)) // The twin loses 0.18.
		e.Anchors, e.Refit = []hone.AnchorFail{{}, {}}, &r
		if v := gate.Refit(e); v.Gate != "refit" || v.Result != want || !strings.Contains(v.Sentence, says) {
			t.Errorf("%+v: %s %q, want %s with %q", r, v.Result, v.Sentence, want, says)
		}
	}
	f(hone.Refit{Version: "v4", Loss: 0.17, N: 500, Failed: 2}, hone.Pass, "loses 0.17 a row where its twin lost 0.18")
	f(hone.Refit{Version: "v4", Loss: 0.9, N: 500}, hone.Fail, "loses 0.9 a row")
	f(hone.Refit{Version: "v4", Loss: math.NaN(), N: 500}, hone.Fail, "loses NaN")
	f(hone.Refit{Version: "v4", Loss: 0.17, N: 500, Failed: 3}, hone.Fail, "fails 3 anchor cases where its twin failed 2")
}

// TestUnmeasuredChampion compares with a champion that was not measured: a quick
// candidate passes, of a slow or a large one nothing is known.
func TestUnmeasuredChampion(t *testing.T) {
	t.Parallel()
	f := func(name string, change func(*hone.Replay), want hone.Result) {
		t.Helper()
		e := evaluation(paired(500, -0.02, 0.01))
		change(&e.Replay)
		if v := find(t, gate.Judge(balanced(), by(hone.OnDrift), e, 1, nil), name, ""); v.Result != want {
			t.Errorf("%+v: %s (%s), want %s", e.Replay, v.Result, v.Sentence, want)
		}
	}
	f("latency_p99", func(r *hone.Replay) { r.Champion, r.Candidate = 0, 300*time.Microsecond }, hone.Pass)
	f("latency_p99", func(r *hone.Replay) { r.Champion, r.Candidate = 0, 300*time.Millisecond }, hone.Inconclusive)
	f("latency_p99", func(r *hone.Replay) { r.Requests = 0 }, hone.Inconclusive)
	f("memory", func(r *hone.Replay) { r.ChampionMem, r.CandidateMem = 0, 1<<40 }, hone.Inconclusive)
}

// TestLossGateOnSlices holds an owner's limit of the loss on each slice.
func TestLossGateOnSlices(t *testing.T) {
	t.Parallel()
	m := balanced(hone.Gate{Metric: "loss", Max: ptr(0.3), Slices: "all"})
	m.Slices = []string{"country"}
	e := evaluation(paired(500, -0.02, 0.01))
	good, bad := paired(200, -0.02, 0.01), paired(200, 0.4, 0.01)
	e.Slices = []hone.SlicePair{{Slice: "country=DE", Paired: good}, {Slice: "country=FR", Paired: bad}}
	all := gate.Judge(m, by(hone.OnDrift), e, 1, nil)
	for slice, want := range map[string]hone.Result{"": hone.Pass, "country=DE": hone.Pass, "country=FR": hone.Fail} {
		if v := find(t, all, "loss.max", slice); v.Result != want {
			t.Errorf("%q: %s (%s), want %s", slice, v.Result, v.Sentence, want)
		}
	}
}
