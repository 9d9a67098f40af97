package config

import (
	"regexp"
	"slices"
	"strings"

	"hone"
)

// Names of headers, and those that calls have anyway.
var (
	header = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
	ours   = []string{"connection", "content-length", "content-type", "host", "te", "trailer", "transfer-encoding", "upgrade", "user-agent"}
)

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)

// secrets reads references to secrets by name. What stands where a reference
// belongs may be the secret itself, so no message repeats it, nor shows its line.
func (d *decoder) secrets(n *node, out *map[string]hone.Secret, path string, headers bool) {
	form := "write {API_KEY: env:ACME_KEY} or {API_KEY: file:secrets/acme}"
	if headers {
		form = "write {Authorization: env:ACME_KEY} or {Authorization: file:secrets/acme}"
	}
	if n.shape != mapping {
		d.hide(n)
		d.fail(n, path, form, "%s wants a mapping of names to references", last(path))
		return
	}
	*out = map[string]hone.Secret{}
	for _, p := range n.pairs {
		sub := join(path, p.key.text)
		d.places[sub] = place{p.key, p.value}
		d.hide(p.value)
		switch _, twice := (*out)[p.key.text]; {
		case twice:
			d.fail(p.key, path, "keep one", "the key %q is there twice", p.key.text)
		case headers && (!header.MatchString(p.key.text) || slices.Contains(ours, strings.ToLower(p.key.text)) || strings.HasPrefix(strings.ToLower(p.key.text), "grpc-")):
			d.fail(p.key, path, "use one such as Authorization or X-Api-Key", "%q cannot be a header of a call", clip(p.key.text, 40))
		case !headers && !variable.MatchString(p.key.text):
			d.fail(p.key, path, "use letters, digits and _", "%q cannot be the name of a variable", clip(p.key.text, 40))
		case !headers && strings.HasPrefix(p.key.text, "HONE_"):
			d.fail(p.key, path, "choose another name", "the variables that begin with HONE_ are Hone's own")
		default:
			(*out)[p.key.text] = d.secret(p.value, p.key.text, sub)
		}
	}
}

func (d *decoder) hide(n *node) {
	d.hidden[n.line] = true
	for _, p := range n.pairs {
		d.hide(p.key)
		d.hide(p.value)
	}
	for _, i := range n.items {
		d.hide(i)
	}
}

func (d *decoder) secret(n *node, name, path string) hone.Secret {
	s := hone.Secret(n.text)
	kind, at := s.Source()
	switch {
	case n.shape != scalar || kind == "" || !printable(n.text):
		d.fail(n, path, "write env:NAME or file:PATH, and take the secret out of the file if it stands here", "%s is no reference to a secret", name)
	case kind == "env" && !variable.MatchString(at):
		d.fail(n, path, "write env:NAME, such as env:ACME_KEY", "%s names no variable", name)
	default:
		return s
	}
	return ""
}
