package config

import (
	"fmt"

	"hone"
)

// mostEras bounds what candidates are asked about.
const mostEras = 20

// eras holds the eras to be told apart, and to be times.
func (c *checker) eras(all []hone.Era) {
	seen := map[string]bool{}
	for i, e := range all {
		key := fmt.Sprintf("dataset.eras[%d]", i)
		if c.failedUnder(key) {
			continue
		}
		from, end, err := e.Span()
		switch {
		case i == mostEras:
			c.fault(key, "take some out", "%d eras are too many; at most %d", len(all), mostEras)
			return
		case seen[e.Name]:
			c.fault(key+".name", "give one another name", "the era %q is there twice", clip(e.Name, 40))
		case e.Name == "" || len(e.Name) > 60 || !printable(e.Name):
			c.fault(key+".name", "", "the name of an era must have 1 to 60 characters, on one line")
		case err != nil && from.IsZero():
			c.fault(key+".from", "", "%v", err)
		case err != nil:
			c.fault(key+".to", "", "%v", err)
		case !end.After(from):
			c.fault(key+".to", "", "the era %q ends before it begins", clip(e.Name, 40))
		}
		seen[e.Name] = true
	}
}
