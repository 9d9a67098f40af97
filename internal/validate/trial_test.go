package validate_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"hone"
	"hone/internal/validate"
	"hone/internal/validate/world"
)

// binary makes clean worlds of two classes.
func binary(seed uint64) *world.World {
	for ; ; seed++ {
		if w := world.New(seed); w.Model.Task == hone.Binary {
			return w
		}
	}
}

// first is a first version's judgement of a world.
func first(w *world.World) validate.Input {
	in := w.Input()
	in.Before, in.New = nil, 0
	return in
}

// TestExamineRejects holds that users who turn round a third of all labels are
// rejected, nearly nobody else is, and that nobody is where the owner keeps all.
func TestExamineRejects(t *testing.T) {
	t.Parallel()
	w := binary(3000)
	w.Spam(5, 1.0/3)
	in := first(w)
	checks, suspects := validate.Examine(in)
	if suspects == nil {
		t.Fatal("nobody is rejected")
	}
	honest := 0
	for _, u := range suspects.Users {
		if !strings.HasPrefix(u, "spammer") {
			honest++
		}
	}
	if n := len(suspects.Users); n-honest != 5 || honest > 5 || suspects.Since != 0 {
		t.Errorf("%q are rejected, from row %d", suspects.Users, suspects.Since)
	}
	said := slices.ContainsFunc(checks, func(c hone.Check) bool { return c.Rule == "user_labels" && strings.Contains(c.Sentence, "left out") })
	if !said {
		t.Error("no check says that rows are left out")
	}
	in.Model.Dataset.KeepSuspects = true
	checks, suspects = validate.Examine(in)
	if suspects != nil || slices.ContainsFunc(checks, func(c hone.Check) bool { return strings.Contains(c.Sentence, "left out") }) {
		t.Error("somebody is rejected though the owner keeps all")
	}
	clean, nobody := validate.Examine(binary(3100).Input())
	if nobody != nil {
		t.Errorf("%+v are rejected of a clean world: %+v", nobody, clean)
	}
}

// TestRejectedSourceEndsNoRun holds that a source whose labels are all turned round
// ends the run where its rows are kept, and is only told of where they are left out,
// unless the owner blocks.
func TestRejectedSourceEndsNoRun(t *testing.T) {
	t.Parallel()
	i := slices.IndexFunc(world.Faults, func(f world.Fault) bool { return f.Name == "labels of a source turned round" })
	rejected := 0
	f := func(keep bool, block []string, tries int, want func(left bool) hone.Level) {
		t.Helper()
		for seed := uint64(3000); tries > 0; seed++ {
			w := world.New(seed)
			if w.Model.Task == hone.Multiclass || !world.Faults[i].Plant(w) {
				continue
			}
			tries--
			w.Model.Dataset.KeepSuspects, w.Model.Validation.Block = keep, block
			checks, suspects := validate.Examine(w.Input())
			left := suspects != nil && slices.Contains(suspects.Sources, "partner 1")
			if left {
				rejected++
			}
			at := slices.IndexFunc(checks, func(c hone.Check) bool { return c.About == "partner 1" })
			if at < 0 {
				t.Errorf("world %d: nothing is found", seed)
				continue
			}
			if got := checks[at].Level; got != want(left) || left && keep {
				t.Errorf("world %d, keep %v, left out %v: level %q, want %q", seed, keep, left, got, want(left))
			}
		}
	}
	f(true, nil, 2, func(bool) hone.Level { return hone.Blocks })
	f(false, []string{"source_labels"}, 1, func(bool) hone.Level { return hone.Blocks })
	rejected = 0
	f(false, nil, 4, func(left bool) hone.Level {
		if left {
			return hone.Warns
		}
		return hone.Blocks // A trial of few rows shows no harm.
	})
	if rejected < 2 {
		t.Errorf("the source's rows are left out in %d of 4 worlds", rejected)
	}
}

// TestHardest holds that rows whose labels were turned round are believed least,
// that only those go that may, and as many as was said.
func TestHardest(t *testing.T) {
	t.Parallel()
	w := binary(3200)
	r := rand.New(rand.NewPCG(1, 2))
	turned, may := map[int]bool{}, make([]bool, w.Rows.Frame.N)
	eligible := 0
	for i, l := range w.Rows.Labels {
		if may[i] = i%2 == 0; may[i] {
			eligible++
		}
		if r.Float64() < 0.05 {
			turned[i] = true
			w.Rows.Labels[i] = map[string]string{"0": "1", "1": "0"}[l]
		}
	}
	at := validate.Hardest(w.Model, w.Rows, may, 0.02)
	if len(at) != int(0.02*float64(eligible)) {
		t.Fatalf("%d of %d rows", len(at), eligible)
	}
	hit := 0
	for _, i := range at {
		if !may[i] {
			t.Errorf("row %d may not go", i)
		}
		if turned[i] {
			hit++
		}
	}
	if share := float64(hit) / float64(len(at)); share < 0.15 { // By chance 5 %.
		t.Errorf("%.0f %% of them are turned round", 100*share)
	}
	if again := validate.Hardest(w.Model, w.Rows, may, 0.02); !slices.Equal(again, at) {
		t.Error("the same rows give others")
	}
	if at := validate.Hardest(w.Model, w.Rows, may, 0); at != nil {
		t.Error("rows go where none are to")
	}
}
