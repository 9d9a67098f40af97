package gateway

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"

	"hone"
)

// maxDepth bounds how deep a body may nest, maxString the bytes of one string.
const (
	maxDepth  = 64
	maxString = 64 << 10
)

// scanner reads JSON where it lies, without reflection: a body of many thousand
// numbers is read as fast as numbers can be.
type scanner struct {
	b    []byte
	i    int
	hint string // What to send; of the Open Inference Protocol where it is empty.
}

func (s *scanner) fail(format string, args ...any) error {
	return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("request body, byte %d: ", s.i) + fmt.Sprintf(format, args...),
		Hint: cmp.Or(s.hint, "send JSON as the Open Inference Protocol has it")}
}

// peek returns the next byte that is no space, 0 at the end.
func (s *scanner) peek() byte {
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) expect(c byte) error {
	if s.peek() != c {
		return s.fail("want %q, found %s", c, s.found())
	}
	s.i++
	return nil
}

func (s *scanner) found() string {
	if s.i >= len(s.b) {
		return "the end"
	}
	return strconv.QuoteRune(rune(s.b[s.i]))
}

// object calls each for every key, which must read the value.
func (s *scanner) object(each func(key []byte) error) error {
	return s.list('{', '}', func() error {
		key, err := s.text()
		if err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		s.peek()
		return each(key)
	})
}

// array calls each for every element, which must read it.
func (s *scanner) array(each func() error) error { return s.list('[', ']', each) }

func (s *scanner) list(open, end byte, each func() error) error {
	if err := s.expect(open); err != nil {
		return err
	}
	if s.peek() == end {
		s.i++
		return nil
	}
	for {
		s.peek()
		if err := each(); err != nil {
			return err
		}
		switch s.peek() {
		case end:
			s.i++
			return nil
		case ',':
			s.i++
		default:
			return s.fail("want ',' or %q, found %s", end, s.found())
		}
	}
}

// text reads a string. The bytes belong to the body and hold valid UTF-8.
func (s *scanner) text() ([]byte, error) {
	if s.peek() != '"' {
		return nil, s.fail("want a string, found %s", s.found())
	}
	start := s.i
	plain, err := s.skipText()
	if err != nil {
		return nil, err
	}
	t := s.b[start+1 : s.i-1]
	if !plain {
		var decoded string
		if err := json.Unmarshal(s.b[start:s.i], &decoded); err != nil {
			s.i = start
			return nil, s.fail("a string cannot be read: %v", err)
		}
		t = []byte(decoded)
	}
	if len(t) > maxString {
		s.i = start
		return nil, s.fail("a string has %d bytes, at most %d are read", len(t), maxString)
	}
	if !utf8.Valid(t) {
		t = []byte(string([]rune(string(t)))) // As encoding/json reads what is loaded as history.
	}
	return t, nil
}

// skipText passes a string, and tells whether it stands as it is.
func (s *scanner) skipText() (plain bool, err error) {
	start := s.i
	plain = true
	for s.i++; s.i < len(s.b); s.i++ {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			return plain, nil
		case c == '\\':
			plain = false
			s.i++
		case c < ' ':
			return false, s.fail("a string holds the control character %s", s.found())
		}
	}
	s.i = start
	return false, s.fail("a string does not end")
}

// skip passes one value and returns its bytes. It looks at brackets and strings
// only: what is kept of it must still be read.
func (s *scanner) skip() ([]byte, error) {
	s.peek()
	start := s.i
	for depth := 0; s.i < len(s.b); {
		switch c := s.b[s.i]; c {
		case '"':
			if _, err := s.skipText(); err != nil {
				return nil, err
			}
		case '[', '{':
			if depth++; depth > maxDepth {
				return nil, s.fail("nested deeper than %d", maxDepth)
			}
			s.i++
		case ']', '}':
			if depth--; depth < 0 {
				return nil, s.fail("want a value, found %s", s.found())
			}
			s.i++
		case ',', ':', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return nil, s.fail("want a value, found %s", s.found())
			}
			s.i++
			continue
		default:
			s.skipWord()
		}
		if depth == 0 {
			return s.b[start:s.i], nil
		}
	}
	return nil, s.fail("the body ends within a value")
}

// part passes one value, and returns what reads it, which begins at it and ends
// with it.
func (s *scanner) part() (scanner, error) {
	s.peek()
	from := s.i
	_, err := s.skip()
	return scanner{b: s.b[:s.i], i: from, hint: s.hint}, err
}

// skipWord passes a number or a name, at least one byte.
func (s *scanner) skipWord() {
	for s.i++; s.i < len(s.b); s.i++ {
		switch s.b[s.i] {
		case ',', ':', ' ', '\t', '\n', '\r', '[', ']', '{', '}', '"':
			return
		}
	}
}

// value reads any one value into to, with all of JSON's rules.
func (s *scanner) value(to any) error {
	start := s.i
	b, err := s.skip()
	if err == nil {
		if err = json.Unmarshal(b, to); err != nil {
			s.i = start
			err = s.fail("%v", err)
		}
	}
	return err
}

// pass reads any one value and forgets it.
func (s *scanner) pass() error {
	start := s.i
	b, err := s.skip()
	if err == nil && !json.Valid(b) {
		s.i = start
		err = s.fail("this is not JSON")
	}
	return err
}

// end checks that nothing follows.
func (s *scanner) end() error {
	if s.peek() != 0 || s.i < len(s.b) {
		return s.fail("want the end, found %s", s.found())
	}
	return nil
}

func (s *scanner) word(w string) bool {
	if !bytes.HasPrefix(s.b[s.i:], []byte(w)) {
		return false
	}
	s.i += len(w)
	return true
}

// number reads a number as JSON writes it.
func (s *scanner) number() (x float64, raw []byte, err error) {
	start, i, ok := s.i, s.i, true
	if s.at(i, '-') {
		i++
	}
	if s.at(i, '0') {
		i++
	} else {
		i, ok = s.digits(i)
	}
	if ok && s.at(i, '.') {
		i, ok = s.digits(i + 1)
	}
	if ok && (s.at(i, 'e') || s.at(i, 'E')) {
		if i++; s.at(i, '+') || s.at(i, '-') {
			i++
		}
		i, ok = s.digits(i)
	}
	if s.i = i; !ok {
		return 0, nil, s.fail("want a digit, found %s", s.found())
	}
	raw = s.b[start:i]
	x, err = strconv.ParseFloat(string(raw), 64)
	if err != nil {
		s.i = start
		return 0, nil, s.fail("the number %s is out of range", raw[:min(len(raw), 40)])
	}
	return x, raw, nil
}

func (s *scanner) at(i int, c byte) bool { return i < len(s.b) && s.b[i] == c }

// digits passes digits from i on, at least one.
func (s *scanner) digits(i int) (int, bool) {
	from := i
	for i < len(s.b) && s.b[i]-'0' <= 9 {
		i++
	}
	return i, i > from
}

// cellKind is the kind of one element of a tensor.
type cellKind uint8

const (
	isNull cellKind = iota
	isNumber
	isText
	isBool
)

func (k cellKind) String() string {
	return [...]string{"null", "a number", "a string", "a boolean"}[k]
}

type cell struct {
	kind cellKind
	num  float64 // Of a number, and 0 or 1 of a boolean.
	raw  []byte  // A number as written, or the string.
}

// cell reads one element. NaN and the infinities, which Python writes, count as
// missing.
func (s *scanner) cell() (c cell, err error) {
	switch b := s.peek(); {
	case b == '"':
		c.kind = isText
		c.raw, err = s.text()
		return c, err
	case b == 'n' && s.word("null"), b == 'N' && s.word("NaN"), b == 'I' && s.word("Infinity"), b == '-' && s.word("-Infinity"):
		return c, nil
	case b == 't' && s.word("true"):
		return cell{kind: isBool, num: 1}, nil
	case b == 'f' && s.word("false"):
		return cell{kind: isBool}, nil
	case b == '-' || b-'0' <= 9:
		c.kind = isNumber
		c.num, c.raw, err = s.number()
		return c, err
	}
	return c, s.fail("want a value, found %s", s.found())
}

// cells reads the data of a tensor, flat or nested as its shape says, and calls
// put for each element in row-major order. The dimensions are at least 1.
func (s *scanner) cells(shape []int, put func(k int, c cell) error) error {
	w := walk{shape: shape, size: 1}
	for _, d := range shape {
		w.size *= d
	}
	for {
		var err error
		if s.peek() == '[' {
			if err = w.open(s); err == nil && s.peek() != ']' {
				continue
			}
		} else if err = w.element(s); err == nil {
			var c cell
			if c, err = s.cell(); err == nil {
				err = put(w.n-1, c)
			}
		}
		for err == nil && s.peek() == ']' {
			if err = w.close(s); w.depth == 0 {
				return err
			}
		}
		if err == nil {
			err = s.expect(',')
		}
		if err != nil {
			return err
		}
	}
}

// walk is the place within the data of a tensor.
type walk struct {
	shape []int
	size  int          // Elements in all.
	begun [maxDims]int // Elements before each list that is open.
	n     int          // Elements so far.
	depth int
	level int // Depth at which the elements stand; 0 before the first.
}

func (w *walk) open(s *scanner) error {
	if w.depth == len(w.shape) {
		return s.fail("the data nest deeper than the shape %v", w.shape)
	}
	w.begun[w.depth] = w.n
	w.depth++
	s.i++
	return nil
}

func (w *walk) element(s *scanner) error {
	if w.level == 0 {
		w.level = w.depth
	}
	if w.depth == 0 || w.depth != w.level || (w.level != 1 && w.level != len(w.shape)) {
		return s.fail("the data are neither flat nor nested as the shape %v says", w.shape)
	}
	if w.n >= w.size {
		return s.fail("there are more than the %d elements of the shape %v", w.size, w.shape)
	}
	w.n++
	return nil
}

func (w *walk) close(s *scanner) error {
	want := w.size
	for _, d := range w.shape[:w.depth-1] {
		want /= d
	}
	if got := w.n - w.begun[w.depth-1]; got != want {
		return s.fail("there are %d elements where the shape %v has %d", got, w.shape, want)
	}
	w.depth--
	s.i++
	return nil
}

// maxDims is the most dimensions of a tensor.
const maxDims = 2
