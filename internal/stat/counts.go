package stat

import (
	"errors"
	"maps"
	"slices"
	"strings"
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
	// New counts names that the reference never saw, 20 of them at most, where it
	// is known which it saw.
	New map[string]int `json:"new,omitempty"`

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

// maxNew is how many new names are kept: more are told by how many came.
const maxNew = 20

// AddName counts one name. The empty name is missing, and so is any name where
// the profile is one of numbers. It allocates for new names only.
func (c *Counts) AddName(s string) {
	if s == "" || c.index == nil {
		c.Missing++
		return
	}
	i, ok := c.index[s]
	if !ok {
		i = len(c.Bins) - 1
		if c.profile.Known {
			c.meet(s, 1)
		}
	}
	c.Bins[i]++
}

// meet counts a name that has no place in the reference.
func (c *Counts) meet(name string, n int) {
	if c.New == nil {
		c.New = map[string]int{}
	}
	if _, ok := c.New[name]; ok {
		c.New[name] += n
	} else if len(c.New) < maxNew {
		c.New[strings.Clone(name)] = n
	}
}

// Merge adds what o counted. It fails, and adds nothing, where o was counted on
// other bins. A zero Counts takes over the bins of what is merged first.
func (c *Counts) Merge(o *Counts) error {
	if o == nil || o.Bins == nil {
		return nil
	}
	if c.Bins == nil {
		*c = Counts{Bins: slices.Clone(o.Bins), Missing: c.Missing + o.Missing, On: o.On, New: maps.Clone(o.New), Beyond: o.Beyond, profile: o.profile, find: o.find, step: o.step, index: o.index}
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
	for _, name := range slices.Sorted(maps.Keys(o.New)) {
		c.meet(name, o.New[name])
	}
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
