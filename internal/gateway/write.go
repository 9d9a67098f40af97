package gateway

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"hone"
)

// checkOutputs refuses outputs that the task does not have.
func (in *inferRequest) checkOutputs(task hone.Task) error {
	known := []string{"score", "class", "prediction_id", "version"}
	if task == hone.Regression {
		known = []string{"value", "prediction_id", "version"}
	}
	for _, name := range in.outputs {
		if !slices.Contains(known, name) {
			return &hone.Error{Code: hone.Invalid, Message: "there is no output " + quote(name), Hint: "the outputs are " + strings.Join(known, ", ")}
		}
	}
	return nil
}

// wants tells whether an output is part of the answer.
func (in *inferRequest) wants(name string, unasked bool) bool {
	if len(in.outputs) == 0 {
		return unasked
	}
	return slices.Contains(in.outputs, name)
}

// appendInfer writes an answer of the Open Inference Protocol.
func appendInfer(b []byte, model string, in *inferRequest, out served) []byte {
	as := out.answers
	b = append(b, `{"model_name":`...)
	b = appendText(b, model)
	b = append(b, `,"model_version":`...)
	b = appendText(b, string(as[0].Version))
	if in.id != "" {
		b = append(b, `,"id":`...)
		b = appendText(b, in.id)
	}
	b = append(b, `,"outputs":[`...)
	start := len(b)
	if as[0].Classes == nil {
		if in.wants("value", true) {
			b = appendScores(b, "value", as)
		}
	} else {
		if in.wants("score", true) {
			b = appendScores(b, "score", as)
		}
		if in.wants("class", true) {
			b = appendTexts(b, "class", as, func(a *Answer) string { return a.Answer })
		}
	}
	if in.wants("prediction_id", len(as) > 1 || out.made) {
		b = appendTexts(b, "prediction_id", as, func(a *Answer) string { return string(a.ID) })
	}
	mixed := slices.ContainsFunc(as, func(a Answer) bool { return a.Version != as[0].Version })
	if in.wants("version", mixed) {
		b = appendTexts(b, "version", as, func(a *Answer) string { return string(a.Version) })
	}
	if len(b) > start {
		b = b[:len(b)-1] // The comma after the last one.
	}
	return append(b, "]}\n"...)
}

// appendScores writes the scores: one a row, or one a class where there are
// several, named in the output's parameters. Versions need not know the same
// classes: one that a row's version does not know scores 0.
func appendScores(b []byte, name string, as []Answer) []byte {
	b = append(b, `{"name":"`...)
	b = append(b, name...)
	b = append(b, `","datatype":"FP64","shape":[`...)
	b = strconv.AppendInt(b, int64(len(as)), 10)
	if single(as) {
		b = append(b, `],"data":[`...)
		for i := range as {
			b = appendNumber(b, as[i].Scores[0])
			b = append(b, ',')
		}
		b[len(b)-1] = ']'
		return append(b, "},"...)
	}
	classes := classesOf(as)
	b = append(b, ',')
	b = strconv.AppendInt(b, int64(len(classes)), 10)
	b = append(b, `],"parameters":{"classes":[`...)
	for _, c := range classes {
		b = append(appendText(b, c), ',')
	}
	b[len(b)-1] = ']'
	b = append(b, `},"data":[`...)
	for i := range as {
		b = appendByClass(b, classes, &as[i])
	}
	b[len(b)-1] = ']'
	return append(b, "},"...)
}

// single tells that each row has one score: a value, or the probability of the
// positive class.
func single(as []Answer) bool {
	return as[0].Classes == nil || len(as[0].Scores) == 1 && len(as[0].Classes) == 2
}

// classesOf are the classes that the versions of the rows know, those of the first
// row in their order, then others.
func classesOf(as []Answer) []string {
	classes := as[0].Classes
	for i := range as {
		if slices.Equal(as[i].Classes, as[0].Classes) {
			continue
		}
		for _, c := range as[i].Classes {
			if !slices.Contains(classes, c) {
				classes = append(slices.Clip(classes), c)
			}
		}
	}
	return classes
}

func appendByClass(b []byte, classes []string, a *Answer) []byte {
	same := slices.Equal(classes, a.Classes)
	for k, c := range classes {
		b = append(appendNumber(b, a.of(k, c, same)), ',')
	}
	return b
}

// of is the score of a class, 0 where the row's version does not know it. Same tells
// that the version's classes are in the order in which k counts.
func (a *Answer) of(k int, class string, same bool) float64 {
	if same {
		return a.Scores[k]
	}
	if at := slices.Index(a.Classes, class); at >= 0 {
		return a.Scores[at]
	}
	return 0
}

func appendTexts(b []byte, name string, as []Answer, of func(*Answer) string) []byte {
	b = append(b, `{"name":"`...)
	b = append(b, name...)
	b = append(b, `","datatype":"BYTES","shape":[`...)
	b = strconv.AppendInt(b, int64(len(as)), 10)
	b = append(b, `],"data":[`...)
	for i := range as {
		b = append(appendText(b, of(&as[i])), ',')
	}
	b[len(b)-1] = ']'
	return append(b, "},"...)
}

// appendShort writes one answer of the short form.
func appendShort(b []byte, a *Answer) []byte {
	b = append(b, `{"prediction_id":`...)
	b = appendText(b, string(a.ID))
	b = append(b, `,"version":`...)
	b = appendText(b, string(a.Version))
	b = append(b, `,"route":`...)
	b = appendText(b, string(a.Route))
	b = append(b, `,"answer":`...)
	b = appendText(b, a.Answer)
	switch {
	case a.Classes == nil:
		b = append(b, `,"value":`...)
		b = appendNumber(b, a.Scores[0])
	case len(a.Scores) == len(a.Classes):
		b = append(b, `,"scores":{`...)
		for k, c := range a.Classes {
			b = append(appendText(b, c), ':')
			b = append(appendNumber(b, a.Scores[k]), ',')
		}
		b[len(b)-1] = '}'
	default:
		b = append(b, `,"score":`...)
		b = appendNumber(b, a.Scores[0])
	}
	return append(b, '}')
}

// appendNumber writes a finite number as JSON does.
func appendNumber(b []byte, x float64) []byte {
	if x == math.Trunc(x) && math.Abs(x) < 1<<53 {
		return strconv.AppendInt(b, int64(x), 10)
	}
	return strconv.AppendFloat(b, x, 'g', -1, 64)
}

// appendText writes a JSON string.
func appendText(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				b = append(append(b, s[from:i]...), "\uFFFD"...)
				from = i + 1
			}
			i += n
			continue
		}
		i++
		if c >= ' ' && c != '"' && c != '\\' && c != 0x7f {
			continue
		}
		b = append(b, s[from:i-1]...)
		from = i
		if c == '"' || c == '\\' {
			b = append(b, '\\', c)
		} else {
			b = append(b, `\u00`...)
			b = append(b, hex[c>>4], hex[c&15])
		}
	}
	return append(append(b, s[from:]...), '"')
}
