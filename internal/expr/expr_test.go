package expr_test

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"hone/internal/expr"
)

func TestEval(t *testing.T) {
	t.Parallel()
	values := map[string]float64{"drift.max": 0.4, "labels.mature": 2001, "loss": 0.25, "hour": 3, "auc": math.NaN(), "mae": math.Inf(1)}
	f := func(text string, fired bool, unknown ...string) {
		t.Helper()
		p, err := expr.Compile(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			return
		}
		got, open, err := p.Eval(values)
		if err != nil || got != fired || !reflect.DeepEqual(open, unknown) {
			t.Errorf("%s: %v, unknown %v, %v; want %v, unknown %v", text, got, open, err, fired, unknown)
		}
	}
	f("drift.max > 0.3 && labels.mature > 2000", true)
	f("drift.max > 0.4", false)
	f("loss * 2 >= 0.5", true)
	f("-loss < 0 && !(loss > 1)", true)
	f("hour >= 2 && hour < 5", true)
	f("hour in [2, 3]", true)
	f("(loss > 0.2 ? drift.max : 0.0) > 0.3", true)
	f("true", true)
	// What has no value is unknown, whichever way it is asked.
	f("accuracy < 0.9", false, "accuracy")
	f("accuracy >= 0.9", false, "accuracy")
	f("!(accuracy < 0.9)", false, "accuracy")
	f("accuracy == 0", false, "accuracy")
	f("auc < 0.9", false, "auc")
	f("mae > 1", false, "mae")
	// The other side decides where it can.
	f("accuracy < 0.9 || drift.max > 0.3", true)
	f("accuracy < 0.9 && drift.max > 0.5", false)
	f("drift.max > 0.5 && accuracy < 0.9", false)
	f("accuracy < 0.9 && drift.max > 0.3", false, "accuracy")
	f("accuracy < 0.9 || drift.max > 0.5", false, "accuracy")
	f("accuracy < 0.9 || auc < 0.8", false, "accuracy", "auc")
	f("drift.share > 0.5 ? true : false", false, "drift.share")
	f("true ? loss > 0.2 : accuracy > 1", true)
}

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	f := func(text string, column int, unknown, part string) {
		t.Helper()
		_, err := expr.Compile(text)
		e, ok := errors.AsType[*expr.Error](err)
		if !ok || e.Column != column || e.Unknown != unknown || !strings.Contains(e.Message, part) {
			t.Errorf("%.60s: %v, want column %d, unknown %q, %q", text, err, column, unknown, part)
		}
	}
	f("drift.mx > 0.3", 1, "drift.mx", `unknown signal "drift.mx"`)
	f("loss > 1 && precision < 0.4", 13, "precision", "unknown signal")
	f("drift > 0.3", 1, "drift", "unknown signal")
	f("drift.max.x > 1", 1, "drift.max.x", "unknown signal")
	f("loss", 1, "", "comes to a number")
	f("'a'", 1, "", "comes to text")
	f("loss >", 7, "", "mismatched input")
	f("loss > 'a'", 6, "", `">" does not go with a number and text`)
	f("loss % 2 == 1", 6, "", `"%" does not go with a number and a number`)
	f("", 1, "", "")
	f("loss > 0 && "+strings.Repeat("(", 80)+"true"+strings.Repeat(")", 80), 1, "", "")
	f("[1, 2].all(x, x > 0)", 12, "x", "unknown signal") // There are no loops.
	f(strings.Repeat("true || ", 200)+"true", expr.MaxLength+1, "", "1604 characters")
}

func TestCostIsBounded(t *testing.T) {
	t.Parallel()
	text := "'" + strings.Repeat("a", 400) + "'.matches('" + strings.Repeat("(a|aa)+", 60) + "b')"
	p, err := expr.Compile(text)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.Eval(nil); err == nil {
		t.Error("a rule that costs so much must be stopped")
	}
}

func TestNamesOfProgram(t *testing.T) {
	t.Parallel()
	p, err := expr.Compile("drift.max > loss || hour > 3 && loss < 1")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"drift.max", "hour", "loss"}; !reflect.DeepEqual(p.Names(), want) {
		t.Errorf("got %v, want %v", p.Names(), want)
	}
	for _, name := range append(expr.Names(), expr.OfTime()...) {
		if _, err := expr.Compile(name + " > 0"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzCompile: whatever is written, reading it gives an error with a place or a
// rule that can be evaluated, with everything known and with nothing known.
func FuzzCompile(f *testing.F) {
	for _, seed := range []string{
		"drift.max > 0.3 && labels.mature > 2000", "loss > 1 || accuracy < 0.9", "hour in [1, 2]", "!(auc < .5)",
		"loss ? 1 : 2", "a.b.c", "'x'.matches('(a+)+')", "[loss][0] > 1", "{'a': loss}['a'] > 1", "1/0 > 1", "\"\\u0000\" == 'é'",
		"loss > 1e308 * 10", "duration('1h') > duration('1m')", "size([1,2]) == 2", "((((((loss))))))", "loss..x", "b'\\xff' == b''",
		"timestamp('2026-01-01T00:00:00Z').getHours() > 1", "has(drift.max)", "dyn(loss) == 'a'", "-(-(-loss)) < 0", "null == null",
	} {
		f.Add(seed)
	}
	all := map[string]float64{}
	for i, name := range expr.Names() {
		all[name] = float64(i) - 3
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := expr.Compile(text)
		if err != nil {
			if e, ok := errors.AsType[*expr.Error](err); !ok || e.Column < 1 || e.Message == "" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if _, unknown, _ := p.Eval(all); len(unknown) > 0 {
			t.Fatalf("%q: %v is unknown, though all is known", text, unknown)
		}
		fired, unknown, err := p.Eval(nil)
		again, _, _ := p.Eval(nil)
		if fired != again || fired && len(unknown) > 0 || err != nil && (fired || len(unknown) > 0) {
			t.Fatalf("%q: fired %v and %v, unknown %v, %v", text, fired, again, unknown, err)
		}
	})
}

func BenchmarkCompileAndEval(b *testing.B) {
	values := map[string]float64{"drift.max": 0.4, "labels.mature": 2001}
	for b.Loop() {
		p, err := expr.Compile("drift.max > 0.3 && labels.mature > 2000")
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := p.Eval(values); err != nil {
			b.Fatal(err)
		}
	}
}
