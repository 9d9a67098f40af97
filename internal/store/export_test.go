package store

import "io/fs"

// WithMigrations opens with other migrations than the program's.
func (o Options) WithMigrations(files fs.FS) Options {
	o.migrations = files
	return o
}
