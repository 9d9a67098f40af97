package encode

import (
	"encoding/json"
	"fmt"

	"hone/internal/frame"
)

type wire struct {
	Schema  frame.Schema `json:"schema"`
	Options Options      `json:"options"`
	Columns []column     `json:"columns"`
	Pairs   []pair       `json:"pairs,omitempty"`
}

// MarshalJSON writes the encoder; equal encoders give equal bytes.
func (e *Encoder) MarshalJSON() ([]byte, error) {
	return json.Marshal(wire{Schema: e.schema, Options: e.options, Columns: e.columns, Pairs: e.pairs})
}

// UnmarshalJSON reads what MarshalJSON wrote, and refuses what cannot be an
// encoder's.
func (e *Encoder) UnmarshalJSON(b []byte) error {
	var w wire
	if err := json.Unmarshal(b, &w); err != nil {
		return fmt.Errorf("read encoder: %w", err)
	}
	got := Encoder{schema: w.Schema, options: w.Options, columns: w.Columns, pairs: w.Pairs}
	if err := got.check(); err != nil {
		return fmt.Errorf("read encoder: %w", err)
	}
	got.lay()
	*e = got
	return nil
}
