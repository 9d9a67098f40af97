package onnx

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"hone/internal/sandbox"
)

// The test binary is also the hone-onnx that the tests have started, and what
// contains it.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == sandbox.Command {
		os.Exit(sandbox.Main())
	}
	if len(os.Args) > 1 && os.Args[1] == "--library" {
		os.Exit(Main(os.Args[1:], os.Getenv, os.Stderr))
	}
	code := m.Run()
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
