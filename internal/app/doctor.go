package app

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"hone"
	"hone/internal/op"
	"hone/internal/predictor/child"
	"hone/internal/say"
	"hone/internal/secret"
)

// doctor looks at what Hone needs of the machine.
func (a *App) doctor(ctx context.Context) []op.Finding {
	out := append([]op.Finding{a.space(), a.mayWrite(), a.logging(), a.audit(ctx), a.reserved(), a.schema(ctx), a.backups(ctx), a.artefacts(ctx)}, a.spools()...)
	if a.certificate != nil {
		ok, sentence := a.certificate.Finding()
		out = append(out, op.Finding{Name: "certificate", OK: ok, Sentence: sentence})
	}
	_, now := a.configs.Current()
	for _, name := range slices.Sorted(maps.Keys(now.Models)) {
		m := now.Models[name]
		if len(m.Train.Env) > 0 {
			out = append(out, a.secrets(m))
		}
		if len(m.Upstreams) > 0 {
			out = append(out, a.upstreams(m))
		}
		if m.Deliver.Wanted() {
			out = append(out, a.delivery(m))
		}
		if m.Train.Trainer == "command" {
			python, err := child.FindPython("")
			f := op.Finding{Name: "python", OK: err == nil, Sentence: "the trainer of " + m.Name + " would use " + python + "."}
			if err != nil {
				f.Sentence = "the trainer of " + m.Name + " may need Python: " + err.Error()
			}
			out = append(out, f)
		}
	}
	if a.o.Program != "" {
		out = append(out, a.contained())
	}
	return out
}

// secrets looks whether the secrets of a model can be read.
func (a *App) secrets(m hone.Model) op.Finding {
	f := op.Finding{Name: "secrets", OK: true, Sentence: "the trainer of " + m.Name + " gets " + say.Count(len(m.Train.Env), "secret", "secrets") + "."}
	for _, name := range slices.Sorted(maps.Keys(m.Train.Env)) {
		if _, err := secret.Resolve(m.Train.Env[name], a.config.Dir); err != nil {
			f.OK, f.Sentence = false, "the trainer of "+m.Name+" cannot get "+name+": "+err.Error()
		}
	}
	return f
}

// upstreams looks whether what goes with calls of a model's upstreams can be read.
func (a *App) upstreams(m hone.Model) op.Finding {
	f := op.Finding{Name: "upstreams", OK: true, Sentence: "artefacts of " + m.Name + " may call " + say.Count(len(m.Upstreams), "upstream", "upstreams") + "."}
	for _, u := range allowed(m, a.config.Dir) {
		if _, err := u.Headers(); err != nil {
			f.OK, f.Sentence = false, "the upstream "+u.URL+" of "+m.Name+" cannot be called: "+err.Error()
		}
	}
	return f
}

// delivery looks whether the secrets that plans are delivered with can be read.
func (a *App) delivery(m hone.Model) op.Finding {
	f := op.Finding{Name: "delivery", OK: true, Sentence: "the secrets that plans of " + m.Name + " are delivered with can be read."}
	wanted := slices.Collect(maps.Values(m.Deliver.Env))
	if m.Deliver.Secret != "" {
		wanted = append(wanted, m.Deliver.Secret)
	}
	for _, s := range wanted {
		if _, err := secret.Resolve(s, a.config.Dir); err != nil {
			f.OK, f.Sentence = false, "plans of "+m.Name+" cannot be delivered: "+err.Error()
		}
	}
	return f
}

func (a *App) space() op.Finding {
	var st unix.Statfs_t
	if err := unix.Statfs(a.config.Server.Data, &st); err != nil {
		return op.Finding{Name: "disk", Sentence: err.Error()}
	}
	free := int64(st.Bavail) * int64(st.Bsize)
	return op.Finding{Name: "disk", OK: free > 1<<30, Sentence: fmt.Sprintf("%.1f GiB are free in %s; Hone wants at least 1 GiB.", float64(free)/(1<<30), a.config.Server.Data)}
}

func (a *App) mayWrite() op.Finding {
	path := filepath.Join(a.config.Server.Data, ".doctor")
	err := os.WriteFile(path, []byte("x"), 0o600)
	if err == nil {
		err = os.Remove(path)
	}
	f := op.Finding{Name: "folder", OK: err == nil, Sentence: a.config.Server.Data + " can be written to."}
	if err != nil {
		f.Sentence = err.Error()
	}
	return f
}

func (a *App) logging() op.Finding {
	stored, shed, pending, err := a.db.LogStats()
	f := op.Finding{Name: "log", OK: err == nil && shed == 0, Sentence: fmt.Sprintf("%d rows stored since the start, %d wait, %d were shed.", stored, pending, shed)}
	if err != nil {
		f.Sentence += " Last error: " + err.Error()
	}
	return f
}

// spools tells of each gateway of its own that has left something here.
func (a *App) spools() (out []op.Finding) {
	for _, s := range a.drain.Stats() {
		f := op.Finding{Name: "gateway", OK: s.Damaged == 0, Sentence: fmt.Sprintf("%d rows were taken over from %s since the start; %d KiB lie in its spool.", s.Rows, s.Gateway, s.Waiting>>10)}
		if s.Damaged > 0 {
			f.Sentence += fmt.Sprintf(" %d bytes could not be read: the file is set aside beside it, as .damaged.", s.Damaged)
		}
		out = append(out, f)
	}
	return out
}

func (a *App) audit(ctx context.Context) op.Finding {
	find, _ := op.Find("audit verify")
	out, err := find.Call(ctx, a.service, op.Caller{Role: op.Viewer}, &op.VerifyIn{})
	if err != nil {
		return op.Finding{Name: "audit", Sentence: err.Error()}
	}
	v := out.(op.Verified)
	return op.Finding{Name: "audit", OK: v.Whole, Sentence: v.Sentence}
}
