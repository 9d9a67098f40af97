package gbdt

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"hone/internal/frame"
)

// maxFeatures of a model that is read, and maxTrees.
const (
	maxFeatures = 1 << 16
	maxTrees    = 1 << 20
)

// Unmarshal reads LightGBM's text, of versions 3 and 4, whoever wrote it: Marshal,
// or LightGBM, also with categories of pandas. The schema says which fields the rows
// have: every feature of the model must be one, a category of pandas by that kind.
// Nil takes the fields from the text: a category is then what pandas made one, and
// all else a number. It refuses, saying why, what is cut short, linear trees, and
// what could not be scored.
func Unmarshal(b []byte, s frame.Schema) (*Model, error) {
	m, err := read(string(b), s)
	if err != nil {
		return nil, fmt.Errorf("read trees: %w", err)
	}
	return m, nil
}

func read(text string, s frame.Schema) (*Model, error) {
	head, rest, ok := strings.Cut(text, "\nTree=")
	if !ok {
		head, rest, ok = strings.Cut(text, "\nend of trees")
		if !ok {
			return nil, errors.New("this is no text of LightGBM, or it is cut short: there are no trees")
		}
		rest = "\nend of trees" + rest
	}
	trees, tail, ok := strings.Cut(rest, "\nend of trees")
	if !ok {
		return nil, errors.New("the text is cut short: its trees do not end")
	}
	m := &Model{}
	if err := m.readHead(head); err != nil {
		return nil, err
	}
	if err := m.readTail(tail, s); err != nil {
		return nil, err
	}
	for i, body := range strings.Split(trees, "\nTree=") {
		if strings.TrimSpace(body) == "" {
			continue
		}
		if len(m.trees) >= maxTrees {
			return nil, fmt.Errorf("there are more than %d trees", maxTrees)
		}
		t, err := readTree(body, len(m.features))
		if err != nil {
			return nil, fmt.Errorf("tree %d: %w", i, err)
		}
		m.trees = append(m.trees, t)
	}
	if len(m.trees)%m.outputs != 0 {
		return nil, fmt.Errorf("there are %d trees for %d classes", len(m.trees), m.outputs)
	}
	m.forest = newForest(m.trees)
	return m, nil
}

// fields of some lines, each name=value. A line without = has an empty value.
func fields(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		out[name] = value
	}
	return out
}

func (m *Model) readHead(head string) error {
	f := fields(head)
	if _, ok := f["tree"]; !ok {
		return errors.New("this is no text of LightGBM: it does not begin with tree")
	}
	if v := f["version"]; v != "v4" && v != "v3" {
		return fmt.Errorf("its version is %q; v3 and v4 are known", v)
	}
	classes, err := strconv.Atoi(f["num_class"])
	if err != nil || classes < 1 || classes > maxClasses {
		return fmt.Errorf("num_class is %q", f["num_class"])
	}
	if each := f["num_tree_per_iteration"]; each != f["num_class"] {
		return fmt.Errorf("num_tree_per_iteration is %q, and num_class %d", each, classes)
	}
	m.outputs = classes
	names := strings.Fields(f["feature_names"])
	if n, err := strconv.Atoi(f["max_feature_idx"]); err != nil || n != len(names)-1 || n >= maxFeatures {
		return fmt.Errorf("max_feature_idx is %q, and there are %d names of features", f["max_feature_idx"], len(names))
	}
	infos := strings.Fields(f["feature_infos"])
	m.features = make([]feature, len(names))
	for i, name := range names {
		m.features[i] = feature{name: name, kind: frame.Number, column: i, info: "none"}
		if len(infos) == len(names) {
			m.features[i].info = infos[i]
		}
	}
	_, m.average = f["average_output"]
	return m.readObjective(f["objective"])
}

// readObjective learns what the sum of the trees stands for.
func (m *Model) readObjective(text string) error {
	m.options, m.link.slope = Defaults(), 1
	m.options.Task, m.link.kind = LeastSquares, "identity"
	words := strings.Fields(text)
	name := ""
	if len(words) > 0 {
		name, words = words[0], words[1:]
	}
	for _, w := range words {
		if slope, ok := strings.CutPrefix(w, "sigmoid:"); ok {
			x, err := strconv.ParseFloat(slope, 64)
			if err != nil || !(x > 0 && x < 1e6) {
				return fmt.Errorf("objective %q has no sigmoid", text)
			}
			m.link.slope = x
		}
	}
	switch name {
	case "binary", "cross_entropy", "xentropy":
		m.options.Task, m.link.kind = Logistic, "sigmoid"
	case "multiclass", "softmax":
		m.options.Task, m.link = Softmax, link{kind: "softmax"}
	case "multiclassova", "ova", "multiclass_ova", "ovr":
		m.options.Task, m.link.kind = Softmax, "sigmoid"
	case "poisson", "gamma", "tweedie":
		m.link = link{kind: "exp"}
	case "regression", "regression_l2", "mean_squared_error", "mse", "l2":
		m.link = link{kind: "identity"}
		if slices.Contains(words, "sqrt") {
			m.link.kind = "square"
		}
	case "regression_l1", "huber", "fair", "quantile", "mape", "lambdarank", "rank_xendcg":
		m.link = link{kind: "identity"}
	default:
		return fmt.Errorf("objective %q is not known", text)
	}
	if m.options.Task != Softmax && m.outputs > 1 || m.options.Task == Softmax && m.outputs < 2 {
		return fmt.Errorf("objective %q with num_class %d", text, m.outputs)
	}
	if m.options.Task == Softmax {
		m.options.Classes = m.outputs
	}
	return nil
}

// readTail reads what stands after the trees: parameters, Hone's own line, and the
// categories of pandas.
func (m *Model) readTail(tail string, s frame.Schema) error {
	var mine *own
	categories := [][]any{}
	for line := range strings.Lines(tail) {
		line = strings.TrimSpace(line)
		if text, ok := strings.CutPrefix(line, honeLine); ok {
			mine = new(own)
			if err := json.Unmarshal([]byte(text), mine); err != nil {
				return fmt.Errorf("%s %w", honeLine, err)
			}
		} else if text, ok := strings.CutPrefix(line, "pandas_categorical:"); ok {
			if err := json.Unmarshal([]byte(text), &categories); err != nil {
				return fmt.Errorf("pandas_categorical: %w", err)
			}
		} else if name, value, ok := strings.Cut(strings.Trim(line, "[]"), ": "); ok && strings.HasPrefix(line, "[") {
			m.readParameter(name, value)
		}
	}
	if mine != nil {
		if err := m.readOwn(mine); err != nil {
			return err
		}
	} else {
		m.readKinds(len(categories))
	}
	if err := m.readCategories(categories, s); err != nil {
		return err
	}
	return m.match(s)
}

// readOwn takes the fields as they were named when the model was fitted.
func (m *Model) readOwn(mine *own) error {
	o := mine.Options
	if err := o.check(); err != nil {
		return err
	}
	if o.Task != m.options.Task || len(mine.Schema) != len(m.features) {
		return fmt.Errorf("%s its task or its features are not those of the text", honeLine)
	}
	o.Classes = m.options.Classes
	m.options, m.WarmStarted, m.Loss = o, mine.WarmStarted, mine.Loss
	for i, f := range mine.Schema {
		if f.Kind != frame.Number && f.Kind != frame.Category && f.Kind != frame.Text {
			return fmt.Errorf("%s kind %q of %q is not known", honeLine, f.Kind, f.Name)
		}
		m.features[i].name, m.features[i].kind = f.Name, f.Kind
	}
	return nil
}

// readParameter keeps what a later fit may begin from. One that is not fit for use
// is passed over: scores do not depend on it.
func (m *Model) readParameter(name, value string) {
	if name == "categorical_feature" {
		for _, at := range strings.Split(value, ",") {
			if i, err := strconv.Atoi(at); err == nil && i >= 0 && i < len(m.features) {
				m.features[i].kind = frame.Category
			}
		}
		return
	}
	if name == "max_depth" && value == "-1" {
		value = "0"
	}
	var x any
	if json.Unmarshal([]byte(value), &x) != nil {
		return
	}
	if _, ok := x.(float64); !ok || name == "seed" {
		return
	}
	line, err := json.Marshal(map[string]any{name: x})
	if err != nil {
		return
	}
	o := m.options
	if json.Unmarshal(line, &o) == nil && o.check() == nil {
		m.options = o
	}
}

// readKinds tells which features are categories of pandas: all that the text calls
// categories, where there are as many of these as there are lists of values.
func (m *Model) readKinds(lists int) {
	n := 0
	for i := range m.features {
		if m.features[i].kind == frame.Category {
			n++
		}
	}
	if n == lists {
		return
	}
	for i := range m.features {
		m.features[i].kind = frame.Number // Codes, as they were learned.
	}
}

// readCategories gives each category its values, in the order of the features. The
// schema says which these are, where there is one.
func (m *Model) readCategories(lists [][]any, s frame.Schema) error {
	for i := range m.features {
		x := &m.features[i]
		if at := s.Index(x.name); at >= 0 && len(lists) > 0 {
			x.kind = s[at].Kind
		}
		if x.kind != frame.Category {
			continue
		}
		if len(lists) == 0 {
			return fmt.Errorf("feature %q is a category, and the text has no values for it", x.name)
		}
		values := make([]string, len(lists[0]))
		for c, v := range lists[0] {
			var err error
			if values[c], err = category(v); err != nil {
				return fmt.Errorf("feature %q: %w", x.name, err)
			}
		}
		lists = lists[1:]
		x.values = values
		x.index()
	}
	if len(lists) > 0 {
		return fmt.Errorf("the text has values of %d categories more than there are features of that kind", len(lists))
	}
	return nil
}

// category is a value of pandas as rows have it.
func category(v any) (string, error) {
	switch x := v.(type) {
	case string:
		return x, nil
	case float64:
		return frame.FormatNumber(x), nil
	case bool:
		return strconv.FormatBool(x), nil
	}
	return "", fmt.Errorf("a category's value is %v; it is a string, a number, true or false", v)
}

// match finds each feature among the fields of the rows.
func (m *Model) match(s frame.Schema) error {
	if s == nil {
		for i := range m.features {
			x := &m.features[i]
			x.column = i
			m.schema = append(m.schema, frame.Field{Name: x.name, Kind: x.kind})
		}
		return nil
	}
	m.schema = slices.Clone(s)
	for i := range m.features {
		x := &m.features[i]
		x.column = s.Index(x.name)
		if x.column < 0 {
			// LightGBM writes names without blanks.
			x.column = slices.IndexFunc(s, func(f frame.Field) bool { return plain(f.Name) == x.name })
		}
		if x.column < 0 {
			return fmt.Errorf("the rows have no feature %q, which the model asks for", x.name)
		}
		if k := s[x.column].Kind; k != x.kind {
			return fmt.Errorf("feature %q is a %s of the model and a %s of the rows", x.name, x.kind, k)
		}
	}
	return nil
}
