package hone_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// mayImport says which packages of Hone each package may import.
// It is policy: change it only together with a decision record.
// Words in capitals name groups; a package absent here fails the test.
const mayImport = `
	LEAF  = internal/clock internal/estimate internal/expr internal/fault internal/frame internal/oip internal/outgoing internal/say internal/secret internal/stat internal/table internal/learn/encode internal/learn/calibrate internal/learn/gbdt internal/learn/linear internal/learn/odds internal/learn/residual internal/learn/residual/trees internal/learn/residual/planted internal/predictor internal/predictor/child internal/predictor/upstream internal/sandbox internal/stat/distance internal/stat/change internal/stat/text internal/stat/kll
	STAGE = internal/deliver internal/monitor internal/trigger internal/dataset internal/train internal/evaluate internal/gate internal/registry internal/rollout internal/feedback internal/validate
	PORT  = internal/web internal/cli

	internal/frame             :
	.                          : internal/frame
	internal/clock             :
	internal/estimate          : internal/frame internal/stat internal/learn/calibrate
	internal/expr              :
	internal/fault             :
	internal/lock              :
	internal/fault/power       : internal/fault
	internal/vfs               : internal/fault
	internal/oip               : .
	internal/outgoing          : .
	internal/say               :
	internal/secret            : .
	internal/stat              : internal/stat/distance
	internal/stat/distance     :
	internal/stat/change       :
	internal/stat/text         : internal/stat internal/learn/encode
	internal/stat/kll          :
	internal/table             : . internal/frame
	internal/stream            : internal/frame
	internal/learn/calibrate   : internal/learn/odds
	internal/learn/odds        :
	internal/learn/encode      : internal/frame
	internal/learn/gbdt        : internal/frame internal/say internal/learn/odds
	internal/learn/linear      : internal/frame internal/say internal/learn/encode internal/learn/odds
	internal/learn/residual    : internal/frame internal/learn/encode internal/learn/odds
	internal/learn/residual/trees : internal/frame internal/learn/gbdt internal/learn/odds internal/learn/residual
	internal/learn/residual/planted : internal/frame internal/learn/gbdt internal/learn/residual internal/learn/residual/trees
	internal/sandbox           : . internal/clock
	internal/predictor/child   : . internal/sandbox
	internal/predictor/upstream : . internal/clock internal/frame internal/oip internal/outgoing internal/secret
	internal/predictor         : . internal/clock internal/frame internal/learn/calibrate internal/learn/gbdt internal/learn/linear internal/predictor/child internal/predictor/upstream internal/sandbox
	internal/onnx              : . internal/frame internal/predictor
	STAGE                      : . LEAF
	internal/validate/world    : . internal/frame internal/validate
	internal/train/search      : internal/say
	internal/train/params      : internal/learn/gbdt internal/learn/linear
	internal/train/continuous  : . LEAF
	internal/train/builtin     : . LEAF internal/train internal/train/params
	internal/train/command     : . LEAF internal/train
	internal/train/machine       : . LEAF internal/train
	internal/train/traintest   : . LEAF internal/train
	internal/audit             : .
	internal/store             : . internal/audit internal/clock internal/fault internal/frame internal/feedback internal/lock internal/vfs
	internal/spool              : . internal/clock internal/fault internal/lock
	internal/config            : . internal/expr internal/frame internal/say internal/stat/change internal/train/params internal/train/search
	internal/vault             : . LEAF internal/audit internal/dataset internal/evaluate internal/store
	internal/gateway           : . LEAF
	internal/loop              : . LEAF STAGE internal/train/continuous internal/train/search
	internal/backtest          : . LEAF STAGE internal/train/continuous
	internal/op                : . LEAF STAGE internal/loop internal/audit internal/backtest internal/config
	internal/web               : . LEAF internal/op
	sdk/python                 :
	internal/cli/project       : . sdk/python
	internal/cli               : . LEAF internal/backtest internal/op internal/config internal/monitor internal/validate internal/cli/project
	internal/demo              : . LEAF internal/stream
	internal/app               : . LEAF STAGE PORT internal/backtest internal/train/builtin internal/train/command internal/train/machine internal/audit internal/store internal/vault internal/spool internal/config internal/gateway internal/loop internal/op internal/demo internal/cli/project
	cmd/hone                   : internal/app
	cmd/hone-onnx              : internal/onnx
	e2e                        : .
	examples/stream            : . LEAF internal/stream
	bench/bar                  : internal/clock
	bench/rig                  : internal/clock bench/bar
	bench/bars_hold            : . LEAF internal/store internal/config internal/op internal/app bench/bar bench/rig
	bench/bars_statistics      : . LEAF STAGE internal/store internal/config internal/op internal/app bench/bar bench/rig internal/stream internal/loop internal/validate/world
	bench/bars_learners        : LEAF bench/bar bench/rig bench/retraining
	bench/bars_when            : LEAF internal/backtest internal/stream bench/bar bench/retraining
	bench/retraining           : . LEAF internal/backtest bench/bar
	bench/retraining/benchmark : LEAF internal/backtest bench/bar bench/retraining
	bench/bars_loop            : . LEAF STAGE PORT internal/store internal/config internal/gateway internal/loop internal/op internal/app bench/bar bench/rig
`

// TestTree checks the rules that no compiler checks: who imports whom, that
// each package says what it is for, that no file outgrows its reader, that
// tests do not sleep, and that only clock reads the time.
func TestTree(t *testing.T) {
	const module, maxLines = "hone", 600
	allowed := parsePolicy(mayImport)
	docs := map[string]int{}
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".go") || strings.Contains(p, "testdata") {
			return err
		}
		src, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		made := bytes.Contains(src, []byte("\n// Code generated by ")) // And read by nobody.
		if n := bytes.Count(src, []byte("\n")); n > maxLines && !made && !strings.HasSuffix(p, "_test.go") {
			t.Errorf("%s has %d lines; the limit is %d", p, n, maxLines)
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, p, src, parser.ParseComments)
		if err != nil {
			return err
		}
		pkg, isTest := path.Dir(filepath.ToSlash(p)), strings.HasSuffix(p, "_test.go")
		ast.Inspect(f, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" {
				switch {
				case isTest && sel.Sel.Name == "Sleep":
					t.Errorf("%s: time.Sleep in a test; use testing/synctest or a channel", fset.Position(n.Pos()))
				case !isTest && sel.Sel.Name == "Now" && pkg != "internal/clock":
					t.Errorf("%s: time.Now outside clock", fset.Position(n.Pos()))
				}
			}
			return true
		})
		if isTest {
			return nil
		}
		if f.Doc != nil {
			docs[pkg]++
		} else {
			docs[pkg] += 0
		}
		may, ok := allowed[pkg]
		if !ok {
			t.Errorf("%s: package %s is not in mayImport", p, pkg)
		}
		for _, imp := range f.Imports {
			to, inside := strings.CutPrefix(strings.Trim(imp.Path.Value, `"`), module)
			if !inside || (to != "" && to[0] != '/') {
				continue
			}
			if to = strings.TrimPrefix(to, "/"); to == "" {
				to = "."
			}
			if !may[to] {
				t.Errorf("%s: %s must not import %s", p, pkg, to)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg, n := range docs {
		if n != 1 {
			t.Errorf("%s has %d package comments; want 1", pkg, n)
		}
	}
}

func parsePolicy(s string) map[string]map[string]bool {
	groups := map[string][]string{}
	expand := func(words string) (out []string) {
		for _, w := range strings.Fields(words) {
			if g, ok := groups[w]; ok {
				out = append(out, g...)
			} else {
				out = append(out, w)
			}
		}
		return out
	}
	allowed := map[string]map[string]bool{}
	for line := range strings.Lines(s) {
		if name, members, ok := strings.Cut(line, "="); ok {
			groups[strings.TrimSpace(name)] = strings.Fields(members)
			continue
		}
		from, to, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		set := map[string]bool{}
		for _, p := range expand(to) {
			set[p] = true
		}
		for _, p := range expand(from) {
			allowed[p] = set
		}
	}
	return allowed
}
