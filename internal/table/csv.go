package table

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// csvSource reads RFC 4180, with what is common besides: other delimiters, line
// feeds alone, blank lines (skipped), and quotes inside a cell that does not
// begin with one, which stand for themselves.
type csvSource struct {
	lines *lines
	comma byte
	width int
	row   csvRow
	// doomed is the last line that a broken quote has run through. A quote that
	// is open where one of those lines begins breaks just as that one did; to
	// know it keeps a hostile file from being read over and over.
	doomed int
}

func openCSV(file *os.File, tabs bool) (source, []string, error) {
	l, err := newLines(file)
	if err != nil {
		return nil, nil, err
	}
	c := &csvSource{lines: l, comma: '\t'}
	if !tabs {
		sample, _ := l.r.Peek(l.r.Size())
		c.comma = delimiter(sample)
	}
	cells, err := c.read()
	switch err := err.(type) {
	case nil:
	case *BadRow:
		return nil, nil, invalid("mend the header", "line %d: the header cannot be read: %s", err.Line, err.Reason)
	default:
		if err == io.EOF {
			err = invalid("the first line must name the columns", "the file is empty")
		}
		return nil, nil, err
	}
	c.width = len(cells)
	for i, name := range cells {
		// A column without a name is common: the index that pandas saves.
		if cells[i] = strings.TrimSpace(name); cells[i] == "" {
			cells[i] = fmt.Sprintf("column_%d", i+1)
		}
	}
	return c, cells, nil
}

func (c *csvSource) next() (Record, error) {
	cells, err := c.read()
	if err != nil {
		return Record{}, err
	}
	rec := Record{Line: c.row.line, Values: make([]any, len(cells))}
	for i, cell := range cells {
		rec.Values[i] = cell
	}
	return rec, nil
}

// read returns the cells of the next row that is not blank.
func (c *csvSource) read() ([]string, error) {
	for {
		line, pos := c.lines.mark()
		first, tooLong, err := c.lines.next()
		if err != nil {
			return nil, err
		}
		if tooLong {
			return nil, badRow(line+1, first, "the line is longer than %d MiB", maxLine>>20)
		}
		if len(trimEnd(first)) == 0 {
			continue
		}
		length := len(first)
		c.row.reset(line + 1)
		if reason := c.parse(first); reason != "" {
			c.lines.rewind(line+1, pos+length)
			return nil, badRow(line+1, c.lines.buf[pos:pos+length], "%s", reason)
		}
		return c.cells(pos)
	}
}

// parse reads the row that begins with the given line, and says what is broken
// about its quotes, if anything is.
func (c *csvSource) parse(line []byte) (broken string) {
	for {
		open, reason := c.row.feed(line, c.comma)
		if open && len(c.row.text) > maxLine {
			reason = fmt.Sprintf("a quote that is not closed within %d MiB", maxLine>>20)
		} else if open && c.lines.line < c.doomed {
			return "a quote that is not closed"
		} else if !open && reason == "" {
			return ""
		} else if open {
			var tooLong bool
			var err error
			if line, tooLong, err = c.lines.next(); err == nil && !tooLong {
				continue
			}
			reason = "a quote that is never closed"
		}
		c.doomed = max(c.doomed, c.lines.line)
		return reason
	}
}

// cells checks the row that was parsed.
func (c *csvSource) cells(pos int) ([]string, error) {
	n := len(c.row.ends)
	if n > maxColumns {
		return nil, badRow(c.row.line, c.lines.since(pos), "more than %d cells", maxColumns)
	}
	if c.width > 0 && n != c.width {
		return nil, badRow(c.row.line, c.lines.since(pos), "%s where the header has %d", count(n, "cell"), c.width)
	}
	if !utf8.Valid(c.row.text) {
		return nil, badRow(c.row.line, c.lines.since(pos), "text that is not valid UTF-8")
	}
	return c.row.cells(), nil
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// csvRow is one row as it is put together from its lines.
type csvRow struct {
	line   int
	text   []byte // The cells, without their quotes, one behind the other.
	ends   []int  // Where in text each cell ends.
	quoted bool   // Inside a quoted cell.
}

func (r *csvRow) reset(line int) {
	r.line, r.text, r.ends, r.quoted = line, r.text[:0], r.ends[:0], false
}

func (r *csvRow) cells() []string {
	all, from := string(r.text), 0
	out := make([]string, len(r.ends))
	for i, to := range r.ends {
		out[i], from = all[from:to], to
	}
	return out
}

// feed adds a line with its end. It returns whether the row goes on in the next
// line, or what is broken.
func (r *csvRow) feed(line []byte, comma byte) (open bool, broken string) {
	for {
		if !r.quoted && len(line) > 0 && line[0] == '"' {
			r.quoted, line = true, line[1:]
		}
		if !r.quoted {
			i := bytes.IndexByte(line, comma)
			if i < 0 {
				r.end(trimEnd(line))
				return false, ""
			}
			r.end(line[:i])
			line = line[i+1:]
			continue
		}
		i := bytes.IndexByte(line, '"')
		if i < 0 {
			r.text = append(r.text, line...)
			return true, ""
		}
		r.text = append(r.text, line[:i]...)
		line = line[i+1:]
		switch {
		case len(line) > 0 && line[0] == '"':
			r.text = append(r.text, '"')
			line = line[1:]
		case len(trimEnd(line)) == 0:
			r.quoted = false
			r.end(nil)
			return false, ""
		case line[0] == comma:
			r.quoted = false
			r.end(nil)
			line = line[1:]
		default:
			return false, fmt.Sprintf("text behind the closing quote of cell %d", len(r.ends)+1)
		}
	}
}

func (r *csvRow) end(rest []byte) {
	if len(r.ends) > maxColumns {
		return
	}
	r.text = append(r.text, rest...)
	r.ends = append(r.ends, len(r.text))
}

// delimiter returns the one of , ; tab and | that splits the header and agrees
// best with the rows in the sample behind it.
func delimiter(sample []byte) byte {
	best, bestAgree, bestWidth := byte(','), -1, 0
	for _, comma := range []byte{',', ';', '\t', '|'} {
		width, agree := agreement(sample, comma)
		if width < 2 {
			continue
		}
		if agree > bestAgree || agree == bestAgree && width > bestWidth {
			best, bestAgree, bestWidth = comma, agree, width
		}
	}
	return best
}

// agreement returns the cells of the header, and how many of the next 50 rows
// have as many.
func agreement(sample []byte, comma byte) (width, agree int) {
	var row csvRow
	rows, open := 0, false
	for len(sample) > 0 && rows <= 50 {
		i := bytes.IndexByte(sample, '\n')
		if i < 0 && rows > 0 {
			break // Cut by the end of the sample.
		}
		line := sample
		if i >= 0 {
			line, sample = sample[:i+1], sample[i+1:]
		} else {
			sample = nil
		}
		if !open {
			if len(trimEnd(line)) == 0 {
				continue
			}
			row.reset(0)
		}
		if open, _ = row.feed(line, comma); open {
			continue
		}
		if rows++; rows == 1 {
			width = len(row.ends)
		} else if len(row.ends) == width {
			agree++
		}
	}
	return width, agree
}
