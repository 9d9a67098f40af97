// Package expr reads the rules that owners write over signals, in CEL, and says
// what they come to: true, false, or that it cannot be told. Which signals there
// are at a moment is left to whoever evaluates.
package expr

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// MaxLength is the number of characters that a rule may have.
const MaxLength = 1000

// costLimit ends an evaluation that takes far more than any rule over numbers.
const costLimit = 2_000

// Names lists what a rule may speak of, sorted. All are numbers.
func Names() []string {
	return slices.Sorted(slices.Values([]string{
		// As monitor measures them.
		"loss", "accuracy", "auc", "pr_auc", "log_loss", "brier", "f1", "macro_f1", "kappa", "cost", "rmse", "mae", "mape", "recoverable_loss", "probe.power",
		"estimated.loss", "estimated.accuracy", "estimated.precision", "estimated.recall", "estimated.f1", "estimated.auc",
		"loss.since", "accuracy.since", "mae.since", "estimated.log_loss", "estimated.brier", "estimated.mae",
		"loss.change", "score.change",
		"drift.share", "drift.max", "drift.p", "drift.score", "drift.joint", "drift.joint_p", "missing.share", "out_of_range.share", "unseen.share",
		"labels.mature", "labels.silent", "labels.every", "traffic.silent", "label_delay.p50", "label_delay.p95",
		"traffic.served", "traffic.rate", "faults", "refused", "latency.p50", "latency.p99",
		// As trigger knows them.
		"labels.new", "failures", "hour", "weekday", "days_since_training", "days_since_run",
	}))
}

// OfTime lists the names whose values change though nothing is measured.
func OfTime() []string { return []string{"days_since_run", "days_since_training", "hour", "weekday"} }

// Program is a rule that was read and checked. It is safe for concurrent use.
type Program struct {
	run   cel.Program
	names []string
}

// Error says what is wrong with a rule.
type Error struct {
	Column  int // From 1, in characters.
	Message string
	// Unknown is the name that is not among Names, where that is what is wrong.
	Unknown string
}

func (e *Error) Error() string { return fmt.Sprintf("column %d: %s", e.Column, e.Message) }

// environment is what rules are checked against; it never changes.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	options := []cel.EnvOption{
		cel.StdLib(), cel.ClearMacros(), cel.CrossTypeNumericComparisons(true),
		cel.ParserRecursionLimit(64), cel.ParserExpressionSizeLimit(MaxLength),
	}
	for _, name := range Names() {
		options = append(options, cel.Variable(name, cel.DoubleType))
	}
	return cel.NewCustomEnv(options...)
})

// Compile reads a rule. What is wrong with it is an *Error.
func Compile(text string) (*Program, error) {
	if n := utf8.RuneCountInString(text); n > MaxLength {
		return nil, &Error{Column: MaxLength + 1, Message: fmt.Sprintf("the rule has %d characters; at most %d are read", n, MaxLength)}
	}
	env, err := environment()
	if err != nil {
		return nil, fmt.Errorf("prepare CEL: %w", err)
	}
	parsed, issues := env.Parse(text)
	if issues.Err() != nil {
		return nil, first(issues)
	}
	tree := parsed.NativeRep()
	names, bad := namesOf(tree)
	if bad != nil {
		return nil, bad
	}
	numbers(tree)
	checked, issues := env.Check(parsed)
	if issues.Err() != nil {
		return nil, first(issues)
	}
	if checked.OutputType() != cel.BoolType {
		return nil, &Error{Column: 1, Message: "the rule comes to " + word(checked.OutputType()) + ", and must come to true or false"}
	}
	p := &Program{names: names}
	p.run, err = env.Program(checked, cel.EvalOptions(cel.OptPartialEval), cel.CostLimit(costLimit))
	if err != nil {
		return nil, &Error{Column: 1, Message: err.Error()}
	}
	return p, nil
}

// Names lists what the rule speaks of, sorted.
func (p *Program) Names() []string { return p.names }

// Eval says whether the rule holds for the given values. A name that has no
// value, or one that is no finite number, is unknown: never zero, never false.
// Where that leaves the rule open, unknown lists the names that could have
// decided it; where the other side of an && or || decides, it is empty.
func (p *Program) Eval(values map[string]float64) (fired bool, unknown []string, err error) {
	known := make(map[string]any, len(p.names))
	var open []*cel.AttributePatternType
	for _, name := range p.names {
		v, ok := values[name]
		if !ok || math.IsNaN(v) || math.IsInf(v, 0) {
			open = append(open, cel.AttributePattern(name))
			continue
		}
		known[name] = v
	}
	vars, err := cel.PartialVars(known, open...)
	if err != nil {
		return false, nil, fmt.Errorf("evaluate a rule: %w", err)
	}
	out, _, err := p.run.Eval(vars)
	if err != nil {
		return false, nil, fmt.Errorf("evaluate a rule: %w", err)
	}
	if u, ok := out.(*types.Unknown); ok {
		return false, named(u), nil
	}
	return out == ref.Val(types.True), nil, nil
}

// named lists the names behind what is unknown.
func named(u *types.Unknown) []string {
	var out []string
	for _, id := range u.IDs() {
		trails, _ := u.GetAttributeTrails(id)
		for _, t := range trails {
			out = append(out, t.Variable())
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// namesOf lists the names that the tree speaks of, or says which is not known.
func namesOf(tree *ast.AST) (names []string, bad *Error) {
	all := Names()
	for _, e := range ast.MatchDescendants(ast.NavigateAST(tree), ast.AllMatcher()) {
		name, whole := dotted(e)
		if !whole || bad != nil {
			continue
		}
		if parent, ok := e.Parent(); ok && parent.Kind() == ast.SelectKind {
			continue // Part of a longer name.
		}
		if slices.Contains(all, name) {
			names = append(names, name)
			continue
		}
		at := e.ID()
		for part := ast.Expr(e); part.Kind() == ast.SelectKind; {
			part = part.AsSelect().Operand()
			at = part.ID()
		}
		bad = &Error{Column: tree.SourceInfo().GetStartLocation(at).Column() + 1, Message: fmt.Sprintf("unknown signal %q", name), Unknown: name}
	}
	slices.Sort(names)
	return slices.Compact(names), bad
}

// dotted reads a name such as drift.max, and tells whether e is one.
func dotted(e ast.Expr) (string, bool) {
	switch e.Kind() {
	case ast.IdentKind:
		return e.AsIdent(), true
	case ast.SelectKind:
		if of, ok := dotted(e.AsSelect().Operand()); ok {
			return of + "." + e.AsSelect().FieldName(), true
		}
	}
	return "", false
}

// numbers makes every whole number one with a fraction, as all signals are, so
// that `loss * 2` is as good as `loss * 2.0`.
func numbers(tree *ast.AST) {
	factory := ast.NewExprFactory()
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.LiteralKind {
			return
		}
		switch v := e.AsLiteral().(type) {
		case types.Int:
			e.SetKindCase(factory.NewLiteral(e.ID(), types.Double(v)))
		case types.Uint:
			e.SetKindCase(factory.NewLiteral(e.ID(), types.Double(v)))
		}
	}))
}

// overload is how CEL says that an operator does not fit what it stands between.
var overload = regexp.MustCompile(`^found no matching overload for '(.+)' applied to '\((.*)\)'`)

// first is the first thing that is wrong.
func first(issues *cel.Issues) *Error {
	all := issues.Errors()
	if len(all) == 0 {
		return &Error{Column: 1, Message: "it cannot be read"}
	}
	said := strings.TrimPrefix(all[0].Message, "Syntax error: ")
	said, _, _ = strings.Cut(said, " (in container")
	said, _, _ = strings.Cut(said, " expecting {")
	if m := overload.FindStringSubmatch(said); m != nil {
		kinds := strings.NewReplacer("double", "a number", "string", "text", ", ", " and ").Replace(m[2])
		said = fmt.Sprintf("%q does not go with %s", strings.Trim(m[1], "_"), kinds)
	}
	return &Error{Column: max(all[0].Location.Column(), 0) + 1, Message: said}
}

func word(t *cel.Type) string {
	switch t {
	case cel.DoubleType, cel.IntType, cel.UintType:
		return "a number"
	case cel.StringType:
		return "text"
	}
	return "a " + t.String()
}
