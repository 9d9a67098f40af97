package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// The bounds of a file: no text, however strange, may cost more than these.
const (
	maxNodes  = 10_000
	maxTokens = 4 * maxNodes
	maxDepth  = 32
)

type shape int

const (
	scalar shape = iota
	mapping
	sequence
)

// node is one value of the file, with its place.
type node struct {
	shape     shape
	line, col int
	text      string // Of a scalar.
	quoted    bool
	pairs     []pair
	items     []*node
}

type pair struct{ key, value *node }

func (n *node) isNull() bool {
	return n.shape == scalar && !n.quoted && (n.text == "" || n.text == "~" || strings.EqualFold(n.text, "null"))
}

// get returns the value of a key, or nil.
func (n *node) get(key string) *node {
	for _, p := range n.pairs {
		if p.key.text == key {
			return p.value
		}
	}
	return nil
}

// says describes the value in a message.
func (n *node) says() string {
	switch {
	case n.shape == mapping:
		return "a mapping"
	case n.shape == sequence:
		return "a list"
	case n.isNull():
		return "nothing"
	case n.quoted:
		return fmt.Sprintf("the string %q", clip(n.text, 40))
	}
	return fmt.Sprintf("%q", clip(n.text, 40))
}

// parseTree reads the text as one plain YAML document.
func parseTree(text []byte) (root *node, problem *Problem) {
	if len(text) > MaxBytes {
		return nil, &Problem{Line: 1, Column: 1, Message: "the file is larger than 1 MiB"}
	}
	if i := invalidUTF8(text); i >= 0 {
		line := 1 + bytes.Count(text[:i], []byte("\n"))
		col := 1 + utf8.RuneCount(text[bytes.LastIndexByte(text[:i], '\n')+1:i])
		return nil, &Problem{Line: line, Column: col, Message: "the file is not valid UTF-8", Hint: "save it as UTF-8"}
	}
	// The parser is not ours; a file that breaks it must not stop the program.
	defer func() {
		if recover() != nil {
			root, problem = nil, &Problem{Line: 1, Column: 1, Message: "the file cannot be read as YAML"}
		}
	}()
	clean := strings.ReplaceAll(strings.TrimPrefix(string(text), "\ufeff"), "\r\n", "\n")
	if p := checkLines(clean); p != nil {
		return nil, p
	}
	body, problem := parseYAML(clean)
	if problem != nil {
		return nil, problem
	}
	b := builder{}
	if root = b.build(body, 1); b.problem != nil {
		return nil, b.problem
	}
	return root, nil
}

// parseYAML returns the body of the one document.
func parseYAML(text string) (body ast.Node, problem *Problem) {
	tokens := lexer.Tokenize(text)
	if p := checkTokens(tokens); p != nil {
		return nil, p
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, syntaxProblem(err)
	}
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if body != nil {
			return nil, problemAt(doc.Body.GetToken(), "a second document begins here", "keep one")
		}
		body = doc.Body
	}
	if body == nil {
		return nil, &Problem{Line: 1, Column: 1, Message: "the file is empty", Hint: "let `hone init` write one"}
	}
	return body, nil
}

// checkLines refuses what makes the lexer look along the same stretch again and
// again: at each < of a run of them, and at each tab of a line.
func checkLines(text string) *Problem {
	const most = 64
	run, n := strings.Repeat("<", most), 0
	for line := range strings.Lines(text) {
		n++
		if i := strings.Index(line, run); i >= 0 {
			return &Problem{Line: n, Column: 1 + utf8.RuneCountInString(line[:i]), Message: "a long run of < is not read"}
		}
		if strings.Count(line, "\t") > most {
			return &Problem{Line: n, Column: 1, Message: fmt.Sprintf("the line has more than %d tabs", most), Hint: "use spaces"}
		}
	}
	return nil
}

func invalidUTF8(text []byte) int {
	for i := 0; i < len(text); {
		r, w := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && w == 1 {
			return i
		}
		i += w
	}
	return -1
}

func problemAt(tk *token.Token, message, hint string) *Problem {
	p := &Problem{Line: 1, Column: 1, Message: message, Hint: hint}
	if tk != nil && tk.Position != nil {
		p.Line, p.Column = max(tk.Position.Line, 1), max(tk.Position.Column, 1)
	}
	return p
}

func syntaxProblem(err error) *Problem {
	var syntax yaml.Error
	if !errors.As(err, &syntax) {
		return &Problem{Line: 1, Column: 1, Message: "not YAML: " + clip(err.Error(), 200)}
	}
	hint := ""
	if tk := syntax.GetToken(); tk != nil && tk.Type == token.InvalidType {
		hint = "put the value in quotes if it is text"
	}
	message := syntax.GetMessage()
	if strings.Contains(message, "mapping value is not allowed") {
		hint = "look at the indentation, and put a value that has a colon in quotes"
	}
	if strings.Contains(message, "tab character") {
		hint = "indent with spaces"
	}
	if strings.Contains(message, "token ']' not found") || strings.Contains(message, "token '}' not found") {
		message, hint = "a bracket is opened here and never closed", ""
	}
	return problemAt(syntax.GetToken(), "not YAML: "+message, hint)
}

// checkTokens refuses what the file has no use for and what could make the
// recursive parser go too deep, before it starts.
func checkTokens(tokens token.Tokens) *Problem {
	if tk := tokens.InvalidToken(); tk != nil {
		if strings.HasPrefix(tk.Value, "\t") || strings.Contains(tk.Error, "\t") {
			return problemAt(tk, "not YAML: a tab stands where the indentation is", "indent with spaces")
		}
		return problemAt(tk, "not YAML: "+tk.Error, "put the value in quotes if it is text")
	}
	var (
		flow, count, values int
		columns             []int // Of the blocks that are open.
	)
	for _, tk := range tokens {
		if tk.Type == token.CommentType {
			continue
		}
		switch tk.Type {
		case token.StringType, token.SingleQuoteType, token.DoubleQuoteType, token.IntegerType, token.FloatType, token.BoolType, token.NullType:
			values++
		}
		if count++; count > maxTokens || values > maxNodes {
			return tooMany(tk)
		}
		col := tk.Position.Column
		switch tk.Type {
		case token.DocumentHeaderType, token.DocumentEndType:
			if count > 1 && tk.Next != nil {
				return problemAt(tk, "a second document begins here", "keep one, and take this line out")
			}
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			return problemAt(tk, "anchors, aliases and merge keys are not read", "write the value out; put text that begins with & or * in quotes")
		case token.TagType, token.DirectiveType:
			return problemAt(tk, "tags and directives are not read", "take it out; put text that begins with ! or % in quotes")
		case token.MappingKeyType:
			return problemAt(tk, "a key that begins with ? is not read", "write KEY: VALUE")
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow = max(flow-1, 0)
		case token.MappingValueType:
			if tk.Prev != nil {
				col = tk.Prev.Position.Column
			}
			fallthrough
		case token.SequenceEntryType:
			if flow > 0 {
				continue
			}
			for len(columns) > 0 && columns[len(columns)-1] >= col {
				columns = columns[:len(columns)-1]
			}
			columns = append(columns, col)
		}
		if flow+len(columns) > maxDepth {
			return tooDeep(tk)
		}
	}
	return nil
}

func tooMany(tk *token.Token) *Problem {
	return problemAt(tk, fmt.Sprintf("the file has more than %d values", maxNodes), "")
}

func tooDeep(tk *token.Token) *Problem {
	return problemAt(tk, fmt.Sprintf("the file is nested more than %d deep", maxDepth), "")
}

// builder turns the parser's tree into ours, and stops at the first problem.
type builder struct {
	nodes   int
	problem *Problem
}

func (b *builder) build(from ast.Node, depth int) *node {
	tk := from.GetToken()
	n := &node{line: 1, col: 1}
	if tk != nil && tk.Position != nil {
		n.line, n.col = max(tk.Position.Line, 1), max(tk.Position.Column, 1)
	}
	if b.nodes++; b.nodes > maxNodes && b.problem == nil {
		b.problem = tooMany(tk)
	}
	if depth > maxDepth && b.problem == nil {
		b.problem = tooDeep(tk)
	}
	if b.problem != nil {
		return n
	}
	switch x := from.(type) {
	case *ast.MappingNode:
		n.shape = mapping
		for _, v := range x.Values {
			b.pair(n, v, depth)
		}
		b.place(n, x.IsFlowStyle)
	case *ast.MappingValueNode:
		n.shape = mapping
		b.pair(n, x, depth)
		b.place(n, false)
	case *ast.SequenceNode:
		n.shape = sequence
		for _, v := range x.Values {
			n.items = append(n.items, b.build(v, depth+1))
		}
	case *ast.StringNode:
		n.text, n.quoted = x.Value, tk.Type == token.SingleQuoteType || tk.Type == token.DoubleQuoteType
	case *ast.LiteralNode:
		n.text, n.quoted = x.Value.Value, true
	case *ast.NullNode:
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		n.text = tk.Value
	default:
		b.problem = problemAt(tk, "this kind of YAML value is not read", "write plain keys, lists and values")
	}
	return n
}

// place puts a block mapping where its first key stands.
func (b *builder) place(n *node, flow bool) {
	if !flow && len(n.pairs) > 0 {
		n.line, n.col = n.pairs[0].key.line, n.pairs[0].key.col
	}
}

func (b *builder) pair(n *node, v *ast.MappingValueNode, depth int) {
	key := b.build(v.Key, depth+1)
	if b.problem == nil && key.shape != scalar {
		b.problem = problemAt(v.Key.GetToken(), "a key must be a plain name", "")
	}
	value := b.build(v.Value, depth+1)
	// A value that is not there stands where its key does.
	if _, null := v.Value.(*ast.NullNode); null && value.text == "" {
		value.line, value.col = key.line, key.col
	}
	n.pairs = append(n.pairs, pair{key, value})
}
