package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strconv"

	"github.com/spf13/cobra"

	"hone"
)

// oneItem reads a batch from standard input as JSON Lines, or one item from
// flags where the operation is feedback.
type oneItem struct {
	id, label, correction, thumb string
}

func (o *oneItem) bind(c *cobra.Command, name string) {
	if name != "feedback" {
		return
	}
	f := c.Flags()
	f.StringVar(&o.id, "id", "", "the prediction's id (without it, JSON Lines are read from standard input)")
	f.StringVar(&o.label, "label", "", "what turned out to be true")
	f.StringVar(&o.correction, "correction", "", "what is true after all, in place of an earlier label")
	f.StringVar(&o.thumb, "thumb", "", "up or down")
}

func (o *oneItem) fill(list reflect.Value, in io.Reader) error {
	if o.id == "" {
		return readLines(list, in)
	}
	item := map[string]any{"prediction_id": o.id}
	for name, v := range map[string]string{"label": o.label, "correction": o.correction, "thumb": o.thumb} {
		if v == "" {
			continue
		}
		item[name] = v
		if x, err := strconv.ParseFloat(v, 64); err == nil && name != "thumb" {
			item[name] = x
		}
	}
	b, err := json.Marshal(item)
	if err != nil {
		return err
	}
	return readLines(list, bytes.NewReader(b))
}

func readLines(list reflect.Value, in io.Reader) error {
	scan := bufio.NewScanner(in)
	scan.Buffer(make([]byte, 64<<10), 1<<20)
	for line := 1; scan.Scan(); line++ {
		if len(bytes.TrimSpace(scan.Bytes())) == 0 {
			continue
		}
		item := reflect.New(list.Type().Elem())
		d := json.NewDecoder(bytes.NewReader(scan.Bytes()))
		d.DisallowUnknownFields()
		if err := d.Decode(item.Interface()); err != nil {
			return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("standard input, line %d: %v", line, err), Hint: "write one JSON object a line"}
		}
		list.Set(reflect.Append(list, item.Elem()))
	}
	return scan.Err()
}
