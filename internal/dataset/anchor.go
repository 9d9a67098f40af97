package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/table"
)

// maxAnchors bounds the curated cases.
const maxAnchors = 10000

// ReadAnchors reads curated cases from a file with the model's features and its
// label, and returns them with the SHA-256 of the file. A bad case is an error:
// a regression test that is not asked protects nobody.
func ReadAnchors(path string, m hone.Model) (Rows, string, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Rows{}, "", &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("the anchor file of %s cannot be read: %v", m.Name, err), Hint: "mend dataset.anchor in the configuration"}
	}
	sum := sha256.Sum256(raw)
	r, err := table.Open(path)
	if err != nil {
		return Rows{}, "", err
	}
	defer r.Close()
	rows, err := readCases(r, m, path)
	return rows, hex.EncodeToString(sum[:]), err
}

func readCases(r *table.Reader, m hone.Model, path string) (Rows, error) {
	where, label, name, err := columns(r.Columns(), m, path)
	if err != nil {
		return Rows{}, err
	}
	out := Rows{Frame: frame.New(m.Features, 0)}
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err == nil {
			err = addCase(&out, rec, where, label, name, m)
		}
		if err == nil && out.Len() > maxAnchors {
			err = fmt.Errorf("more than %d cases", maxAnchors)
		}
		if err != nil {
			return out, &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%s: %v", path, err), Hint: "mend the anchor file"}
		}
	}
}

func columns(cols []string, m hone.Model, path string) (where []int, label, name int, err error) {
	at := map[string]int{}
	for i, c := range cols {
		at[c] = i + 1
	}
	for _, f := range m.Features {
		where = append(where, at[f.Name]-1)
	}
	label, name = at[m.Label.Name]-1, at["name"]-1
	if label < 0 {
		err = &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%s has no column %q", path, m.Label.Name), Hint: "an anchor case needs its right answer"}
	}
	return where, label, name, err
}

func addCase(out *Rows, rec table.Record, where []int, label, name int, m hone.Model) error {
	one := frame.New(m.Features, 1)
	for i, at := range where {
		if at < 0 {
			continue
		}
		if err := one.Set(0, i, rec.Values[at]); err != nil {
			return fmt.Errorf("line %d: %w", rec.Line, err)
		}
	}
	want, ok := m.CanonicalLabel(rec.Values[label])
	if !ok {
		return fmt.Errorf("line %d: %v is no label of %s", rec.Line, rec.Values[label], m.Name)
	}
	id := fmt.Sprintf("line %d", rec.Line)
	if name >= 0 {
		id = fmt.Sprint(rec.Values[name])
	}
	out.Frame.Append(one)
	out.Labels = append(out.Labels, want)
	out.IDs = append(out.IDs, hone.PredictionID(id))
	out.Times = append(out.Times, time.UnixMicro(0).UTC())
	out.Units = append(out.Units, "")
	return nil
}
