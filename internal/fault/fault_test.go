package fault_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"hone/internal/fault"
)

// TestPoints holds the table against the constants, and those against the code:
// each point has a name of its own and a place where it is passed.
func TestPoints(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "points.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok {
			declared[v.Names[0].Name] = strings.Trim(v.Values[0].(*ast.BasicLit).Value, `"`)
		}
		return true
	})
	if len(declared) != len(fault.Points()) || len(declared) < 60 {
		t.Errorf("%d points are declared, %d listed", len(declared), len(fault.Points()))
	}
	code := source(t)
	seen := map[string]bool{}
	for name, text := range declared {
		if !slices.Contains(fault.Points(), fault.Point(text)) || seen[text] {
			t.Errorf("%s is not listed, or listed twice", text)
		}
		seen[text] = true
		if !strings.Contains(code, "fault."+name+")") && !strings.Contains(code, "fault."+name+",") {
			t.Errorf("%s is never passed", name)
		}
	}
}

// source is all code of Hone but tests.
func source(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir("..", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return err
		}
		text, err := os.ReadFile(p)
		b.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestArm(t *testing.T) {
	disarm := fault.Arm(fault.Rule{Point: fault.RoundWrite, Mode: fault.Error, N: 2}, fault.Rule{Point: fault.PlanWrite, Mode: fault.NoSpace, N: 2, Stay: true})
	var got []bool
	for range 3 {
		got = append(got, errors.Is(fault.At(fault.RoundWrite), syscall.EIO), errors.Is(fault.At(fault.PlanWrite), syscall.ENOSPC), fault.At(fault.Seal) != nil)
	}
	hits := disarm()
	if want := []bool{false, false, false, true, true, false, false, true, false}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if hits[fault.RoundWrite] != 3 || hits[fault.Crown] != 0 || fault.At(fault.PlanWrite) != nil {
		t.Errorf("hits %v", hits)
	}
}

func TestFromEnv(t *testing.T) {
	f := func(env map[string]string, want string) {
		t.Helper()
		err := fault.FromEnv(func(k string) string { return env[k] })
		if want == "" && err != nil || want != "" && !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%v: %v, want %q", env, err, want)
		}
	}
	points := func(text string) map[string]string {
		return map[string]string{"HONE_FAILPOINTS": text, "HONE_FAILPOINTS_ALLOW": "1"}
	}
	f(nil, "")
	f(map[string]string{"HONE_FAILPOINTS": "store.round.write=kill"}, "for tests")
	f(map[string]string{"HONE_FAILPOINTS_HITS": "x"}, "for tests")
	f(points("store.round.right=kill"), `no point "store.round.right"`)
	f(points("store.round.write=explode"), `no mode "explode"`)
	f(points("store.round.write=kill@0"), `"0" is no number`)
	f(points("store.round.write"), `no mode ""`)
	hits := filepath.Join(t.TempDir(), "hits")
	env := points(" store.round.write=error@2, blobs.put=nospace@1+")
	env["HONE_FAILPOINTS_HITS"] = hits
	f(env, "")
	t.Cleanup(func() { fault.Arm()() })
	if fault.At(fault.RoundWrite) != nil || fault.At(fault.RoundWrite) == nil || fault.At(fault.BlobPut) == nil || fault.At(fault.BlobPut) == nil {
		t.Error("the points are not broken as they were told")
	}
	if b, err := os.ReadFile(hits); err != nil || string(b) != "store.round.write\nblobs.put\n" {
		t.Errorf("hits %q, %v", b, err)
	}
}

// BenchmarkAt is what a point costs where nothing is broken.
func BenchmarkAt(b *testing.B) {
	for b.Loop() {
		if fault.At(fault.RoundWrite) != nil {
			b.Fatal("broken")
		}
	}
}
