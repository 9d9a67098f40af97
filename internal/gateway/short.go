package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"hone"
	"hone/internal/frame"
)

// shortRow is one row of the short form.
type shortRow struct {
	features map[string]any
	id, unit string
}

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

func invalidShort(format string, args ...any) error {
	return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf(format, args...),
		Hint: `send {"features": {"name": value, …}, "prediction_id": "…", "unit": "…"}, or {"rows": [such, …]}`}
}

// decodeShort reads one row, or many under "rows".
func decodeShort(body []byte, m hone.Model, sticky []string) (in Request, many bool, err error) {
	s := &scanner{b: body}
	if _, err := s.skip(); err != nil { // Bounds the depth.
		return in, false, err
	}
	if err := s.end(); err != nil {
		return in, false, err
	}
	var keys map[string]json.RawMessage
	if err := strictly(body, &keys); err != nil {
		return in, false, invalidShort("the body cannot be read: %v", err)
	}
	raw, many := keys["rows"]
	list := []json.RawMessage{body}
	if many {
		if len(keys) > 1 {
			return in, true, invalidShort(`the body has other keys beside "rows"`)
		}
		if list, err = splitRows(raw); err != nil {
			return in, true, err
		}
	}
	in.Frame = frame.New(m.Features, len(list))
	in.IDs, in.Units = make([]hone.PredictionID, len(list)), make([]string, len(list))
	for i, b := range list {
		if many {
			keys, err = rowKeys(b)
		}
		if err == nil {
			err = in.readRow(i, keys, m, sticky)
		}
		if err != nil {
			return in, many, atRow(err, i, many)
		}
	}
	return in, many, nil
}

func rowKeys(b []byte) (keys map[string]json.RawMessage, err error) {
	if err := strictly(b, &keys); err != nil {
		return nil, invalidShort("a row cannot be read: %v", err)
	}
	return keys, nil
}

// splitRows finds the rows in their array.
func splitRows(b []byte) (list []json.RawMessage, err error) {
	s := &scanner{b: b}
	err = s.array(func() error {
		if len(list) == maxRows {
			return &hone.Error{Code: hone.TooLarge, Message: `"rows" is too long`, Hint: fmt.Sprintf("send at most %d rows at a time", maxRows)}
		}
		row, err := s.skip()
		list = append(list, row)
		return err
	})
	if err == nil && len(list) == 0 {
		err = invalidShort(`"rows" is empty`)
	}
	return list, err
}

// atRow says which of many rows an error is about.
func atRow(err error, row int, many bool) error {
	if e, ok := hone.AsError(err); ok && many {
		return &hone.Error{Code: e.Code, Message: fmt.Sprintf("row %d: %s", row, e.Message), Hint: e.Hint}
	}
	return err
}

func (in *Request) readRow(i int, keys map[string]json.RawMessage, m hone.Model, sticky []string) error {
	r, err := readShort(keys)
	if err != nil {
		return err
	}
	in.IDs[i], in.Units[i] = hone.PredictionID(r.id), r.unit
	known := false
	for name, v := range r.features {
		col := m.Features.Index(name)
		if col < 0 {
			if name == "" || !slices.Contains(sticky, name) {
				return unknownFeature(name, m)
			}
			if in.Units[i] == "" {
				in.Units[i] = unitText(v)
			}
			continue
		}
		known = true
		if v, err = plain(v, m.Features[col].Kind); err == nil {
			err = in.Frame.Set(i, col, v)
		}
		if err != nil {
			return &hone.Error{Code: hone.Invalid, Message: err.Error(), Hint: "use null for a missing value"}
		}
	}
	if !known {
		return noFeature(m)
	}
	return nil
}

func readShort(keys map[string]json.RawMessage) (r shortRow, err error) {
	for key, raw := range keys {
		switch key {
		case "features":
			err = strictly(raw, &r.features)
		case "prediction_id":
			err = strictly(raw, &r.id)
		case "unit":
			err = strictly(raw, &r.unit)
		default:
			return r, invalidShort("the key %s is not known", quote(key))
		}
		if err != nil {
			return r, invalidShort("%s cannot be read: %v", key, err)
		}
	}
	if r.features == nil {
		return r, invalidShort(`"features" is missing`)
	}
	return r, nil
}

// strictly reads JSON and keeps numbers as they are written.
func strictly(b []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return d.Decode(to)
}

// plain turns a value into one that a frame takes.
func plain(v any, kind frame.Kind) (any, error) {
	switch x := v.(type) {
	case json.Number:
		n, err := x.Float64()
		if err != nil {
			return nil, fmt.Errorf("the number %s is out of range", quote(x.String()))
		}
		if kind != frame.Number {
			return numberText(x.String(), n), nil
		}
		return n, nil
	case string:
		if len(x) > maxString {
			return nil, fmt.Errorf("a string has %d bytes, at most %d are read", len(x), maxString)
		}
		return strings.ToValidUTF8(x, "\uFFFD"), nil
	}
	return v, nil
}

func unitText(v any) string {
	switch x := v.(type) {
	case json.Number:
		n, _ := x.Float64()
		return numberText(x.String(), n)
	case string:
		return x
	}
	return ""
}
