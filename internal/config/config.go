// Package config reads the one file of configuration, strictly, into the nouns
// of package hone, and writes the first one for a new user. What the settings
// do is left to the stages that obey them.
package config

import (
	_ "embed"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"hone"
)

// Config is the whole file.
type Config struct {
	// Version of the file's format: 1.
	Version int `json:"version" yaml:"version"`
	// Server says where Hone listens and keeps its data.
	Server Server `json:"server" yaml:"server"`
	// Models by name, as in URLs: lower-case letters, digits, - and _, at most 63.
	Models map[string]hone.Model `json:"models" yaml:"models"`
	// Dir is the folder of the file, against which its relative paths stand. It
	// is empty for text that came from no file.
	Dir string `json:"-" yaml:"-"`
}

// Server says where Hone listens and keeps its data.
type Server struct {
	// Listen is the address and port of the HTTP server. Default 127.0.0.1:8420.
	Listen string `json:"listen" yaml:"listen"`
	// Data is the folder of everything that Hone stores; a relative one stands
	// beside the file. Default hone-data.
	Data string `json:"data" yaml:"data"`
	// Spool is the most that each `hone gateway` keeps on disk for `hone serve` to
	// take; what is served beyond it is answered and not logged, and counted.
	// Default 1GiB.
	Spool hone.Bytes `json:"spool" yaml:"spool"`
	// Reserve is how much of the disk is held back in a file, so that a rollback
	// and its audit event can still be stored on a full one; on a small disk at
	// most a sixteenth of it. No training begins while less than this is free. 0B
	// holds back nothing. Default 64MiB.
	Reserve hone.Bytes `json:"reserve" yaml:"reserve"`
}

// MaxBytes is the size of the largest file that is read.
const MaxBytes = 1 << 20

// Load reads the file at path. A problem in the file is an Errors. Server.Data
// becomes relative to where Hone was started, or absolute, as path is.
func Load(path string) (*Config, error) {
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &hone.Error{
			Code:    hone.NotFound,
			Message: "there is no configuration at " + path,
			Hint:    "name it with --config, or let `hone init` write one",
		}
	case err != nil:
		return nil, &hone.Error{Code: hone.Invalid, Message: "open configuration: " + err.Error()}
	}
	defer f.Close()
	// One byte more than is allowed, so that Parse sees when there is too much.
	text, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return nil, &hone.Error{Code: hone.Invalid, Message: "read configuration: " + err.Error()}
	}
	c, err := Parse(path, text)
	if err != nil {
		return nil, err
	}
	c.Dir = filepath.Dir(path)
	if !filepath.IsAbs(c.Server.Data) {
		c.Server.Data = filepath.Join(c.Dir, c.Server.Data)
	}
	return c, nil
}

// Parse reads the text of a file; the name is used in messages only. Every
// default is filled in. The error is an Errors that lists all that is wrong, in
// the order of the file, up to MaxProblems.
func Parse(name string, text []byte) (*Config, error) {
	root, problem := parseTree(text)
	if problem != nil {
		problem.File = name
		problem.Excerpt = excerpt(text, problem.Line)
		return nil, Errors{*problem}
	}
	d := newDecoder()
	c := d.config(root)
	if len(d.problems) > 0 {
		return nil, d.problems.finish(name, text)
	}
	return c, nil
}

//go:embed reference.md
var reference string

// Docs returns the reference of the configuration as Markdown: every key, its
// type, its default and its meaning, as the comments of the structs say them.
func Docs() string { return reference }
