package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/frame"
	"hone/internal/op"
	"hone/internal/table"
)

// history reads the rows of a file as a model's past.
type history struct {
	model hone.Model
	file  string
	base  time.Time // Of rows without a time.
	count int       // Rows read.

	columns map[string]int
	time    string
	id      string
	unit    string
	action  string
	chance  string // The column of the propensity.
	// absent are the features that the file has no column of, unlabelled is set where
	// it has none of the label.
	absent     []string
	unlabelled bool

	seen map[string]int // How often the same row has come.
}

// newHistory finds the model's features, label and time among a file's columns.
func newHistory(m hone.Model, columns []string, o ImportOptions, now clock.Clock) (*history, error) {
	h := &history{model: m, file: o.File, columns: map[string]int{}, id: o.ID, unit: o.Unit, action: o.Action, chance: o.Propensity, seen: map[string]int{},
		base: now.Now().Add(-time.Duration(max(m.Label.Delay, m.Label.After)) - time.Hour)}
	return h, h.match(columns, o)
}

func (h *history) match(cols []string, o ImportOptions) error {
	for i, c := range cols {
		h.columns[c] = i
	}
	found := 0
	for _, f := range h.model.Features {
		if _, ok := h.columns[f.Name]; ok {
			found++
			continue
		}
		h.absent = append(h.absent, f.Name)
	}
	_, labelled := h.columns[h.model.Label.Name]
	h.unlabelled = !labelled
	if found == 0 {
		return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%s has none of the features of %s", o.File, h.model.Name), Hint: fmt.Sprintf("its columns are %q", cols)}
	}
	for _, given := range [][2]string{{"time", o.Time}, {"id", o.ID}, {"unit", o.Unit}, {"action", o.Action}, {"propensity", o.Propensity}} {
		if _, ok := h.columns[given[1]]; given[1] != "" && !ok {
			return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%s has no column %q for --%s", o.File, given[1], given[0]), Hint: fmt.Sprintf("its columns are %q", cols)}
		}
	}
	h.time = o.Time
	if h.time != "" {
		return nil
	}
	for _, name := range []string{"time", "timestamp", "ts", "datetime", "date", "event_time", "created_at"} {
		if _, ok := h.columns[name]; ok && h.model.Features.Index(name) < 0 {
			h.time = name
			return nil
		}
	}
	return nil
}

// item reads one row. What the row says makes its name, so that importing it
// again stores nothing.
func (h *history) item(rec table.Record) (op.HistoryItem, error) {
	h.count++
	it := op.HistoryItem{Features: map[string]any{}, Time: h.base.Add(time.Duration(h.count) * time.Microsecond)}
	if h.time != "" {
		v := rec.Values[h.columns[h.time]]
		at, ok := table.ParseTime(v)
		if !ok && plain(v) == "" {
			return it, fmt.Errorf("there is no time in %q", h.time)
		}
		if !ok {
			return it, fmt.Errorf("%q in %q is no time", plain(v), h.time)
		}
		it.Time = at
	}
	for _, f := range h.model.Features {
		i, ok := h.columns[f.Name]
		if !ok {
			continue
		}
		v, err := value(f, rec.Values[i])
		if err != nil {
			return it, err
		}
		if v != nil {
			it.Features[f.Name] = v
		}
	}
	if len(it.Features) == 0 {
		return it, errors.New("every feature is missing")
	}
	if i, ok := h.columns[h.model.Label.Name]; ok {
		if s, isText := rec.Values[i].(string); rec.Values[i] != nil && !(isText && frame.Missing(s)) {
			label, ok := h.model.CanonicalLabel(rec.Values[i])
			if !ok {
				return it, fmt.Errorf("%q in %q is no label of a %s model", plain(rec.Values[i]), h.model.Label.Name, h.model.Task)
			}
			it.Label = label
		}
	}
	if h.unit != "" {
		it.Unit = plain(rec.Values[h.columns[h.unit]])
	}
	if h.action != "" {
		it.Action = plain(rec.Values[h.columns[h.action]])
	}
	if h.chance != "" {
		v, err := value(frame.Field{Name: h.chance, Kind: frame.Number}, rec.Values[h.columns[h.chance]])
		if err != nil {
			return it, err
		}
		if p, ok := v.(float64); ok {
			it.Propensity = &p
		}
	}
	if h.id != "" {
		it.PredictionID = hone.PredictionID(plain(rec.Values[h.columns[h.id]]))
		if err := it.PredictionID.Check(); err != nil {
			return it, err
		}
		return it, nil
	}
	it.PredictionID = h.name(rec, it)
	return it, nil
}

// plain writes a cell as a name: nothing for what is missing, whole numbers in
// full.
func plain(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case float64:
		return frame.FormatNumber(x)
	}
	return fmt.Sprint(v)
}

func value(f frame.Field, v any) (any, error) {
	s, ok := v.(string)
	if !ok {
		return v, nil
	}
	if frame.Missing(s) {
		return nil, nil
	}
	if f.Kind != frame.Number {
		return s, nil
	}
	x, ok := frame.ParseNumber(s)
	if !ok {
		return nil, fmt.Errorf("%q in %q is no number", s, f.Name)
	}
	return x, nil
}

func (h *history) name(rec table.Record, it op.HistoryItem) hone.PredictionID {
	hash := sha256.New()
	for _, v := range rec.Values {
		fmt.Fprintf(hash, "%v\x00", v)
	}
	sum := string(hash.Sum(nil)[:12])
	h.seen[sum]++
	return hone.PredictionID("row-" + hex.EncodeToString([]byte(sum)) + "-" + strconv.Itoa(h.seen[sum]))
}
