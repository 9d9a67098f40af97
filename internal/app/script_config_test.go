package app_test

import (
	"fmt"
	"os"
	"path/filepath"

	"hone"
	"hone/internal/op"
)

// diff shows what a file of the script would change.
func (w *world) diff(name string, days int) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(w.config.Dir, name))
	if err != nil {
		return nil, err
	}
	got, err := w.call("config diff", &op.ConfigDiffIn{Text: string(text), Days: days})
	if err != nil {
		return nil, err
	}
	d := got.(op.ConfigDiff)
	out := []string{d.Sentence}
	for _, m := range d.Models {
		for _, c := range m.Changes {
			out = append(out, fmt.Sprintf("%s %s: %s → %s %s", m.Model, c.Path, c.Old, c.New, c.Effect))
		}
	}
	if d.Past == nil {
		return out, nil
	}
	out = append(out, fmt.Sprintf("judged again %d, passed over %d", d.Past.Judged, d.Past.Passed))
	for _, o := range d.Past.Differ {
		out = append(out, o.Kind+" was: "+o.Was, o.Kind+" would: "+o.Would)
	}
	return out, nil
}

// apply puts a file of the script in force. Rows go on as they were: it is the
// gateway's to fit them to what the model asks for now.
func (w *world) apply(name, reason string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(w.config.Dir, name))
	if err != nil {
		return nil, err
	}
	now, _ := w.app.Service().Config.Current()
	got, err := w.call("config apply", &op.ConfigApplyIn{Text: string(text), Base: now.SHA256, Reason: reason})
	if e, ok := hone.AsError(err); ok {
		return []string{fmt.Sprintf("%s: %s (%s)", e.Code, e.Message, e.Hint)}, nil
	}
	if err != nil {
		return nil, err
	}
	said := []string{got.(op.ConfigApplied).Sentence}
	if _, ok := w.app.Loop().Model(model); !ok {
		return said, nil
	}
	return said, w.step()
}
