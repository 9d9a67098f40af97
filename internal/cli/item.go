package cli

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"hone"
)

// oneItem reads a batch from standard input as JSON Lines, or one item from
// flags where the operation is feedback.
type oneItem struct {
	id, label, correction, score, thumb, source, sheet string
}

func (o *oneItem) bind(c *cobra.Command, name string) {
	if name != "feedback" {
		return
	}
	f := c.Flags()
	f.StringVar(&o.id, "id", "", "the prediction's id (without it, JSON Lines are read from standard input)")
	f.StringVar(&o.label, "label", "", "what turned out to be true")
	f.StringVar(&o.correction, "correction", "", "what is true after all, in place of an earlier label")
	f.StringVar(&o.score, "score", "", "a number about the answer")
	f.StringVar(&o.thumb, "thumb", "", "up or down")
	f.StringVar(&o.source, "source", "", "who or what says so")
	f.StringVar(&o.sheet, "csv", "", "read labels from a table with the columns prediction_id and label; rows without a label are passed over")
}

func (o *oneItem) fill(c *cobra.Command, list reflect.Value, in io.Reader) error {
	if o.sheet != "" {
		return o.readSheet(c, list)
	}
	values := map[string]string{"label": o.label, "correction": o.correction, "score": o.score, "thumb": o.thumb, "source": o.source}
	if o.id == "" {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if values[name] != "" {
				return usage(c.CommandPath(), "--%s needs --id, the prediction that it is about", name)
			}
		}
		if f, ok := in.(*os.File); ok && terminal(f) {
			fmt.Fprintln(c.ErrOrStderr(), "Reading JSON Lines from standard input; Ctrl-D ends them.")
		}
		return readLines(list, in)
	}
	item := map[string]any{"prediction_id": o.id}
	for name, v := range values {
		if v == "" {
			continue
		}
		item[name] = v
		if name != "score" {
			continue
		}
		x, err := strconv.ParseFloat(v, 64)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return usage(c.CommandPath(), "--score %q is no number", v)
		}
		item[name] = x
	}
	b, err := json.Marshal(item)
	if err != nil {
		return err
	}
	return readLines(list, bytes.NewReader(b))
}

// terminal tells whether a person sits at f.
func terminal(f *os.File) bool {
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
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
		err := d.Decode(item.Interface())
		if _, behind := d.Token(); err == nil && behind != io.EOF {
			err = errors.New("something stands behind the end of the JSON")
		}
		if err != nil {
			return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("standard input, line %d: %s", line, strings.TrimPrefix(err.Error(), "json: ")), Hint: "write one JSON object a line"}
		}
		list.Set(reflect.Append(list, item.Elem()))
	}
	if errors.Is(scan.Err(), bufio.ErrTooLong) {
		return &hone.Error{Code: hone.TooLarge, Message: "a line of standard input is longer than 1 MiB", Hint: "write one JSON object a line"}
	}
	return scan.Err()
}

// readSheet reads the labels of a table, such as `hone label --csv` writes.
func (o *oneItem) readSheet(c *cobra.Command, list reflect.Value) error {
	if o.id != "" || o.label != "" || o.correction != "" || o.score != "" || o.thumb != "" {
		return usage(c.CommandPath(), "--csv brings ids and labels, so that no other flag can")
	}
	f, err := os.Open(o.sheet)
	if err != nil {
		return &hone.Error{Code: hone.NotFound, Message: fmt.Sprintf("%s cannot be read: %v", o.sheet, err), Hint: "name the table with the labels"}
	}
	defer f.Close()
	r := csv.NewReader(f)
	head, err := r.Read()
	id, label := slices.Index(head, "prediction_id"), slices.Index(head, "label")
	if err != nil || id < 0 || label < 0 {
		return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%s has no columns prediction_id and label", o.sheet), Hint: "`hone label MODEL --csv FILE` writes such a table"}
	}
	var lines bytes.Buffer
	e := json.NewEncoder(&lines)
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return readLines(list, &lines)
		}
		if err != nil {
			return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%s: %v", o.sheet, err), Hint: "mend the line; nothing was sent"}
		}
		if row[label] == "" {
			continue
		}
		item := map[string]any{"prediction_id": row[id], "label": row[label]}
		if o.source != "" {
			item["source"] = o.source
		}
		if err := e.Encode(item); err != nil {
			return err
		}
	}
}
