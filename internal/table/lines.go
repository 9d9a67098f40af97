package table

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"io"
	"os"
)

// lines reads physical lines, and can go back to one that was marked: a quote
// that turns out to be broken must not have swallowed the rows behind it.
type lines struct {
	r *bufio.Reader
	// line is the number of the line that next returned last, from 1.
	line int
	// buf holds the lines since the mark, and pos is where the next one begins
	// in it; at its end, lines come from r.
	buf []byte
	pos int
	// long is where in buf a line over the limit stands, cut to maxRaw, or -1.
	// Nothing stands behind it.
	long int
	err  error // Of r, once it has ended.
}

// newLines unpacks gzip, whatever the file is called, and skips the mark that
// some programs put before UTF-8.
func newLines(file *os.File) (*lines, error) {
	r := bufio.NewReaderSize(file, 64<<10)
	if magic, _ := r.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, damaged(0, err)
		}
		r = bufio.NewReaderSize(z, 64<<10)
	}
	head, _ := r.Peek(3)
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		r.Discard(3)
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return nil, invalid("save it as UTF-8", "the text is UTF-16")
	}
	return &lines{r: r, long: -1}, nil
}

// mark lets rewind come back to the line that next will return.
func (l *lines) mark() (line, pos int) {
	if l.pos == len(l.buf) {
		l.buf, l.pos, l.long = l.buf[:0], 0, -1
	} else if l.pos > len(l.buf)/2 {
		if l.long >= 0 {
			l.long -= l.pos
		}
		l.buf, l.pos = l.buf[:copy(l.buf, l.buf[l.pos:])], 0
	}
	return l.line, l.pos
}

// rewind makes next return the lines from pos in the buffer on again.
func (l *lines) rewind(line, pos int) { l.line, l.pos = line, pos }

// since is what was read from pos on. It is valid until the next call of mark.
func (l *lines) since(pos int) []byte { return l.buf[pos:l.pos] }

// next returns a line with its end, which only the last of a file may lack, and
// whether it was over the limit and cut. The bytes are valid until next is
// called again. A line that an error cuts short is dropped.
func (l *lines) next() (text []byte, tooLong bool, err error) {
	if l.pos == len(l.buf) {
		if l.err != nil {
			return nil, false, l.err
		}
		if err := l.fill(); err != nil {
			return nil, false, err
		}
	}
	from := l.pos
	if i := bytes.IndexByte(l.buf[from:], '\n'); i >= 0 {
		l.pos = from + i + 1
	} else {
		l.pos = len(l.buf)
	}
	l.line++
	return l.buf[from:l.pos], from == l.long, nil
}

// fill appends one line of r to buf.
func (l *lines) fill() error {
	from, tooLong := len(l.buf), false
	for {
		part, err := l.r.ReadSlice('\n')
		if !tooLong {
			l.buf = append(l.buf, part...)
		}
		if !tooLong && len(l.buf)-from > maxLine {
			tooLong = true
			l.long, l.buf = from, l.buf[:from+maxRaw]
		}
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF && len(l.buf) > from:
			l.err = io.EOF
		case err != nil:
			l.buf = l.buf[:from]
			l.err = damaged(l.line, err)
			return l.err
		}
		return nil
	}
}

// damaged says how far a file could be read.
func damaged(line int, err error) error {
	const hint = "copy or download it again; the rows before are as they were written"
	var corrupt flate.CorruptInputError
	switch {
	case err == io.EOF:
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return invalid(hint, "the gzip data is cut short after line %d", line)
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.As(err, &corrupt):
		return invalid(hint, "the gzip data is damaged after line %d (%v)", line, err)
	}
	return err
}

// trimEnd cuts off the end of the line.
func trimEnd(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\n' {
		b = b[:n-1]
	}
	if n := len(b); n > 0 && b[n-1] == '\r' {
		b = b[:n-1]
	}
	return b
}
