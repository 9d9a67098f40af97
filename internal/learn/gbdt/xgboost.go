package gbdt

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"hone/internal/frame"
)

// UnmarshalXGBoost reads a model that XGBoost saved as JSON, of its boosters gbtree
// and dart. The schema is as for Unmarshal; categories need the names of their
// values, which XGBoost keeps from version 3.1 on. Scores differ from XGBoost's by
// the rounding of its single precision. It refuses, saying why, what could not be
// scored: a model of gblinear has no trees. What was read cannot be written as
// LightGBM's text.
func UnmarshalXGBoost(b []byte, s frame.Schema) (*Model, error) {
	m, err := readXGBoost(b, s)
	if err != nil {
		return nil, fmt.Errorf("read XGBoost model: %w", err)
	}
	return m, nil
}

// xgboost is the file as far as scores depend on it.
type xgboost struct {
	Learner struct {
		Names     []string `json:"feature_names"`
		Types     []string `json:"feature_types"`
		Objective struct {
			Name string `json:"name"`
		} `json:"objective"`
		Param struct {
			Base     string `json:"base_score"`
			Classes  string `json:"num_class"`
			Features string `json:"num_feature"`
			Targets  string `json:"num_target"`
		} `json:"learner_model_param"`
		Booster xgboostBooster `json:"gradient_booster"`
	} `json:"learner"`
}

type xgboostBooster struct {
	Name   string        `json:"name"`
	Model  *xgboostTrees `json:"model"`
	Weight []float64     `json:"weight_drop"` // Of dart, one a tree.
	Inner  *struct {
		Model *xgboostTrees `json:"model"`
	} `json:"gbtree"`
}

// trees are those of the boosters that have some, each to be taken so many times, or
// nil. A model of gblinear has none, but stands where that of gbtree would.
func (b xgboostBooster) trees() (*xgboostTrees, []float64) {
	switch {
	case b.Name == "gbtree" && b.Model != nil:
		return b.Model, slices.Repeat([]float64{1}, len(b.Model.Trees))
	case b.Name == "dart" && b.Inner != nil:
		return b.Inner.Model, b.Weight
	}
	return nil, nil
}

type xgboostTrees struct {
	Info  []int         `json:"tree_info"` // The class of each tree.
	Trees []xgboostTree `json:"trees"`
	Cats  struct {
		Enc []xgboostValues `json:"enc"`
	} `json:"cats"`
}

// xgboostValues are the names of a category's values: bytes with the ends of each,
// or numbers.
type xgboostValues struct {
	Offsets []int     `json:"offsets"`
	Values  []float64 `json:"values"`
}

type xgboostTree struct {
	Left      []int     `json:"left_children"`
	Right     []int     `json:"right_children"`
	Feature   []int     `json:"split_indices"`
	Condition []float64 `json:"split_conditions"`
	Default   []int     `json:"default_left"`
	Type      []int     `json:"split_type"`
	Gain      []float64 `json:"loss_changes"`
	Weight    []float64 `json:"sum_hessian"`
	Values    []int     `json:"categories"`
	Nodes     []int     `json:"categories_nodes"`
	Segments  []int     `json:"categories_segments"`
	Sizes     []int     `json:"categories_sizes"`
	Param     struct {
		Leaf string `json:"size_leaf_vector"`
	} `json:"tree_param"`
}

func readXGBoost(b []byte, s frame.Schema) (*Model, error) {
	var x xgboost
	if err := json.Unmarshal(b, &x); err != nil {
		return nil, fmt.Errorf("it is no JSON of XGBoost (save it under a name that ends in .json): %w", err)
	}
	l := &x.Learner
	trees, weights := l.Booster.trees()
	if trees == nil {
		return nil, fmt.Errorf("booster %q has no trees; gbtree and dart are known", l.Booster.Name)
	}
	m := &Model{options: Defaults(), rounded: true}
	if err := m.xgboostObjective(&x); err != nil {
		return nil, err
	}
	if err := m.xgboostFeatures(&x, trees, s); err != nil {
		return nil, err
	}
	if err := m.match(s); err != nil {
		return nil, err
	}
	if err := m.xgboostTrees(trees, weights); err != nil {
		return nil, err
	}
	m.forest = newForest(m.trees)
	return m, nil
}

// xgboostObjective learns what the sum of the trees stands for, and where it begins.
func (m *Model) xgboostObjective(x *xgboost) error {
	name, p := x.Learner.Objective.Name, x.Learner.Param
	classes, err := strconv.Atoi(p.Classes)
	if err != nil || classes < 0 || classes > maxClasses {
		return fmt.Errorf("num_class is %q", p.Classes)
	}
	if p.Targets != "" && p.Targets != "1" {
		return fmt.Errorf("it has %s targets; one is known", p.Targets)
	}
	m.outputs, m.options.Task = max(1, classes), LeastSquares
	margin := func(p float64) float64 { return p }
	switch name {
	case "binary:logistic", "reg:logistic":
		m.options.Task, m.link = Logistic, link{"sigmoid", 1}
		margin = func(p float64) float64 { return math.Log(p / (1 - p)) }
	case "multi:softprob", "multi:softmax":
		m.options.Task, m.options.Classes, m.link = Softmax, classes, link{kind: "softmax"}
	case "count:poisson", "reg:gamma", "reg:tweedie":
		m.link, margin = link{kind: "exp"}, math.Log
	case "reg:squarederror", "reg:squaredlogerror", "reg:absoluteerror", "reg:pseudohubererror", "reg:quantileerror",
		"binary:logitraw", "rank:ndcg", "rank:map", "rank:pairwise":
		m.link = link{kind: "identity"}
	default:
		return fmt.Errorf("objective %q is not known", name)
	}
	if (m.options.Task == Softmax) != (m.outputs > 1) {
		return fmt.Errorf("objective %q with num_class %d", name, classes)
	}
	bases := strings.Split(strings.Trim(p.Base, "[]"), ",")
	if len(bases) != 1 && len(bases) != m.outputs {
		return fmt.Errorf("base_score is %q", p.Base)
	}
	for c := range m.outputs {
		base, err := strconv.ParseFloat(strings.TrimSpace(bases[min(c, len(bases)-1)]), 64)
		start := margin(base)
		if err != nil || math.IsNaN(start) || math.IsInf(start, 0) {
			return fmt.Errorf("base_score is %q", p.Base)
		}
		m.start = append(m.start, start)
	}
	return nil
}

// xgboostFeatures learns the features and the values of the categories.
func (m *Model) xgboostFeatures(x *xgboost, trees *xgboostTrees, s frame.Schema) error {
	l := &x.Learner
	n, err := strconv.Atoi(l.Param.Features)
	if err != nil || n < 1 || n > maxFeatures {
		return fmt.Errorf("num_feature is %q", l.Param.Features)
	}
	for i := range n {
		f := feature{name: "f" + strconv.Itoa(i), kind: frame.Number, column: i, info: "none"}
		if len(l.Names) == n {
			f.name = l.Names[i]
		} else if len(l.Names) == 0 && len(s) == n {
			f.name = s[i].Name // Without names the order tells.
		}
		if len(trees.Cats.Enc) == n && len(trees.Cats.Enc[i].Values) > 0 {
			f.kind = frame.Category
			if f.values, err = trees.Cats.Enc[i].names(); err != nil {
				return fmt.Errorf("feature %q: %w", f.name, err)
			}
		} else if at := s.Index(f.name); at >= 0 && s[at].Kind == frame.Category {
			return fmt.Errorf("feature %q is a category, and the model does not name its values: save it with XGBoost 3.1 or later", f.name)
		}
		f.index()
		m.features = append(m.features, f)
	}
	return nil
}

func (v xgboostValues) names() ([]string, error) {
	var out []string
	if len(v.Offsets) == 0 {
		for _, x := range v.Values {
			out = append(out, frame.FormatNumber(x))
		}
		return out, nil
	}
	text := make([]byte, len(v.Values))
	for i, x := range v.Values {
		// XGBoost 3.2 counts letters where it should count bytes, and so loses some.
		if x != math.Trunc(x) || x < 0 || x > 127 {
			return nil, errors.New("XGBoost does not save names of values whole that are not ASCII: train with other names, or with codes")
		}
		text[i] = byte(x)
	}
	for i := range v.Offsets[1:] {
		from, to := v.Offsets[i], v.Offsets[i+1]
		if from < 0 || to < from || to > len(text) {
			return nil, errors.New("the values of a category end outside their text")
		}
		out = append(out, string(text[from:to]))
	}
	return out, nil
}

// xgboostTrees puts the trees in the order in which their answers are added: those of
// one iteration together, one for each class.
func (m *Model) xgboostTrees(x *xgboostTrees, weights []float64) error {
	if len(x.Info) != len(x.Trees) || len(x.Trees) > maxTrees || len(weights) != len(x.Trees) {
		return fmt.Errorf("there are %d trees with %d classes and %d weights", len(x.Trees), len(x.Info), len(weights))
	}
	byClass := make([][]tree, m.outputs)
	for i := range x.Trees {
		if c := x.Info[i]; c < 0 || c >= m.outputs {
			return fmt.Errorf("tree %d is of class %d", i, c)
		}
		t, err := m.xgboostTree(&x.Trees[i])
		if err != nil {
			return fmt.Errorf("tree %d: %w", i, err)
		}
		for leaf := range t.values {
			t.values[leaf] *= weights[i]
		}
		byClass[x.Info[i]] = append(byClass[x.Info[i]], t)
	}
	for i := range byClass[0] {
		for c := range byClass {
			if len(byClass[c]) != len(byClass[0]) {
				return fmt.Errorf("class 0 has %d trees, and class %d %d", len(byClass[0]), c, len(byClass[c]))
			}
			m.trees = append(m.trees, byClass[c][i])
		}
	}
	return nil
}

// xgboostTree lays the nodes out anew: XGBoost leaves holes where it has pruned.
func (m *Model) xgboostTree(x *xgboostTree) (tree, error) {
	n := len(x.Left)
	if n > 2*maxLeaves {
		return tree{}, fmt.Errorf("it has %d nodes; at most %d are read", n, 2*maxLeaves)
	}
	for _, l := range []int{len(x.Right), len(x.Feature), len(x.Condition), len(x.Default)} {
		if l != n || n == 0 {
			return tree{}, errors.New("it is cut short")
		}
	}
	if x.Param.Leaf != "" && x.Param.Leaf != "0" && x.Param.Leaf != "1" {
		return tree{}, fmt.Errorf("its leaves have %s answers", x.Param.Leaf)
	}
	g := planter{x: x, m: m, sets: map[int][]uint32{}}
	if err := g.readSets(); err != nil {
		return tree{}, err
	}
	if _, err := g.plant(0); err != nil {
		return tree{}, err
	}
	return g.t, nil
}

// planter follows a tree of XGBoost from its root.
type planter struct {
	x    *xgboostTree
	m    *Model
	t    tree
	sets map[int][]uint32 // By node.
	seen int
}

func (g *planter) readSets() error {
	x := g.x
	if len(x.Segments) != len(x.Nodes) || len(x.Sizes) != len(x.Nodes) {
		return errors.New("its sets of categories are cut short")
	}
	for i, at := range x.Nodes {
		from, n := x.Segments[i], x.Sizes[i]
		if from < 0 || n < 0 || from > len(x.Values) || n > len(x.Values)-from {
			return errors.New("its sets of categories are cut short")
		}
		var set []uint32
		for _, c := range x.Values[from : from+n] {
			if c < 0 || c >= 1<<24 {
				return fmt.Errorf("category %d is not known", c)
			}
			for len(set) <= c/32 {
				set = append(set, 0)
			}
			set[c/32] |= 1 << (c % 32)
		}
		g.sets[at] = set
	}
	return nil
}

// plant adds what hangs below a node, and returns its place: that of a leaf as ^leaf.
func (g *planter) plant(at int) (int32, error) {
	x := g.x
	if g.seen++; at < 0 || at >= len(x.Left) || g.seen > len(x.Left) {
		return 0, errors.New("its nodes are no tree")
	}
	if x.Left[at] < 0 {
		if v := x.Condition[at]; math.IsNaN(v) || math.IsInf(v, 0) {
			return 0, fmt.Errorf("leaf %d answers %v", at, v)
		}
		g.t.values = append(g.t.values, x.Condition[at])
		g.t.leaves = append(g.t.leaves, measure{value: x.Condition[at]})
		return ^int32(len(g.t.values) - 1), nil
	}
	n, err := g.node(at)
	if err != nil {
		return 0, err
	}
	place := int32(len(g.t.nodes))
	g.t.nodes = append(g.t.nodes, n)
	g.t.splits = append(g.t.splits, measure{})
	left, err := g.plant(x.Left[at])
	if err != nil {
		return 0, err
	}
	right, err := g.plant(x.Right[at])
	if err != nil {
		return 0, err
	}
	children := [2]int32{right, left}
	if n.kind == inSet { // XGBoost sends what is in the set to the right.
		children = [2]int32{left, right}
	}
	g.t.nodes[place].children = children
	return place, nil
}

func (g *planter) node(at int) (node, error) {
	x := g.x
	n := node{feature: int32(x.Feature[at]), missing: missingNaN, missingLeft: flag(x.Default[at] != 0)}
	if x.Feature[at] < 0 || x.Feature[at] >= len(g.m.features) {
		return n, fmt.Errorf("node %d asks for feature %d", at, x.Feature[at])
	}
	if at < len(x.Type) && x.Type[at] == 1 {
		n.kind, n.set = inSet, int32(len(g.t.sets))
		n.missingLeft = 1 - n.missingLeft
		g.t.sets = append(g.t.sets, g.sets[at])
		return n, nil
	}
	// XGBoost asks for less, in single precision: at most what comes just before.
	n.threshold = float64(math.Nextafter32(float32(x.Condition[at]), float32(math.Inf(-1))))
	return n, nil
}
