package validate

import (
	"fmt"
	"math"
	"slices"

	"hone"
	"hone/internal/frame"
)

// slips is the share of rows that may break a constraint before it ends the run:
// one slip of a sender must not stop every training.
const slips = 0.01

// constraints holds the rows against what the owner wants of the features.
func constraints(spec hone.ValidationSpec, f *frame.Frame) (out []finding) {
	for i, field := range f.Schema {
		want, ok := spec.Features[field.Name]
		if !ok || f.N == 0 {
			continue
		}
		for _, b := range broken(want, field, f.Cols[i]) {
			b.rule, b.about, b.level = "constraint", field.Name, hone.Warns
			if b.value > b.limit {
				b.level = hone.Blocks
			}
			out = append(out, b)
		}
	}
	return out
}

// broken lists the wishes for one feature that are not met.
func broken(want hone.Constraint, field frame.Field, col frame.Column) (out []finding) {
	missing, wrong, example, n := look(want, col)
	share := func(k int) float64 { return float64(k) / float64(n) }
	switch most := want.MaxMissing; {
	case most != nil && share(missing) > *most:
		out = append(out, finding{value: share(missing), limit: *most,
			sentence: fmt.Sprintf("%s is missing in %s of the rows; max_missing is %s.", field.Name, percent(share(missing)), percent(*most))})
	case most == nil && want.Required && missing > 0:
		out = append(out, finding{value: share(missing), limit: slips,
			sentence: fmt.Sprintf("%s is missing in %d rows; it is required.", field.Name, missing)})
	}
	if wrong > 0 {
		what := fmt.Sprintf("%q, which is not one of its %d categories", clip(example), len(want.Categories))
		if field.Kind == frame.Number {
			what = example + ", " + bounds(want)
		}
		out = append(out, finding{value: share(wrong), limit: slips,
			sentence: fmt.Sprintf("%s has %d values that it may not have, such as %s.", field.Name, wrong, what)})
	}
	return out
}

// look counts the missing values and those that are not allowed.
func look(want hone.Constraint, col frame.Column) (missing, wrong int, example string, n int) {
	for _, x := range col.Num {
		switch {
		case x-x != 0:
			missing++
		case want.Min != nil && x < *want.Min, want.Max != nil && x > *want.Max:
			if wrong++; wrong == 1 {
				example = frame.FormatNumber(x)
			}
		}
	}
	for _, v := range col.Str {
		switch {
		case v == "":
			missing++
		case len(want.Categories) > 0 && !slices.Contains(want.Categories, v):
			if wrong++; wrong == 1 {
				example = v
			}
		}
	}
	return missing, wrong, example, max(len(col.Num), len(col.Str))
}

func bounds(c hone.Constraint) string {
	low, high := math.Inf(-1), math.Inf(1)
	if c.Min != nil {
		low = *c.Min
	}
	if c.Max != nil {
		high = *c.Max
	}
	switch {
	case c.Max == nil:
		return fmt.Sprintf("under min %v", low)
	case c.Min == nil:
		return fmt.Sprintf("over max %v", high)
	}
	return fmt.Sprintf("outside %v to %v", low, high)
}
