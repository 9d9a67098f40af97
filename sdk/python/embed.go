// Package python holds the source of the package hone for Python, so that the one
// binary can lay it beside a trainer. What it does is Python's.
package python

import "embed"

// Files are those of the package, under hone/.
//
//go:embed hone/*.py hone/py.typed
var Files embed.FS
