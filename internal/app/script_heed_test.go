package app_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"hone/internal/config"
	"hone/internal/op"
)

// configure takes another configuration of the script, if one is named.
func (w *world) configure(name string) error {
	if name == "" {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(w.config.Dir, name))
	if err != nil {
		return err
	}
	c, err := config.Parse(name, text)
	if err != nil {
		return err
	}
	c.Dir, c.Server.Data = w.config.Dir, w.config.Server.Data
	w.config, w.text, w.model = c, text, c.Models[model]
	return nil
}

// copy puts one file of the script in the place of another.
func (w *world) copy(from, to string) error {
	b, err := os.ReadFile(filepath.Join(w.config.Dir, from))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(w.config.Dir, to), b, 0o600)
}

// event announces something.
func (w *world) event(kind string, o options) ([]string, error) {
	got, err := w.call("event", &op.EventIn{Model: model, ID: o["id"], Source: o["source"], Type: kind})
	if err != nil {
		return said(err)
	}
	return []string{got.(op.EventOut).Sentence}, w.step()
}

func (w *world) incidents() ([]string, error) {
	got, err := w.call("incidents", &op.ListIn{Model: model})
	if err != nil {
		return nil, err
	}
	var out []string
	for _, i := range got.(op.IncidentList).Incidents {
		closed := "open"
		if !i.Closed.IsZero() {
			closed = stamp(i.Closed)
		}
		out = append(out, fmt.Sprintf("%s to %s: %s", stamp(i.Opened), closed, strings.Join(i.Causes, "; ")))
	}
	return out, nil
}
