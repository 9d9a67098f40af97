// Package project holds the trainers that hone init writes: small programs of a
// user's own to begin from, with what they need beside them. Where they are written,
// and over what, is left to the caller.
package project

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"hone"
	"hone/sdk/python"
)

//go:embed templates
var templates embed.FS

// SDK is the folder beside a trainer that the package hone for Python lies in.
const SDK = "hone-sdk"

// Template is a trainer to begin from.
type Template struct {
	Name string
	// Train is the section train of its model, in YAML.
	Train string
	// Files beside hone.yaml.
	Files []File
	// Install tells that there is a requirements.txt to install.
	Install bool
}

// File is one file of a project.
type File struct {
	Path string // With slashes, from the folder of hone.yaml.
	Text []byte
}

// names of the templates, as they are listed.
var names = []string{"sklearn", "lightgbm", "xgboost", "pytorch", "text", "custom"}

// Names lists the templates, to be read by people.
func Names() string {
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// Find returns the template of a name.
func Find(name string) (Template, error) {
	for _, n := range names {
		if n == name {
			return read(name)
		}
	}
	return Template{}, &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("there is no template %q", name), Hint: "the templates are " + Names()}
}

func read(name string) (Template, error) {
	t := Template{Name: name}
	dir := path.Join("templates", name)
	entries, err := templates.ReadDir(dir)
	if err != nil {
		return t, fmt.Errorf("read template %s: %w", name, err)
	}
	for _, e := range entries {
		text, err := templates.ReadFile(path.Join(dir, e.Name()))
		if err != nil {
			return t, fmt.Errorf("read template %s: %w", name, err)
		}
		switch e.Name() {
		case "train.yaml":
			t.Train = string(text)
			continue
		case "requirements.txt":
			t.Install = true
		}
		t.Files = append(t.Files, File{e.Name(), text})
	}
	if !t.Install { // It shows what is asked of it without a helper.
		return t, nil
	}
	err = fs.WalkDir(python.Files, "hone", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := python.Files.ReadFile(p)
		t.Files = append(t.Files, File{path.Join(SDK, p), text})
		return err
	})
	return t, err
}
