package app

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hone"
	"hone/internal/cli"
	"hone/internal/cli/project"
)

// newFiles are what init writes beside the configuration: nothing without a template.
type newFiles struct {
	project.Template
	dir     string
	example []project.File // Data to begin with, where the user has given none.
}

// newProject finds the template, and takes its example where no data are given.
func newProject(g cli.Globals, o cli.InitOptions) (newFiles, cli.InitOptions, error) {
	n := newFiles{dir: filepath.Dir(g.Config)}
	if o.Template == "" {
		return n, o, nil
	}
	var err error
	if n.Template, err = project.Find(o.Template); err != nil || o.From != "" {
		return n, o, err
	}
	e := n.Template.Example()
	n.example = []project.File{e.File}
	o.From, o.Label, o.Time = n.at(e.Path), e.Label, e.Time
	return n, o, nil
}

func (n newFiles) at(path string) string { return filepath.Join(n.dir, filepath.FromSlash(path)) }

func (n newFiles) all() []project.File { return slices.Concat(n.Files, n.example) }

// paths of what is written beside the configuration.
func (n newFiles) paths() (out []string) {
	for _, f := range n.all() {
		out = append(out, n.at(f.Path))
	}
	return out
}

// heads are the same to be read: of a folder only its name.
func (n newFiles) heads() (out []string) {
	for _, f := range n.all() {
		head, _, folder := strings.Cut(f.Path, "/")
		if folder {
			head += "/"
		}
		if !slices.Contains(out, head) {
			out = append(out, head)
		}
	}
	return out
}

// clear refuses to write over the configuration, or over a file that says something
// else than what would be written.
func (n newFiles) clear(config string) error {
	var there []string
	if _, err := os.Stat(config); err == nil {
		there = append(there, config)
	}
	for _, f := range n.all() {
		path := n.at(f.Path)
		if _, err := os.Lstat(path); err != nil {
			continue
		}
		if b, err := os.ReadFile(path); err != nil || !bytes.Equal(b, f.Text) {
			there = append(there, path)
		}
	}
	switch len(there) {
	case 0:
		return nil
	case 1:
		return &hone.Error{Code: hone.Conflict, Message: there[0] + " is there already", Hint: "write over it with --force, or name another with --config"}
	}
	return &hone.Error{Code: hone.Conflict, Message: strings.Join(there, ", ") + " are there already",
		Hint: "write over them with --force, or name a configuration in another folder with --config"}
}

func (n newFiles) write(files ...project.File) error {
	for _, f := range files {
		path := n.at(f.Path)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil {
			err = os.WriteFile(path, f.Text, 0o644)
		}
		if err != nil {
			return &hone.Error{Code: hone.Invalid, Message: "cannot write the project: " + err.Error(), Hint: "name a configuration in another folder with --config"}
		}
	}
	return nil
}
