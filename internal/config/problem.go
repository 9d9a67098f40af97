package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"hone"
	"hone/internal/say"
)

// MaxProblems is the most problems that one reading reports.
const MaxProblems = 20

// Problem is one thing that is wrong in a file.
type Problem struct {
	File string `json:"file"`
	// Line and Column count from 1, columns in characters.
	Line   int `json:"line"`
	Column int `json:"column"`
	// Path of the key, such as models.fraud.gates[1].metric.
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
	// Hint says what to write instead.
	Hint string `json:"hint,omitempty"`
	// Excerpt is the line of the file, cut to a readable length.
	Excerpt string `json:"excerpt,omitempty"`
}

func (p Problem) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
	if p.Hint != "" {
		b.WriteString("; " + p.Hint)
	}
	if p.Path != "" {
		b.WriteString(" (" + p.Path + ")")
	}
	return b.String()
}

// Errors is what is wrong with a configuration, in the order of its files and
// their lines. It is never empty when returned.
type Errors []Problem

// Error says each problem on a line of its own.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Detail is Error with the lines of the file under each problem, for a terminal.
func (e Errors) Detail() string {
	var b strings.Builder
	for _, p := range e {
		b.WriteString(p.Error() + "\n")
		if p.Excerpt == "" {
			continue
		}
		fmt.Fprintf(&b, "%6d | %s\n", p.Line, p.Excerpt)
		if col := p.Column - 1; col <= utf8.RuneCountInString(p.Excerpt) {
			fmt.Fprintf(&b, "       | %s^\n", strings.Repeat(" ", max(col, 0)))
		}
	}
	return b.String()
}

// Unwrap gives the hone.Error that a caller may act on.
func (e Errors) Unwrap() error {
	return &hone.Error{Code: hone.Invalid, Message: e.Error()}
}

// finish puts the problems in order, drops what says the same of the same place
// and adds the file's name and lines, but for the hidden ones.
func (e Errors) finish(name, text string, hidden map[int]bool) Errors {
	slices.SortStableFunc(e, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	e = slices.CompactFunc(e, func(a, b Problem) bool {
		return a.Line == b.Line && a.Column == b.Column && a.Message == b.Message
	})
	e = e[:min(len(e), MaxProblems)]
	for i := range e {
		e[i].File = name
		if !hidden[e[i].Line] {
			e[i].Excerpt = excerpt(text, e[i].Line)
		}
	}
	return e
}

// excerpt returns one line of the text, with control characters blanked.
func excerpt(text string, line int) string {
	const width = 120
	n := 0
	for l := range strings.Lines(text) {
		if n++; n < line {
			continue
		}
		l = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return ' '
			}
			return r
		}, strings.ToValidUTF8(strings.TrimRight(l, "\r\n"), "?"))
		return clip(l, width)
	}
	return ""
}

// clip cuts s to at most n characters.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// didYouMean is the hint for a word that is not among those known.
func didYouMean(got string, words []string) string {
	if w := say.Nearest(got, words); w != "" {
		return fmt.Sprintf("did you mean %q?", w)
	}
	if len(words) == 0 || len(words) > 24 {
		return ""
	}
	return "known: " + strings.Join(words, ", ")
}
