package dataset

import (
	"fmt"
	"path/filepath"

	"hone"
	"hone/internal/frame"
)

// Left reads the rows of a dataset that are still there, those to train on before
// those that were held out. It does not hold them against the dataset's hash, so
// that they can be looked at after some were erased; nothing may be trained on
// them.
func Left(dir string, schema frame.Schema) (*frame.Frame, error) {
	out := frame.New(schema, 0)
	for _, name := range []string{"train", "holdout"} {
		rows, err := readRows(filepath.Join(dir, name+".parquet"), hone.Model{Features: schema})
		if err != nil {
			return nil, fmt.Errorf("read the rows of %s: %w", filepath.Base(dir), err)
		}
		out.Append(rows.Frame)
	}
	return out, nil
}
