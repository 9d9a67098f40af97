package gbdt

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"hone/internal/frame"
)

// Marshal writes the model as LightGBM's text, version 4. LightGBM reads it and
// gives the same scores; Hone's own line, before the last one, names the fields as
// they are, where the text has no blanks in names. Equal models give equal bytes.
func (m *Model) Marshal() ([]byte, error) {
	if m.rounded {
		return nil, errors.New("write trees: a model of XGBoost is kept as XGBoost wrote it")
	}
	var b strings.Builder
	bodies := make([]string, len(m.trees))
	sizes := make([]int, len(m.trees))
	for i := range m.trees {
		bodies[i] = fmt.Sprintf("Tree=%d\n%s\n\n", i, m.trees[i].text())
		sizes[i] = len(bodies[i])
	}
	names, infos := m.plainNames(), make([]string, len(m.features))
	for i := range m.features {
		infos[i] = m.features[i].about()
	}
	fmt.Fprintf(&b, "tree\nversion=v4\nnum_class=%d\nnum_tree_per_iteration=%d\nlabel_index=0\nmax_feature_idx=%d\n",
		m.outputs, m.outputs, len(m.features)-1)
	fmt.Fprintf(&b, "objective=%s\n", m.objectiveText())
	if m.average {
		b.WriteString("average_output\n")
	}
	fmt.Fprintf(&b, "feature_names=%s\nfeature_infos=%s\ntree_sizes=%s\n\n",
		strings.Join(names, " "), strings.Join(infos, " "), list(sizes, strconv.Itoa))
	for _, body := range bodies {
		b.WriteString(body)
	}
	b.WriteString("end of trees\n\nfeature_importances:\n")
	for _, x := range m.importances() {
		fmt.Fprintf(&b, "%s=%d\n", names[x.feature], x.splits)
	}
	if err := m.writeTail(&b); err != nil {
		return nil, err
	}
	return []byte(b.String()), nil
}

// honeLine begins the line of Hone's own.
const honeLine = "hone_model:"

// own is what LightGBM's text has no place for.
type own struct {
	Schema      frame.Schema `json:"schema"`
	Options     Options      `json:"options"`
	WarmStarted bool         `json:"warm_started"`
	Loss        float64      `json:"loss"`
}

func (m *Model) writeTail(b *strings.Builder) error {
	b.WriteString("\nparameters:\n")
	options, err := json.Marshal(m.options)
	if err != nil {
		return err
	}
	var params map[string]json.RawMessage
	if err := json.Unmarshal(options, &params); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if name != "task" && name != "classes" {
			fmt.Fprintf(b, "[%s: %s]\n", name, params[name])
		}
	}
	b.WriteString("\nend of parameters\n\n")
	line, err := json.Marshal(own{m.schema, m.options, m.WarmStarted, m.Loss})
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "%s%s\n", honeLine, line)
	values := [][]string{}
	for i := range m.features {
		if m.features[i].kind == frame.Category {
			values = append(values, append([]string{}, m.features[i].values...))
		}
	}
	if line, err = json.Marshal(values); err != nil {
		return err
	}
	if len(values) == 0 {
		line = []byte("null")
	}
	fmt.Fprintf(b, "pandas_categorical:%s\n", line)
	return nil
}

func (m *Model) objectiveText() string {
	switch {
	case m.link.kind == "sigmoid" && m.outputs == 1:
		return fmt.Sprintf("binary sigmoid:%s", number(m.link.slope))
	case m.link.kind == "sigmoid":
		return fmt.Sprintf("multiclassova num_class:%d sigmoid:%s", m.outputs, number(m.link.slope))
	case m.link.kind == "softmax":
		return fmt.Sprintf("multiclass num_class:%d", m.outputs)
	case m.link.kind == "exp":
		return "poisson"
	case m.link.kind == "square":
		return "regression sqrt"
	}
	return "regression"
}

// plainNames have no blanks, and each stands once.
func (m *Model) plainNames() []string {
	names, count := make([]string, len(m.features)), map[string]int{}
	for i := range names {
		names[i] = plain(m.features[i].name)
		count[names[i]]++
	}
	for i, name := range names {
		if name == "" || count[name] > 1 {
			names[i] = "Column_" + strconv.Itoa(i)
		}
	}
	return names
}

// plain is a name as LightGBM takes it.
func plain(name string) string { return strings.Join(strings.FieldsFunc(name, unfit), "_") }

// unfit are the letters that LightGBM takes in no name.
func unfit(r rune) bool { return r <= ' ' || strings.ContainsRune(`",:[]{}=`, r) }

// about is what LightGBM's text says of a feature's values.
func (x *feature) about() string {
	if x.kind != frame.Category || len(x.values) == 0 {
		return x.info
	}
	codes := make([]int, len(x.values))
	for i := range codes {
		codes[i] = i
	}
	return strings.ReplaceAll(list(codes, strconv.Itoa), " ", ":")
}

// importance is how many splits ask for a feature.
type importance struct{ feature, splits int }

func (m *Model) importances() []importance {
	all := make([]importance, len(m.features))
	for i := range m.trees {
		for _, n := range m.trees[i].nodes {
			all[n.feature].splits++
		}
	}
	for i := range all {
		all[i].feature = i
	}
	all = slices.DeleteFunc(all, func(x importance) bool { return x.splits == 0 })
	slices.SortStableFunc(all, func(a, b importance) int { return b.splits - a.splits })
	return all
}

// text of one tree, but for its first line.
func (t *tree) text() string {
	var b strings.Builder
	line := func(name, text string) { fmt.Fprintf(&b, "%s=%s\n", name, text) }
	line("num_leaves", strconv.Itoa(len(t.values)))
	line("num_cat", strconv.Itoa(len(t.sets)))
	if len(t.nodes) > 0 {
		line("split_feature", list(t.nodes, func(n node) string { return strconv.Itoa(int(n.feature)) }))
		line("split_gain", list(t.splits, func(s measure) string { return number(s.gain) }))
		line("threshold", list(t.nodes, func(n node) string { return number(n.threshold) }))
		line("decision_type", list(t.nodes, func(n node) string { return strconv.Itoa(n.decision()) }))
		line("left_child", list(t.nodes, func(n node) string { return strconv.Itoa(int(n.children[1])) }))
		line("right_child", list(t.nodes, func(n node) string { return strconv.Itoa(int(n.children[0])) }))
	}
	line("leaf_value", list(t.values, number))
	if len(t.nodes) > 0 {
		line("leaf_weight", list(t.leaves, func(s measure) string { return number(s.weight) }))
		line("leaf_count", list(t.leaves, func(s measure) string { return strconv.Itoa(s.count) }))
		line("internal_value", list(t.splits, func(s measure) string { return number(s.value) }))
		line("internal_weight", list(t.splits, func(s measure) string { return number(s.weight) }))
		line("internal_count", list(t.splits, func(s measure) string { return strconv.Itoa(s.count) }))
	}
	if len(t.sets) > 0 {
		bounds, words := []int{0}, []uint32{}
		for _, s := range t.sets {
			words = append(words, s...)
			bounds = append(bounds, len(words))
		}
		line("cat_boundaries", list(bounds, strconv.Itoa))
		line("cat_threshold", list(words, func(w uint32) string { return strconv.FormatUint(uint64(w), 10) }))
	}
	line("is_linear", "0")
	line("shrinkage", number(t.shrink))
	return b.String()
}

// The bits of decision_type.
const (
	bitCategory    = 1
	bitDefaultLeft = 2
	shiftMissing   = 2
)

func (n node) decision() int {
	d := int(n.missing) << shiftMissing
	if n.kind == inSet {
		return d | bitCategory
	}
	return d | int(n.missingLeft)*bitDefaultLeft
}

// number writes x so that it is read back as it was.
func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

func list[T any](xs []T, text func(T) string) string {
	words := make([]string, len(xs))
	for i, x := range xs {
		words[i] = text(x)
	}
	return strings.Join(words, " ")
}
