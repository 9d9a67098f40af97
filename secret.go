package hone

import "strings"

// Secret says where a secret is kept, and never what it is: env:NAME, a variable
// of the server's own environment, or file:PATH, a file that nobody but its
// owner may read.
type Secret string

// Source returns the kind of the place, env or file, and the place. Both are
// empty where s is no reference.
func (s Secret) Source() (kind, place string) {
	kind, place, _ = strings.Cut(string(s), ":")
	if place == "" || kind != "env" && kind != "file" {
		return "", ""
	}
	return kind, place
}
