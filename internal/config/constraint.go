package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"hone"
	"hone/internal/frame"
)

// constraints reads what features must be like, by name.
func (d *decoder) constraints(n *node, out *map[string]hone.Constraint, path string) {
	if !d.want(n, mapping, path, "{amount: {min: 0}}") {
		return
	}
	*out = map[string]hone.Constraint{}
	for _, p := range n.pairs {
		name, sub := p.key.text, join(path, p.key.text)
		if _, twice := (*out)[name]; twice {
			d.fail(p.key, path, "keep one", "the key %q is there twice", clip(name, 40))
			continue
		}
		// A name that is no feature is reported where it stands.
		d.places[sub] = place{p.key, p.key}
		var c hone.Constraint
		d.value(p.value, reflect.ValueOf(&c).Elem(), sub, "Constraint")
		(*out)[name] = c
	}
}

// validation holds what is wanted of features, and of checks, against the rest.
func (c *checker) validation() {
	v := c.m.Validation
	for _, f := range slices.Sorted(maps.Keys(v.Features)) {
		key := "validation.features." + f
		if c.failedUnder(key) {
			continue
		}
		if kind, ok := c.feature(f, key); ok && kind != "" {
			c.constraint(v.Features[f], kind, f, key)
		}
	}
	in := map[string]string{}
	for _, list := range []struct {
		key   string
		names []string
	}{{"block", v.Block}, {"ask", v.Ask}, {"warn", v.Warn}, {"off", v.Off}} {
		for i, name := range list.names {
			key := fmt.Sprintf("validation.%s[%d]", list.key, i)
			if at, twice := in[name]; twice && name != "" {
				c.fault(key, "keep one", "the check %s is in validation.%s already", name, at)
			}
			in[name] = list.key
		}
	}
}

func (c *checker) constraint(want hone.Constraint, kind frame.Kind, feature, key string) {
	bounds := want.Min != nil || want.Max != nil
	switch {
	case bounds && kind != frame.Number:
		c.fault(key, "only a number has min and max", "%q is a %s", feature, kind)
	case len(want.Categories) > 0 && kind != frame.Category:
		c.fault(key, "only a category has categories", "%q is a %s", feature, kind)
	case want.Min != nil && want.Max != nil && *want.Min > *want.Max:
		c.fault(key, "", "min is more than max")
	case want.Required && want.MaxMissing != nil:
		c.fault(key, "keep one of them", "a required feature has no max_missing")
	case !bounds && len(want.Categories) == 0 && !want.Required && want.MaxMissing == nil:
		c.fault(key, "add required, min, max, categories or max_missing", "%q has no constraint", feature)
	}
}
