package upstream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"hone/internal/frame"
)

// maxTemplate bounds a template, in bytes, and maxDeep how deep JSON nests in
// templates and answers.
const (
	maxTemplate = 64 << 10
	maxDeep     = 64
)

// Places that a part of a template may stand for, besides a feature's own.
const (
	literal = -1
	rows    = -2
)

// part is a piece of a document: text as it stands, or what stands in its place.
type part struct {
	text []byte
	of   int // A feature, literal or rows.
}

// template writes the rows of a frame as a server wants them.
type template struct{ request, row []part }

// newTemplate compiles the templates of a spec. Every feature must be sent once or
// more: one that is not was most likely mistyped.
func newTemplate(s Spec, schema frame.Schema) (*template, error) {
	request, err := compile("request", s.Request, schema)
	if err != nil {
		return nil, err
	}
	t := &template{request: request, row: eachFeature(schema)}
	all := slices.ContainsFunc(request, func(p part) bool { return p.of == rows })
	if s.Row != nil {
		if t.row, err = compile("row", s.Row, schema); err != nil {
			return nil, err
		}
		switch {
		case !all:
			return nil, refuse(`write "{{rows}}" into the request`, "upstream.row is there and upstream.request has no rows")
		case slices.ContainsFunc(t.row, func(p part) bool { return p.of == rows }):
			return nil, refuse("write it into the request", "upstream.row has rows in it")
		}
	}
	sent := request
	if all {
		sent = append(slices.Clip(request), t.row...)
	}
	for i, f := range schema {
		if !slices.ContainsFunc(sent, func(p part) bool { return p.of == i }) {
			return nil, refuse(fmt.Sprintf("write \"{{%s}}\" where it belongs, or \"{{rows}}\" for all", f.Name), "upstream.request has no place for feature %.40q", f.Name)
		}
	}
	return t, nil
}

// eachFeature is a row as an object of all features.
func eachFeature(schema frame.Schema) (out []part) {
	for i, f := range schema {
		before := ","
		if i == 0 {
			before = "{"
		}
		name, _ := json.Marshal(f.Name) // A string always can be.
		out = append(out, part{[]byte(before + string(name) + ":"), literal}, part{nil, i})
	}
	return append(out, part{[]byte("}"), literal})
}

func compile(key string, raw json.RawMessage, schema frame.Schema) ([]part, error) {
	switch {
	case len(raw) == 0:
		return nil, refuse(`write {"instances": "{{rows}}"}`, "upstream.%s is missing", key)
	case len(raw) > maxTemplate:
		return nil, refuse("make it smaller", "upstream.%s is over %d bytes", key, maxTemplate)
	}
	doc, err := document(raw)
	if err != nil {
		return nil, refuse("write it as JSON", "upstream.%s: %v", key, err)
	}
	c := compiler{key: key, schema: schema}
	c.value(doc)
	return c.parts, c.err
}

// compiler turns a document into parts.
type compiler struct {
	key    string
	schema frame.Schema
	parts  []part
	err    error
}

func (c *compiler) write(text ...byte) {
	if n := len(c.parts); n > 0 && c.parts[n-1].of == literal {
		c.parts[n-1].text = append(c.parts[n-1].text, text...)
		return
	}
	c.parts = append(c.parts, part{text, literal})
}

func (c *compiler) value(v any) {
	switch x := v.(type) {
	case map[string]any:
		before := byte('{')
		for _, key := range slices.Sorted(maps.Keys(x)) {
			if strings.Contains(key, "{{") {
				c.err = refuse("use it as a value", "upstream.%s has a place in the key %.40q", c.key, key)
			}
			c.write(before)
			c.marshal(key)
			c.write(':')
			c.value(x[key])
			before = ','
		}
		if len(x) == 0 {
			c.write('{')
		}
		c.write('}')
	case []any:
		c.write('[')
		for i, item := range x {
			if i > 0 {
				c.write(',')
			}
			c.value(item)
		}
		c.write(']')
	case string:
		c.text(x)
	default:
		c.marshal(v)
	}
}

func (c *compiler) marshal(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // It was read from JSON.
	}
	c.write(b...)
}

// text writes a string, or the place that it names.
func (c *compiler) text(s string) {
	name, opens := strings.CutPrefix(s, "{{")
	name, ends := strings.CutSuffix(name, "}}")
	at := c.schema.Index(name)
	switch {
	case !strings.Contains(s, "{{"):
		c.marshal(s)
	case !opens || !ends || strings.Contains(name, "{{"):
		c.err = refuse(`write "{{amount}}" alone between its quotes`, "upstream.%s has a place within the text %.60q", c.key, s)
	case at >= 0:
		c.parts = append(c.parts, part{nil, at})
	case name == "rows":
		c.parts = append(c.parts, part{nil, rows})
	default:
		c.err = refuse("name a feature of the signature, or rows", "upstream.%s has a place for %.40q, which is no feature", c.key, name)
	}
}

// append writes all rows of f as the request has them.
func (t *template) append(b []byte, f *frame.Frame) []byte {
	for _, p := range t.request {
		switch p.of {
		case literal:
			b = append(b, p.text...)
			continue
		case rows:
			b = t.appendRows(append(b, '['), f)
		default:
			b = append(b, '[')
			for row := range f.N {
				b = append(appendValue(b, f, row, p.of), ',')
			}
		}
		b[len(b)-1] = ']' // Over the last comma: there is a row at least.
	}
	return b
}

func (t *template) appendRows(b []byte, f *frame.Frame) []byte {
	for row := range f.N {
		for _, p := range t.row {
			if p.of == literal {
				b = append(b, p.text...)
				continue
			}
			b = appendValue(b, f, row, p.of)
		}
		b = append(b, ',')
	}
	return b
}

// appendValue writes one value as JSON. A number that is missing is null.
func appendValue(b []byte, f *frame.Frame, row, col int) []byte {
	if f.Schema[col].Kind == frame.Number {
		return appendNumber(b, f.Cols[col].Num[row])
	}
	return appendText(b, f.Cols[col].Str[row])
}

func appendNumber(b []byte, x float64) []byte {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return append(b, "null"...)
	}
	return strconv.AppendFloat(b, x, 'g', -1, 64)
}

func appendText(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(s) // A string always can be.
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// document reads one JSON value and nothing behind it, with numbers as they are
// written.
func document(raw []byte) (v any, err error) {
	if deep(raw) {
		return nil, fmt.Errorf("it nests deeper than %d", maxDeep)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("it goes on after its end")
	}
	return v, nil
}

// deep tells whether JSON nests deeper than it may, before anything recurses.
func deep(raw []byte) bool {
	depth, text := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '[' || c == '{':
			if depth++; depth > maxDeep {
				return true
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return false
}
