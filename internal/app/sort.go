package app

import (
	"cmp"
	"maps"
	"slices"
)

// byCount lists the keys, the most frequent first, equal ones by name.
func byCount(count map[string]int) []string {
	return slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b))
	})
}
