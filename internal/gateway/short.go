package gateway

import (
	"fmt"
	"net/http"
	"slices"

	"hone"
	"hone/internal/frame"
)

func (f *face) short(w http.ResponseWriter, r *http.Request) error {
	var in Request
	var many bool
	err := f.decoded(w, r, func(body []byte, m hone.Model) (err error) {
		in, many, err = decodeShort(body, m, f.g.sticky(m))
		return err
	})
	if err != nil {
		return err
	}
	out, err := f.g.predict(r.Context(), r.PathValue("model"), in)
	if err != nil {
		return err
	}
	return reply200(w, out, func(b []byte) []byte {
		if !many {
			return append(appendShort(b, &out.answers[0]), '\n')
		}
		b = append(b, `{"predictions":[`...)
		for i := range out.answers {
			b = append(appendShort(b, &out.answers[i]), ',')
		}
		b[len(b)-1] = ']'
		return append(b, "}\n"...)
	})
}

const shortHint = `send {"features": {"name": value, …}, "prediction_id": "…", "unit": "…"}, or {"rows": [such, …]}`

func invalidShort(format string, args ...any) error {
	return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf(format, args...), Hint: shortHint}
}

// shortRow is where the values of one row lie in the body; those that are missing
// hold nothing. Rows are of the body alone.
type shortRow struct{ features, id, unit, rows scanner }

// decodeShort reads one row, or many under "rows".
func decodeShort(body []byte, m hone.Model, sticky []string) (in Request, many bool, err error) {
	s := &scanner{b: body, hint: shortHint}
	one, err := s.shortRow()
	if err == nil {
		err = s.end()
	}
	if err != nil {
		return in, false, err
	}
	if many = one.rows.b != nil; !many {
		in.makeRows(1, m)
		return in, false, in.readRow(0, &one, m, sticky)
	}
	if one.features.b != nil || one.id.b != nil || one.unit.b != nil {
		return in, true, invalidShort(`the body has other keys beside "rows"`)
	}
	list, err := splitRows(&one.rows)
	if err != nil {
		return in, true, err
	}
	in.makeRows(len(list), m)
	for i := range list {
		row, err := list[i].shortRow()
		if err == nil && row.rows.b != nil {
			err = invalidShort(`the key "rows" is not known`)
		}
		if err == nil {
			err = in.readRow(i, &row, m, sticky)
		}
		if err != nil {
			return in, true, atRow(err, i)
		}
	}
	return in, true, nil
}

func (in *Request) makeRows(n int, m hone.Model) {
	in.Frame = frame.New(m.Features, n)
	in.IDs, in.Units = make([]hone.PredictionID, n), make([]string, n)
}

// shortRow finds the values of a row. Of a key that comes twice the last counts.
func (s *scanner) shortRow() (r shortRow, err error) {
	err = s.object(func(key []byte) error {
		part, err := s.part()
		switch string(key) {
		case "features":
			r.features = part
		case "prediction_id":
			r.id = part
		case "unit":
			r.unit = part
		case "rows":
			r.rows = part
		default:
			return invalidShort("the key %s is not known", quote(string(key)))
		}
		return err
	})
	return r, err
}

// splitRows finds the rows in their array.
func splitRows(s *scanner) (list []scanner, err error) {
	err = s.array(func() error {
		if len(list) == maxRows {
			return &hone.Error{Code: hone.TooLarge, Message: `"rows" is too long`, Hint: fmt.Sprintf("send at most %d rows at a time", maxRows)}
		}
		row, err := s.part()
		list = append(list, row)
		return err
	})
	if err == nil && len(list) == 0 {
		err = invalidShort(`"rows" is empty`)
	}
	return list, err
}

// atRow says which of many rows an error is about.
func atRow(err error, row int) error {
	if e, ok := hone.AsError(err); ok {
		return &hone.Error{Code: e.Code, Message: fmt.Sprintf("row %d: %s", row, e.Message), Hint: e.Hint}
	}
	return err
}

func (in *Request) readRow(i int, r *shortRow, m hone.Model, sticky []string) error {
	id, err := r.id.textOrNull()
	if err != nil {
		return err
	}
	in.IDs[i] = hone.PredictionID(id)
	if in.Units[i], err = r.unit.textOrNull(); err != nil {
		return err
	}
	s := &r.features
	if s.b == nil || s.null() {
		return invalidShort(`"features" is missing`)
	}
	known, next := false, 0
	err = s.object(func(key []byte) error {
		col := next // Most senders keep the order of the configuration.
		if col >= len(m.Features) || m.Features[col].Name != string(key) {
			col = m.Features.Index(string(key))
		}
		if col >= 0 {
			known, next = true, col+1
			return s.feature(in.Frame, i, col)
		}
		if len(key) == 0 || !slices.Contains(sticky, string(key)) {
			return unknownFeature(string(key), m)
		}
		unit, err := s.unit()
		if in.Units[i] == "" {
			in.Units[i] = unit
		}
		return err
	})
	if err == nil && !known {
		err = noFeature(m)
	}
	return err
}

// textOrNull reads a string to the end, which may be null or missing.
func (s *scanner) textOrNull() (string, error) {
	if s.b == nil {
		return "", nil
	}
	if s.null() {
		return "", s.end()
	}
	t, err := s.text()
	return string(t), err
}

// null passes a null, where there is one.
func (s *scanner) null() bool { return s.peek() == 'n' && s.word("null") }

// feature reads a value into a cell of the frame.
func (s *scanner) feature(f *frame.Frame, row, col int) error {
	if c := s.peek(); c == '-' || c-'0' <= 9 {
		x, raw, err := s.number()
		switch {
		case err != nil:
			return err
		case f.Schema[col].Kind == frame.Number:
			f.Cols[col].Num[row] = x
		default:
			f.Cols[col].Str[row] = numberText(string(raw), x)
		}
		return nil
	}
	v, err := s.any()
	if err != nil {
		return err
	}
	if err := f.Set(row, col, v); err != nil {
		return &hone.Error{Code: hone.Invalid, Message: err.Error(), Hint: "use null for a missing value"}
	}
	return nil
}

// any reads a value that is no number.
func (s *scanner) any() (v any, err error) {
	if s.peek() == '"' {
		t, err := s.text()
		return string(t), err
	}
	err = s.value(&v)
	return v, err
}

// unit reads a number or a string as a unit has it, and passes anything else.
func (s *scanner) unit() (string, error) {
	if c := s.peek(); c == '-' || c-'0' <= 9 {
		x, raw, err := s.number()
		return numberText(string(raw), x), err
	}
	v, err := s.any()
	t, _ := v.(string)
	return t, err
}
