// Package config reads the configuration, one file or a folder of them, strictly
// into the nouns of package hone, says how two differ, and writes the first one
// for a new user. What the settings do is left to the stages that obey them.
package config

import (
	_ "embed"
	"fmt"
	"path/filepath"

	"hone"
)

// Config is the whole configuration.
type Config struct {
	// Version of the file's format: 1.
	Version int `json:"version" yaml:"version"`
	// Server says where Hone listens and keeps its data.
	Server Server `json:"server" yaml:"server"`
	// Budget caps what the runs of all models may cost together. They have one currency.
	Budget hone.SharedBudget `json:"budget,omitzero" yaml:"budget"`
	// Models by name, as in URLs: lower-case letters, digits, - and _, at most 63.
	Models map[string]hone.Model `json:"models" yaml:"models"`
	// Dir is the folder of the file, against which its relative paths stand. It
	// is empty for text that came from no file.
	Dir string `json:"-" yaml:"-"`
	// Text is what was read, as Join writes it.
	Text string `json:"-" yaml:"-"`
}

// Server says where Hone listens and keeps its data.
type Server struct {
	// Listen is the address and port of the HTTP server. One that is not of this
	// machine alone needs tls and hosts. Default 127.0.0.1:8420.
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
	// ONNX says where what serves models of the format onnx is; both are found by
	// themselves in plain places.
	ONNX ONNX `json:"onnx,omitzero" yaml:"onnx"`
	// TLS is the certificate that Hone shows; it then speaks HTTPS alone.
	TLS TLS `json:"tls,omitzero" yaml:"tls"`
	// Hosts are the names by which Hone is called from elsewhere, without port.
	// Requests for another name are refused, but for those of this machine.
	Hosts []string `json:"hosts,omitempty" yaml:"hosts"`
	// Anonymous is feedback or none: what who comes without a token may do.
	// feedback: read, ask for predictions, send feedback and history, see no
	// feature or label of a single row. Default feedback; always none where
	// listen, hosts or behind_proxy let others in.
	Anonymous string `json:"anonymous" yaml:"anonymous"`
	// BehindProxy allows plain HTTP at any address, for a proxy that speaks TLS to
	// the world. Whoever reaches the port past the proxy reads every token on the
	// wire: keep the network between them to the two. Default false.
	BehindProxy bool `json:"behind_proxy,omitempty" yaml:"behind_proxy"`
}

// TLS is a certificate with its key. Files that change are read again.
type TLS struct {
	// Cert is a file in PEM: the certificate, then those that signed it.
	Cert string `json:"cert" yaml:"cert"`
	// Key is the certificate's private key, a file in PEM.
	Key string `json:"key" yaml:"key"`
}

// ONNX says where what serves models of the format onnx is.
type ONNX struct {
	// Program is the file of hone-onnx. Default: the one beside hone, or on the PATH.
	Program string `json:"program,omitempty" yaml:"program"`
	// Library is ONNX Runtime's shared library, libonnxruntime.so. Default: that of
	// `HONE_ONNX_LIBRARY`, of the Python package onnxruntime, or of the system.
	Library string `json:"library,omitempty" yaml:"library"`
}

// MaxBytes is the size of the largest file that is read.
const MaxBytes = 1 << 20

// Load reads the file at path with the models beside it, or the folder at path.
// A problem in the files is an Errors. Their paths become absolute: they are handed
// to processes that work elsewhere.
func Load(path string) (*Config, error) {
	files, at, err := read(path)
	if err != nil {
		return nil, err
	}
	c, err := parse(at, files)
	if err != nil {
		return nil, err
	}
	if c.Dir, err = filepath.Abs(filepath.Dir(at)); err != nil {
		return nil, fmt.Errorf("find the folder of %s: %w", at, err)
	}
	for _, path := range []*string{&c.Server.Data, &c.Server.TLS.Cert, &c.Server.TLS.Key, &c.Server.ONNX.Program, &c.Server.ONNX.Library} {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(c.Dir, *path)
		}
	}
	return c, nil
}

// Parse reads a configuration from one text, as Join writes it; the name is that
// of hone.yaml and is used in messages only. Every default is filled in. The
// error is an Errors that lists all that is wrong, in the order of the files, up
// to MaxProblems.
func Parse(name string, text []byte) (*Config, error) {
	return parse(name, Split(string(text)))
}

func parse(name string, files []File) (*Config, error) {
	shown := func(f File) string {
		if f.Name == mainFile {
			return name
		}
		return filepath.Join(filepath.Dir(name), f.Name)
	}
	if p := checkFiles(files); p != nil {
		p.File = shown(File{Name: p.File})
		return nil, Errors{*p}
	}
	c, problems := parseMain(files[0], shown(files[0]), len(files) > 1)
	for _, f := range files[1:] {
		problems = append(problems, parseModel(f, shown(f), c, name)...)
	}
	if len(problems) == 0 {
		problems = c.sharing().finish(shown(files[0]), files[0].Text, nil)
	}
	if len(problems) > 0 {
		return nil, problems[:min(len(problems), MaxProblems)]
	}
	c.Text = Join(files)
	return c.Config, nil
}

// reading is a configuration on its way, with the places of its models.
type reading struct {
	*Config
	places map[string]place
}

func parseMain(f File, name string, more bool) (reading, Errors) {
	root, problem := parseTree([]byte(f.Text))
	if problem != nil {
		return reading{Config: &Config{}}, Errors{*problem}.finish(name, f.Text, nil)
	}
	d := newDecoder()
	d.elsewhere = more
	c := d.config(root)
	return reading{c, d.places}, d.problems.finish(name, f.Text, d.hidden)
}

// parseModel adds the model of a file of its own.
func parseModel(f File, name string, to reading, beside string) Errors {
	root, problem := parseTree([]byte(f.Text))
	if problem != nil {
		return Errors{*problem}.finish(name, f.Text, nil)
	}
	d := newDecoder()
	key := &node{text: modelOfFile(f.Name), line: 1, col: 1}
	sub := join("models", key.text)
	d.places[sub] = place{key, root}
	if p, twice := to.places[sub]; twice {
		d.fail(key, sub, "keep one of them", "the model %q is also in %s, line %d", key.text, beside, p.key.line)
	}
	m := d.model(key, root, sub)
	if to.Models == nil {
		to.Models = map[string]hone.Model{}
	}
	to.Models[key.text] = m
	return d.problems.finish(name, f.Text, d.hidden)
}

//go:embed reference.md
var reference string

// Docs returns the reference of the configuration as Markdown: every key, its
// type, its default and its meaning, as the comments of the structs say them.
func Docs() string { return reference }
