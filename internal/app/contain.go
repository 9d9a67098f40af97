package app

import (
	"path/filepath"
	"strings"

	"hone"
	"hone/internal/op"
	"hone/internal/predictor"
	"hone/internal/predictor/upstream"
	"hone/internal/sandbox"
	"hone/internal/secret"
)

// self is the program that runs, also where its file was replaced meanwhile.
const self = "/proc/self/exe"

// opening says how the artefacts of a model are opened: as base says, with their
// servers contained as the model's trainer is, and no server of others asked but
// those that the model names.
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
		o.Upstreams = func() []upstream.Allowed { m, _ := model(name); return allowed(m, dir) }
		return o
	}
}

// allowed are the servers that a model's artefacts may name.
func allowed(m hone.Model, dir string) (out []upstream.Allowed) {
	for _, u := range m.Upstreams {
		out = append(out, upstream.Allowed{URL: u.URL, Private: u.Private, Headers: func() (map[string]string, error) {
			values := make(map[string]string, len(u.Headers))
			for name, s := range u.Headers {
				value, err := secret.Resolve(s, dir)
				if err == nil && strings.ContainsAny(value, "\r\n") {
					err = &hone.Error{Code: hone.Invalid, Message: "the secret for the header " + name + " has more than one line", Hint: "keep the header's value alone"}
				}
				if err != nil {
					return nil, err
				}
				values[name] = value
			}
			return values, nil
		}})
	}
	return out
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
