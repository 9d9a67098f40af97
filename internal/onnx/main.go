package onnx

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"hone"
	"hone/internal/predictor"
)

const usage = `hone-onnx serves an artefact of the format onnx: a folder with hone.json and model.onnx.

    hone-onnx [--library libonnxruntime.so] [folder]

Hone starts it. By hand it says whether the artefact can be served and, with the address
in HONE_ADDR, such as 127.0.0.1:9000, serves it by the Open Inference Protocol v2.

`

// Main runs a command line and returns the exit status.
func Main(args []string, getenv func(string) string, stderr io.Writer) int {
	flags := flag.NewFlagSet("hone-onnx", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stderr, usage); flags.PrintDefaults() }
	library := flags.String("library", "", "ONNX Runtime's shared library; HONE_ONNX_LIBRARY, or looked for, where it is not given")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() > 1:
		flags.Usage()
		return 2
	}
	if err := serve(*library, flags.Arg(0), getenv("HONE_ADDR"), stderr); err != nil {
		fmt.Fprintln(stderr, "hone-onnx:", strings.TrimSpace(err.Error()))
		if e, ok := hone.AsError(err); ok && e.Hint != "" {
			fmt.Fprintln(stderr, "hone-onnx:", e.Hint)
		}
		return 1
	}
	return 0
}

func serve(library, dir, addr string, log io.Writer) error {
	m, err := predictor.ReadManifest(dir)
	if err != nil {
		return err
	}
	if m.Format != "onnx" {
		return fmt.Errorf("the artefact's format is %s, not onnx", m.Format)
	}
	if library, err = predictor.FindLibrary(library, ""); err != nil {
		return err
	}
	engine, err := newEngine(library)
	if err != nil {
		return err
	}
	s, err := open(engine, dir, m)
	if err != nil {
		return fmt.Errorf("open %s: %w", predictor.ONNXFile, err)
	}
	if err := s.warm(context.Background()); err != nil {
		return fmt.Errorf("open %s: %w", predictor.ONNXFile, err)
	}
	if addr == "" {
		fmt.Fprintf(log, "%s can be served: its scores are %s.\n", predictor.ONNXFile, s.plan.output)
		return nil
	}
	// What Hone hands over may be large, and takes its time; only who says nothing is cut off.
	h := http.Server{Addr: addr, Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	return h.ListenAndServe()
}

// open loads the model of an artefact.
func open(e engine, dir string, m predictor.Manifest) (*server, error) {
	file := filepath.Join(dir, predictor.ONNXFile)
	inputs, outputs, err := e.describe(file)
	if err != nil {
		return nil, err
	}
	p, err := newPlan(m, inputs, outputs)
	if err != nil {
		return nil, err
	}
	fed := make([]port, len(p.inputs))
	for i, in := range p.inputs {
		fed[i] = in.port
	}
	session, err := e.load(file, fed, p.output)
	if err != nil {
		return nil, err
	}
	return newServer(p, session), nil
}
