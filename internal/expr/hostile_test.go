package expr_test

import (
	"strings"
	"testing"
	"time"

	"hone/internal/expr"
)

// TestHostileRules writes rules that would take long if they could: whatever is
// taken comes to an end within 10 ms, and the rest is refused as fast.
func TestHostileRules(t *testing.T) {
	t.Parallel()
	rules := []string{
		"'" + strings.Repeat("a", 900) + "!'.matches('(a+)+$')",
		"'" + strings.Repeat("a", 400) + "'.matches('" + strings.Repeat("a?", 200) + strings.Repeat("a", 60) + "')",
		"'" + strings.Repeat("a", 900) + "'.matches('(.*)*(.*)*(.*)*$')", "'aaa'.matches('((a{1,100}){1,100}){1,100}')",
		"[1,2,3].all(x, [1,2,3].all(y, [1,2,3].all(z, x + y + z > 0)))", "[1,2,3].map(x, [x, x, x]).size() > 0", "[1].exists(x, true)", "has(loss.x)",
		"loss in [" + strings.Repeat("1,", 450) + "1]", "size([" + strings.Repeat("1,", 450) + "1]) > 1", "[[" + strings.Repeat("[", 200) + "1" + strings.Repeat("]", 202) + " == 1",
		strings.Repeat("(", 400) + "loss" + strings.Repeat(")", 400) + " > 1", strings.Repeat("!", 900) + "(loss > 1)", strings.Repeat("-", 900) + "loss > 1",
		"loss > 1" + strings.Repeat(" || loss > 1", 80), "loss > 1" + strings.Repeat(" && auc < 1", 80), strings.Repeat("loss > 1 ? true : ", 50) + "false", "loss" + strings.Repeat(" + loss", 140) + " > 1",
		"'a'" + strings.Repeat(" + 'a'", 140) + " == ''", "string(loss) + " + strings.Repeat("string(loss) + ", 60) + "'' == ''", "timestamp('9999-12-31T23:59:59Z') + duration('999999999h') > timestamp('0001-01-01T00:00:00Z')",
		"{'a': {'b': {'c': loss}}}['a']['b']['c'] > 1", "type(loss) == type(1.0)", "dyn([1,2,3])[1] == 2", "loss > 1; DROP TABLE run", "loss > 1 -- x", "loss > 1 /* x */", "' OR 1=1 --", "`loss` > 1", "loss\u0000> 1", "os.Exit(1)", "${loss} > 1", "{{loss}} > 1",
	}
	values := map[string]float64{"loss": 0.5, "auc": 0.9}
	taken := 0
	for _, rule := range rules {
		p, err := expr.Compile(rule)
		if len([]rune(rule)) > expr.MaxLength && err == nil {
			t.Errorf("%.60q has %d characters and is taken", rule, len(rule))
		}
		if err != nil {
			continue
		}
		taken++
		best := time.Hour // Of several: others may hold the machine.
		for range 20 {
			began := time.Now()
			p.Eval(values)
			p.Eval(nil)
			best = min(best, time.Since(began))
		}
		if best > 10*time.Millisecond {
			t.Errorf("%.60q takes %v", rule, best)
		}
	}
	t.Logf("%d of %d rules are taken", taken, len(rules))
}
