package stat_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"hone/internal/stat"
)

// golden reads a file of reference values that others computed, or skips.
func golden(t *testing.T, name string, into any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "golden", name))
	if err != nil {
		t.Skipf("SKIPPED, nothing was compared: the golden values are not here: %v", err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if d := math.Abs(got - want); !(d <= tolerance*math.Abs(want) || d <= 1e-12*tolerance) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

type pair[T any] struct{ Ref, Cur []*T }

type inputs struct {
	Numeric     map[string]pair[float64]
	Categorical map[string]pair[string]
}

func orElse[T any](in []*T, missing T) []T {
	out := make([]T, len(in))
	for i, x := range in {
		out[i] = missing
		if x != nil {
			out[i] = *x
		}
	}
	return out
}

// profiles builds each pair's profile and its window.
func (in inputs) profiles(visit func(kind, name string, p *stat.Profile, c *stat.Counts)) {
	for name, d := range in.Numeric {
		p := stat.NewNumeric(orElse(d.Ref, math.NaN()))
		c := p.Window()
		for _, x := range orElse(d.Cur, math.NaN()) {
			c.AddNumber(x)
		}
		visit("numeric", name, p, c)
	}
	for name, d := range in.Categorical {
		p := stat.NewNames(orElse(d.Ref, ""))
		c := p.Window()
		for _, x := range orElse(d.Cur, "") {
			c.AddName(x)
		}
		visit("categorical", name, p, c)
	}
}

// binning is what a golden profile says of its bins.
type binning struct {
	Mode   string
	Null   int
	Ref    []int
	Lo, Hi float64
	Edges  []float64
	Keys   []any
}

func sameBins(t *testing.T, name string, p *stat.Profile, w binning) {
	t.Helper()
	if w.Mode == "bins" {
		near(t, name+" min", p.Min, w.Lo, 1e-15)
		near(t, name+" max", p.Max, w.Hi, 1e-15)
		if !slices.Equal(p.Edges, w.Edges) {
			t.Errorf("%s: edges: got %v, want %v", name, p.Edges, w.Edges)
		}
	} else {
		for i, k := range w.Keys {
			if f, ok := k.(float64); ok && p.Keys[i] != f || !ok && p.Names[i] != k.(string) {
				t.Errorf("%s: key %d: want %v, got %v %v", name, i, k, p.Keys, p.Names)
			}
		}
	}
}

func TestCompareAgainstSpecification(t *testing.T) {
	t.Parallel()
	var want map[string]map[string]struct {
		Stat     float64
		DOF      int
		P        float64
		PSI      float64
		NullMean float64 `json:"psi_null_mean"`
		Outside  float64 `json:"out_of_baseline"`
		MissingP float64 `json:"missing_p"`
		Counts   []int
		Profile  binning
	}
	var in inputs
	golden(t, "expected_hone_spec.json", &want)
	golden(t, "inputs.json", &in)
	seen := 0
	in.profiles(func(kind, name string, p *stat.Profile, c *stat.Counts) {
		w, ok := want[kind][name]
		if !ok {
			t.Fatalf("no expectation for %s/%s", kind, name)
		}
		seen++
		name = kind + "/" + name
		var ref, cur []int
		for _, b := range p.Bins(c) {
			ref, cur = append(ref, b.Ref), append(cur, b.Cur)
		}
		if !slices.Equal(ref, w.Profile.Ref) || !slices.Equal(cur, w.Counts) {
			t.Errorf("%s: bins\n got %v %v\nwant %v %v", name, ref, cur, w.Profile.Ref, w.Counts)
		}
		if p.Missing != w.Profile.Null {
			t.Errorf("%s: missing: got %d, want %d", name, p.Missing, w.Profile.Null)
		}
		sameBins(t, name, p, w.Profile)
		got := p.Compare(c)
		if got.DOF != w.DOF {
			t.Errorf("%s: degrees of freedom: got %d, want %d", name, got.DOF, w.DOF)
		}
		near(t, name+" stat", got.Stat, w.Stat, 1e-9)
		near(t, name+" p", got.PRaw, w.P, 1e-6)
		near(t, name+" psi", got.PSI, w.PSI, 1e-9)
		near(t, name+" excess", got.ExcessPSI+w.NullMean, w.PSI, 1e-9)
		near(t, name+" outside", got.Outside, w.Outside, 1e-9)
		near(t, name+" missing p", got.MissingPRaw, w.MissingP, 1e-6)
	})
	if n := len(want["numeric"]) + len(want["categorical"]); seen != n || n == 0 {
		t.Errorf("compared %d of %d entries", seen, n)
	}
}

func TestCompareAgainstSciPy(t *testing.T) {
	t.Parallel()
	var want struct {
		Numeric map[string]struct {
			KS struct{ Stat float64 } `json:"ks_auto"`
			SD float64                `json:"ref_std_ddof0"`
			N  int                    `json:"n_ref"`
			// On ten bins without under- and overflow.
			Decile struct {
				Ref       []int
				JS        float64 `json:"js_base2"`
				PSI       float64 `json:"psi_laplace_half"`
				Hellinger float64
				LInfinity float64 `json:"linf"`
			} `json:"decile_spec"`
		}
		Categorical map[string]struct {
			Chi2 struct {
				Stat, P float64
				DOF     int
			} `json:"chi2_2xk"`
			JS        float64 `json:"js_base2"`
			PSI       float64 `json:"psi_laplace_half"`
			Missing   int     `json:"null_cur"`
			Hellinger float64
			LInfinity float64 `json:"linf"`
			New       float64 `json:"new_share"`
		}
	}
	var in inputs
	golden(t, "expected_scipy.json", &want)
	golden(t, "inputs.json", &in)
	in.profiles(func(kind, name string, p *stat.Profile, c *stat.Counts) {
		got := p.Compare(c)
		if kind == "numeric" {
			w := want.Numeric[name]
			// 60 bins lose at most what one of them holds; what is in order on both sides of all edges, nothing.
			if got.KS > w.KS.Stat+1e-9 || got.KS < w.KS.Stat-2.0/60 && name != "tiny" {
				t.Errorf("%s: binned KS %v is too far from the exact %v", name, got.KS, w.KS.Stat)
			}
			near(t, name+" sd", p.SD*math.Sqrt(float64(w.N-1)/float64(w.N)), w.SD, 1e-9)
			b := p.Bins(c)
			if len(b) == 12 && b[0].Cur+b[11].Cur == 0 {
				near(t, name+" js", got.JS, w.Decile.JS, 1e-9)
				near(t, name+" psi", got.PSI, w.Decile.PSI, 1e-9)
				near(t, name+" hellinger", got.Hellinger, w.Decile.Hellinger, 1e-9)
				near(t, name+" l infinity", got.LInfinity, w.Decile.LInfinity, 1e-9)
			}
			return
		}
		// SciPy has a bin for every category; ours agree where none is rare.
		w := want.Categorical[name]
		if name == "high_card" {
			return
		}
		near(t, name+" stat", got.Stat, w.Chi2.Stat, 1e-9)
		near(t, name+" p", got.PRaw, w.Chi2.P, 1e-6)
		near(t, name+" js", got.JS, w.JS, 1e-9)
		near(t, name+" psi", got.PSI, w.PSI, 1e-9)
		near(t, name+" hellinger", got.Hellinger, w.Hellinger, 1e-9)
		near(t, name+" l infinity", got.LInfinity, w.LInfinity, 1e-9)
		near(t, name+" outside", got.Outside, w.New, 1e-9)
		if got.DOF != w.Chi2.DOF || c.Missing != w.Missing {
			t.Errorf("%s: got %d degrees of freedom and %d missing, want %d and %d", name, got.DOF, c.Missing, w.Chi2.DOF, w.Missing)
		}
	})
}

func TestManyTestsAgainstSciPy(t *testing.T) {
	t.Parallel()
	var want struct {
		M struct {
			P          []float64
			Bonferroni []float64
			Simes      float64
		} `json:"multiple_testing"`
	}
	golden(t, "expected_scipy.json", &want)
	near(t, "simes", stat.Simes(want.M.P), want.M.Simes, 1e-9)
	for i, adjusted := range want.M.Bonferroni {
		// Holm names at least what Bonferroni names; the smallest of all exactly where Bonferroni does.
		if adjusted < 1 && !stat.Holm(want.M.P, adjusted*(1+1e-12))[i] {
			t.Errorf("Holm does not name test %d at its Bonferroni level %v", i, adjusted)
		}
	}
	if stat.Holm(want.M.P, want.M.Bonferroni[0]*(1-1e-9))[0] {
		t.Error("Holm names the smallest p under its Bonferroni level")
	}
}
