package hone_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mayCall says which packages open connections to others, and why they may. It
// is policy, as mayImport is: the server itself calls nobody but the model
// servers that it starts, on this machine, and those that its owner names.
var mayCall = map[string]string{
	"internal/outgoing":           "lends the dialer that looks where it leads, to whoever calls servers that others run",
	"internal/deliver":            "posts plans to the webhook that the configuration names, through that dialer",
	"internal/predictor":          "asks model servers that it started itself, on loopback",
	"internal/predictor/upstream": "asks model servers that the configuration names, through that dialer",
	"internal/app":                "asks the server that the user of a command names, or whose folder it is",
	"internal/demo":               "plays the users of a server that it started itself",
}

// calls are the names by which a program reaches others.
var calls = map[string][]string{
	"net":      {"Dial", "DialTimeout", "Dialer", "DialTCP", "DialUDP", "DialUnix", "DialIP", "LookupHost", "LookupIP", "LookupAddr", "Resolver", "ResolveTCPAddr"},
	"net/http": {"Client", "Transport", "DefaultClient", "DefaultTransport", "Get", "Post", "PostForm", "Head", "NewRequest", "NewRequestWithContext"},
	"os/exec":  {"Command", "CommandContext", "Cmd"},

	"google.golang.org/grpc": {"NewClient", "Dial", "DialContext"},
}

// mayRun says which packages start programs.
var mayRun = map[string]string{
	"internal/sandbox":         "itself, between Hone and what it contains",
	"internal/predictor/child": "trainers and model servers, by their arguments and without a shell",
}

// TestNobodyIsCalled reads every source: where a connection could be opened or a
// program started, it is one of the places that may.
func TestNobodyIsCalled(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") || strings.HasPrefix(p, "bench/") || strings.HasPrefix(p, "examples/") || strings.Contains(p, "testdata") {
			return err
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, p, nil, 0)
		if err != nil {
			return err
		}
		pkg, names := path.Dir(filepath.ToSlash(p)), map[string]string{}
		for _, imp := range f.Imports {
			from := strings.Trim(imp.Path.Value, `"`)
			name := path.Base(from)
			if imp.Name != nil {
				name = imp.Name.Name
			}
			names[name] = from
			if slices.Contains([]string{"net/rpc", "net/smtp", "net/http/httputil", "plugin"}, from) {
				t.Errorf("%s imports %s", p, from)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := sel.X.(*ast.Ident)
			if !ok || !slices.Contains(calls[names[x.Name]], sel.Sel.Name) {
				return true
			}
			allowed := mayCall
			if names[x.Name] == "os/exec" {
				allowed = mayRun
			}
			if used[names[x.Name]+" "+pkg] = true; allowed[pkg] == "" {
				t.Errorf("%s: %s.%s; say in mayCall or mayRun why", fset.Position(n.Pos()), x.Name, sel.Sel.Name)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range mayCall {
		if !used["net "+pkg] && !used["net/http "+pkg] && !used["google.golang.org/grpc "+pkg] {
			t.Errorf("%s may call others and does not: take it off the list", pkg)
		}
	}
	for pkg := range mayRun {
		if !used["os/exec "+pkg] {
			t.Errorf("%s may run programs and does not: take it off the list", pkg)
		}
	}
}
