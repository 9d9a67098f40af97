package app

import (
	"path/filepath"
	"strings"

	"hone"
	"hone/internal/op"
	"hone/internal/predictor"
	"hone/internal/sandbox"
)

// self is the program that runs, also where its file was replaced meanwhile.
const self = "/proc/self/exe"

// opening says how the artefacts of a model are opened: as base says, with their
// servers contained as the model's trainer is.
func opening(model func(string) (hone.Model, bool), dir, program string, base predictor.Options) func(model string) predictor.Options {
	return func(name string) predictor.Options {
		m, _ := model(name)
		spec, o := m.Train, base
		o.Box = sandbox.Spec{Program: program, Mode: sandbox.Mode(spec.Sandbox), Network: spec.Network, Memory: int64(spec.Limits.Memory)}
		for _, p := range spec.Read {
			if !filepath.IsAbs(p) {
				p = filepath.Join(dir, p)
			}
			o.Box.Read = append(o.Box.Read, p)
		}
		return o
	}
}

// contained says which layers of the sandbox hold here, by starting a program
// that does nothing.
func (a *App) contained() op.Finding {
	r, err := sandbox.Probe(a.o.Program)
	if err != nil {
		return op.Finding{Name: "sandbox", Sentence: "no sandbox can be started: " + err.Error()}
	}
	f := op.Finding{Name: "sandbox", OK: true, Sentence: "every layer of the sandbox for trainers and model servers holds: " + strings.Join(r.Held, ", ") + "."}
	if len(r.Missing) > 0 {
		f.Sentence = "of the sandbox for trainers and model servers, " + r.String() + "."
	}
	// Limits by a cgroup are beyond most users: what goes without is looked at.
	need := sandbox.Spec{}
	for _, m := range a.config.Models {
		if m.Train.Sandbox == string(sandbox.Require) {
			need = sandbox.Spec{Memory: 1, Tasks: 1}
		}
	}
	if err := r.Lacking(need); err != nil {
		f.OK = false
	}
	return f
}
