package table

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"unicode/utf8"
)

// sampled is the number of records whose keys become the columns.
const sampled = 1000

// jsonlSource reads one JSON object a line.
type jsonlSource struct {
	lines *lines
	index map[string]int
}

// openJSONL reads the file's beginning twice, so that the first records need
// not be kept while their keys are gathered.
func openJSONL(file *os.File) (source, []string, error) {
	first, err := newLines(file)
	if err != nil {
		return nil, nil, err
	}
	j := &jsonlSource{lines: first, index: map[string]int{}}
	columns, err := j.scan()
	if err != nil {
		return nil, nil, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, nil, err
	}
	j.lines, err = newLines(file)
	return j, columns, err
}

// scan gathers the keys of the first records, in the order in which they come.
func (j *jsonlSource) scan() (columns []string, err error) {
	var bad *BadRow
	for range sampled {
		var line []byte
		if line, err = j.line(); err != nil {
			if errors.As(err, &bad) {
				continue
			}
			break
		}
		var keys []string
		err = eachKey(line, func(key string, _ json.RawMessage) error {
			keys = append(keys, key)
			return nil
		})
		if err != nil {
			bad = badRow(j.lines.line, line, "%v", err)
			continue
		}
		for _, key := range keys {
			if _, ok := j.index[key]; !ok && len(columns) <= maxColumns {
				j.index[key] = len(columns)
				columns = append(columns, key)
			}
		}
	}
	const hint = "write one JSON object a line"
	switch {
	case len(columns) > 0: // What is damaged behind them, reading tells.
		return columns, nil
	case bad != nil:
		return nil, invalid(hint, "line %d: %s", bad.Line, bad.Reason)
	case err == io.EOF || err == nil:
		return nil, invalid(hint, "there are no records with keys")
	}
	return nil, err
}

func (j *jsonlSource) next() (Record, error) {
	line, err := j.line()
	if err != nil {
		return Record{}, err
	}
	rec := Record{Line: j.lines.line, Values: make([]any, len(j.index))}
	err = eachKey(line, func(key string, raw json.RawMessage) error {
		i, ok := j.index[key]
		if !ok {
			return nil
		}
		v, err := scalar(raw)
		rec.Values[i] = v
		return err
	})
	if err != nil {
		return Record{}, badRow(j.lines.line, line, "%v", err)
	}
	return rec, nil
}

// line returns the next line that is not blank. It is valid until the next call.
func (j *jsonlSource) line() ([]byte, error) {
	for {
		j.lines.mark()
		line, tooLong, err := j.lines.next()
		switch {
		case err != nil:
			return nil, err
		case tooLong:
			return nil, badRow(j.lines.line, line, "the line is longer than %d MiB", maxLine>>20)
		case !utf8.Valid(line):
			return nil, badRow(j.lines.line, line, "text that is not valid UTF-8")
		case len(bytes.TrimSpace(line)) > 0:
			return line, nil
		}
	}
}

// eachKey calls f for each key of a JSON object, in order.
func eachKey(line []byte, f func(string, json.RawMessage) error) error {
	d := json.NewDecoder(bytes.NewReader(line))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		if err == nil {
			return errors.New("not a JSON object")
		}
		return invalidJSON(err)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return invalidJSON(err)
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return invalidJSON(err)
		}
		if err := f(key.(string), raw); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return invalidJSON(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("text behind the JSON object")
	}
	return nil
}

func invalidJSON(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("invalid JSON: it ends early")
	}
	return fmt.Errorf("invalid JSON: %w", err)
}

// scalar returns a value of a record. Whole numbers that a float64 would change
// (long identifiers) stay as they are written, as strings; objects and arrays
// are strings of JSON.
func scalar(raw json.RawMessage) (any, error) {
	switch raw[0] {
	case 'n':
		return nil, nil
	case 't', 'f':
		return raw[0] == 't', nil
	case '"':
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err
	case '{', '[':
		var b bytes.Buffer
		err := json.Compact(&b, raw)
		return b.String(), err
	}
	x, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return nil, fmt.Errorf("the number %.40s is too large", raw)
	}
	if math.Abs(x) >= 1<<53 && !bytes.ContainsAny(raw, ".eE") {
		return string(raw), nil
	}
	return x, nil
}
