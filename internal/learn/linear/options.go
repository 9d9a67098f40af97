package linear

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"hone/internal/learn/encode"

	"hone/internal/say"
)

// Task is what a model learns.
type Task string

// The tasks.
const (
	Logistic     Task = "logistic"      // Targets are 0 or 1.
	Softmax      Task = "softmax"       // Targets are the indexes of classes.
	LeastSquares Task = "least_squares" // Targets are values.
)

// Options of a fit. Defaults gives values that suit most tables.
type Options struct {
	Task Task `json:"task"`
	// Classes of a softmax; 0 takes them from the targets.
	Classes int `json:"classes,omitempty"`
	// Epochs is the most passes over the rows.
	Epochs int `json:"epochs"`
	// LearningRate is AdaGrad's first step of each weight.
	LearningRate float64 `json:"learning_rate"`
	// L2 pulls a weight towards 0 in each step that moves it.
	L2 float64 `json:"l2"`
	// L1 pulls each weight towards 0 by this much in every step since its slot was
	// met: what the gradients do not make up for ends as 0 exactly.
	L1 float64 `json:"l1,omitempty"`
	// Batch is the number of rows in a step; small data gets smaller ones.
	Batch int `json:"batch"`
	// HashBits is the logarithm of the slots of each text column, 4 to 24.
	HashBits int `json:"hash_bits"`
	// Bigrams also counts pairs of neighbouring words.
	Bigrams bool `json:"bigrams"`
	// CharsMin and CharsMax also count the pieces of a word of that many characters,
	// 2 to 8; 0 counts none.
	CharsMin int `json:"chars_min,omitempty"`
	CharsMax int `json:"chars_max,omitempty"`
	// Squares adds the square of each number.
	Squares bool `json:"squares"`
	// Interactions adds the products of all pairs of at most 12 numbers.
	Interactions bool `json:"interactions"`
	// Seed fixes the order of the rows. Equal seeds give equal models.
	Seed uint64 `json:"seed"`
}

// Defaults returns the options of a logistic fit that suit most tables.
func Defaults() Options {
	return Options{
		Task: Logistic, Epochs: 30, LearningRate: 0.1, L2: 1e-4, Batch: 32,
		HashBits: 16, Squares: true, Seed: 1,
	}
}

// OptionsFrom returns Defaults changed by params: epochs, learning_rate, l1, l2,
// batch and hash_bits are numbers, bigrams, squares and interactions are true or
// false, chars is a number or a range such as 3-5. Any other key, type or range is an error that says what would do.
func OptionsFrom(params map[string]any) (Options, error) {
	o := Defaults()
	for _, key := range slices.Sorted(maps.Keys(params)) {
		if err := o.set(key, params[key]); err != nil {
			return Options{}, err
		}
	}
	return o, nil
}

// Names are those of the params that OptionsFrom knows.
func Names() []string { return slices.Clone(keys) }

var keys = []string{"batch", "bigrams", "chars", "epochs", "hash_bits", "interactions", "l1", "l2", "learning_rate", "squares"}

func (o *Options) set(key string, v any) error {
	switch key {
	case "epochs":
		return whole(&o.Epochs, key, v, 1, 10000)
	case "batch":
		return whole(&o.Batch, key, v, 1, 1<<20)
	case "hash_bits":
		return whole(&o.HashBits, key, v, 4, 24)
	case "learning_rate":
		return real(&o.LearningRate, key, v, 1e-9, 100)
	case "l1":
		return real(&o.L1, key, v, 0, 100)
	case "l2":
		return real(&o.L2, key, v, 0, 100)
	case "chars":
		return o.setChars(v)
	case "bigrams":
		return truth(&o.Bigrams, key, v)
	case "squares":
		return truth(&o.Squares, key, v)
	case "interactions":
		return truth(&o.Interactions, key, v)
	}
	hint := "."
	if near := say.Nearest(key, keys); near != "" {
		hint = fmt.Sprintf("; did you mean %q?", near)
	}
	return fmt.Errorf("parameter %q is not known to the linear trainer%s It knows %s", key, hint, strings.Join(keys, ", "))
}

// setChars takes 3, 3-5, or 0 for none.
func (o *Options) setChars(v any) error {
	text := fmt.Sprint(v)
	if x, ok := asFloat(v); ok {
		text = strconv.FormatFloat(x, 'f', -1, 64)
	}
	least, most, ok := strings.Cut(text, "-")
	if !ok {
		most = least
	}
	from, err := strconv.Atoi(least)
	to, errTo := strconv.Atoi(most)
	if err != nil || errTo != nil || !encode.CharsFit(from, to) {
		return fmt.Errorf("parameter \"chars\" wants a whole number from 2 to 8, a range of them such as 3-5, or 0, got %v", v)
	}
	o.CharsMin, o.CharsMax = from, to
	return nil
}

func whole(to *int, key string, v any, least, most int) error {
	x, ok := asFloat(v)
	if !ok || x != math.Trunc(x) || x < float64(least) || x > float64(most) {
		return fmt.Errorf("parameter %q wants a whole number from %d to %d, got %v", key, least, most, v)
	}
	*to = int(x)
	return nil
}

func real(to *float64, key string, v any, least, most float64) error {
	x, ok := asFloat(v)
	if !ok || !(x >= least && x <= most) {
		return fmt.Errorf("parameter %q wants a number from %g to %g, got %v", key, least, most, v)
	}
	*to = x
	return nil
}

func truth(to *bool, key string, v any) error {
	x, ok := v.(bool)
	if !ok {
		return fmt.Errorf("parameter %q wants true or false, got %v", key, v)
	}
	*to = x
	return nil
}

func asFloat(v any) (float64, bool) {
	switch x := v.(type) {
	case float64:
		return x, true
	case int:
		return float64(x), true
	case int64:
		return float64(x), true
	case uint64:
		return float64(x), true
	}
	return 0, false
}

// check tells what makes the options unfit, whoever made them.
func (o Options) check() error {
	switch {
	case o.Task != Logistic && o.Task != Softmax && o.Task != LeastSquares:
		return fmt.Errorf("task %q is not known; it is %s, %s or %s", o.Task, Logistic, Softmax, LeastSquares)
	case o.Epochs < 1 || o.Batch < 1 || o.Classes < 0:
		return fmt.Errorf("epochs is %d, batch %d, classes %d; none may be less than 1", o.Epochs, o.Batch, o.Classes)
	case !(o.LearningRate > 0 && o.LearningRate <= 100) || !(o.L1 >= 0 && o.L1 <= 100) || !(o.L2 >= 0 && o.L2 <= 100):
		return fmt.Errorf("learning_rate is %g, l1 %g, l2 %g; they are from 0 to 100", o.LearningRate, o.L1, o.L2)
	case !encode.CharsFit(o.CharsMin, o.CharsMax):
		return fmt.Errorf("chars is %d to %d; both are from 2 to 8, or 0", o.CharsMin, o.CharsMax)
	}
	return nil
}
