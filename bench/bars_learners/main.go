// Command bars_learners measures the learners that Hone brings with it, beside
// LightGBM and scikit-learn: what they cost, and how good their models are. How bars
// are kept and printed is left to package bar.
package main

import (
	"fmt"
	"os"
	"slices"

	"hone/bench/bar"
)

// bars are in the order in which they are measured and printed.
var bars = slices.Concat(treeBars, textBars, servingBars)

// lightGBM is the peer of the trees.
var lightGBM = []string{"lightgbm==4.7.0", "numpy==2.4.6"}

// commands are what the bars run of this program in processes of their own.
var commands = map[string]func(args []string) error{"fit": fitAlone, "text": textAlone}

func main() {
	if len(os.Args) > 1 && commands[os.Args[1]] != nil {
		bar.Fail(commands[os.Args[1]](os.Args[2:]))
		return
	}
	bar.Main("learners", bars)
}

// points is a share in hundredths.
func points(x float64) float64 { return 100 * x }

// fail names what a peer was asked for.
func fail(what string, err error) error { return fmt.Errorf("%s: %w", what, err) }
