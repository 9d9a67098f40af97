package gbdt

import "fmt"

// Task is what a model learns.
type Task string

// The tasks.
const (
	Logistic     Task = "logistic"      // Targets are 0 or 1.
	Softmax      Task = "softmax"       // Targets are the indexes of classes.
	LeastSquares Task = "least_squares" // Targets are values.
)

// Options of a fit, under LightGBM's names. Defaults gives values that suit most
// tables, and are LightGBM's.
type Options struct {
	Task Task `json:"task"`
	// Classes of a softmax; 0 takes them from the targets.
	Classes int `json:"classes,omitempty"`
	// Iterations is the most trees, of a softmax the most for each class.
	Iterations int `json:"num_iterations"`
	// Leaves is the most leaves of a tree; they grow where they help most.
	Leaves int `json:"num_leaves"`
	// Depth is the most splits between the root and a leaf; 0 sets no bound.
	Depth int `json:"max_depth"`
	// LearningRate is the share of each tree's answer that is taken.
	LearningRate float64 `json:"learning_rate"`
	// MinRows and MinHessian are the least that a leaf holds: rows, and the sum of
	// the second derivatives of their loss.
	MinRows    int     `json:"min_data_in_leaf"`
	MinHessian float64 `json:"min_sum_hessian_in_leaf"`
	// MinGain is the least by which a split lowers the loss.
	MinGain float64 `json:"min_gain_to_split"`
	// L1 and L2 pull the answers of leaves towards 0.
	L1 float64 `json:"lambda_l1"`
	L2 float64 `json:"lambda_l2"`
	// Bins is the most into which the values of a feature are put, 2 to 255; those
	// that are missing have one more.
	Bins int `json:"max_bin"`
	// RowFraction of the rows, drawn anew every RowEvery iterations, grows a tree; 0
	// iterations draws none.
	RowFraction float64 `json:"bagging_fraction"`
	RowEvery    int     `json:"bagging_freq"`
	// ColumnFraction of the features, drawn for each tree, grows it.
	ColumnFraction float64 `json:"feature_fraction"`
	// EarlyStopping ends the fit after so many iterations without a better loss on
	// the rows held out, and takes these away; 0 never does.
	EarlyStopping int `json:"early_stopping_round"`
	// CatSmooth and CatL2 temper categories of few rows; CatOneHot is the most values
	// that are split one against the others, CatValues the most that a split names,
	// and CatRows the least rows of a group of values.
	CatSmooth float64 `json:"cat_smooth"`
	CatL2     float64 `json:"cat_l2"`
	CatOneHot int     `json:"max_cat_to_onehot"`
	CatValues int     `json:"max_cat_threshold"`
	CatRows   int     `json:"min_data_per_group"`
	// Threads that grow a tree; fewer than 1 is 1. The model does not depend on it.
	Threads int `json:"-"`
	// Seed fixes what is drawn. Equal seeds give equal models.
	Seed uint64 `json:"seed"`
}

// Defaults returns the options of a logistic fit that suit most tables.
func Defaults() Options {
	return Options{
		Task: Logistic, Iterations: 100, Leaves: 31, LearningRate: 0.1, MinRows: 20, MinHessian: 1e-3,
		Bins: 255, RowFraction: 1, ColumnFraction: 1,
		CatSmooth: 10, CatL2: 10, CatOneHot: 4, CatValues: 32, CatRows: 100, Seed: 1,
	}
}

const (
	maxLeaves     = 1 << 15
	maxIterations = 1 << 20
	maxClasses    = 1 << 10
)

// check tells what makes the options unfit, whoever made them.
func (o Options) check() error {
	type number struct {
		name        string
		x, from, to float64
	}
	if o.Task != Logistic && o.Task != Softmax && o.Task != LeastSquares {
		return fmt.Errorf("task %q is not known; it is %s, %s or %s", o.Task, Logistic, Softmax, LeastSquares)
	}
	for _, n := range []number{
		{"classes", float64(o.Classes), 0, maxClasses},
		{"num_iterations", float64(o.Iterations), 1, maxIterations},
		{"num_leaves", float64(o.Leaves), 2, maxLeaves},
		{"max_depth", float64(o.Depth), 0, maxLeaves},
		{"learning_rate", o.LearningRate, 1e-9, 10},
		{"min_data_in_leaf", float64(o.MinRows), 0, 1e9},
		{"min_sum_hessian_in_leaf", o.MinHessian, 0, 1e12},
		{"min_gain_to_split", o.MinGain, 0, 1e12},
		{"lambda_l1", o.L1, 0, 1e12},
		{"lambda_l2", o.L2, 0, 1e12},
		{"max_bin", float64(o.Bins), 2, 255},
		{"bagging_fraction", o.RowFraction, 1e-6, 1},
		{"bagging_freq", float64(o.RowEvery), 0, maxIterations},
		{"feature_fraction", o.ColumnFraction, 1e-6, 1},
		{"early_stopping_round", float64(o.EarlyStopping), 0, maxIterations},
		{"cat_smooth", o.CatSmooth, 0, 1e12},
		{"cat_l2", o.CatL2, 0, 1e12},
		{"max_cat_to_onehot", float64(o.CatOneHot), 1, 255},
		{"max_cat_threshold", float64(o.CatValues), 1, 255},
		{"min_data_per_group", float64(o.CatRows), 1, 1e9},
	} {
		if !(n.x >= n.from && n.x <= n.to) {
			return fmt.Errorf("%s is %g; it is from %g to %g", n.name, n.x, n.from, n.to)
		}
	}
	return nil
}
