package stat

import (
	"errors"
	"slices"
)

// Counts counts the values of a window on the bins of one profile. Counts of
// the same profile add exactly, in any order, so hours sum to days and replicas
// to a fleet. A zero value, or one read from JSON, can be merged, added to
// another and compared; to count on from it, merge it into a fresh Window.
// It is not safe for use by several goroutines.
type Counts struct {
	Bins    []int  `json:"bins"`    // Values in each fine bin of the profile.
	Missing int    `json:"missing"` // Values that were missing.
	On      uint32 `json:"on"`      // Names the bins: counters with another number do not merge.
	// Beyond is how far the values outside the reference's range lie outside it,
	// summed, in 1024ths of the reference's standard deviation.
	Beyond int64 `json:"beyond,omitempty"`

	profile *Profile
	find    *finder
	step    float64
	index   map[string]int
}

var errOtherBins = errors.New("merge counts: they were counted on another profile's bins")

// AddNumber counts one number. NaN and infinities are missing, and so is any
// number where the profile is one of names. It does not allocate.
func (c *Counts) AddNumber(x float64) {
	if x-x != 0 || c.profile.Kind == kindNames {
		c.Missing++
		return
	}
	c.Bins[c.find.bin(x)]++
	if x < c.find.min || x > c.find.max {
		c.addBeyond(x)
	}
}

// AddName counts one name. The empty name is missing, and so is any name where
// the profile is one of numbers. It does not allocate.
func (c *Counts) AddName(s string) {
	if s == "" || c.index == nil {
		c.Missing++
		return
	}
	i, ok := c.index[s]
	if !ok {
		i = len(c.Bins) - 1
	}
	c.Bins[i]++
}

// Merge adds what o counted. It fails, and adds nothing, where o was counted on
// other bins. A zero Counts takes over the bins of what is merged first.
func (c *Counts) Merge(o *Counts) error {
	if o == nil || o.Bins == nil {
		return nil
	}
	if c.Bins == nil {
		*c = Counts{Bins: slices.Clone(o.Bins), Missing: c.Missing + o.Missing, On: o.On, Beyond: o.Beyond, profile: o.profile, find: o.find, step: o.step, index: o.index}
		return nil
	}
	if c.On != o.On || len(c.Bins) != len(o.Bins) {
		return errOtherBins
	}
	for i, n := range o.Bins {
		c.Bins[i] += n
	}
	c.Missing += o.Missing
	c.Beyond = min(mostBeyond, c.Beyond+o.Beyond)
	return nil
}

// N is how many values were counted, the missing ones not included.
func (c *Counts) N() int { return total(c.Bins) }

func total(bins []int) int {
	n := 0
	for _, b := range bins {
		n += b
	}
	return n
}
