package config

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"hone"
	"hone/internal/frame"
)

// Difference is what differs between two configurations.
type Difference struct {
	// Server are the keys that come into force when the server starts anew.
	Server []Change `json:"server,omitempty"`
	// Budget that the models share.
	Budget []Change `json:"budget,omitempty"`
	Models []Revise `json:"models,omitempty"`
}

// Same tells whether the two mean the same.
func (d Difference) Same() bool { return len(d.Server)+len(d.Budget)+len(d.Models) == 0 }

// Revise is what becomes of one model.
type Revise struct {
	Model string `json:"model"`
	// Kind is added, removed or changed.
	Kind    string   `json:"kind"`
	Changes []Change `json:"changes,omitempty"`
}

// Change is one key that differs, with its values as a file would have them: Old
// is empty for what was not there, New for what is there no more.
type Change struct {
	Path string `json:"path"`
	Old  string `json:"old,omitempty"`
	New  string `json:"new,omitempty"`
	// Effect is tighter or looser, of what a candidate or a run must pass.
	Effect string `json:"effect,omitempty"`
	// Means says what follows, where that is not plain.
	Means string `json:"means,omitempty"`
}

// Diff says how b differs from a, defaults filled in: the models by name, their
// keys in the order of the reference.
func Diff(a, b *Config) Difference {
	var d Difference
	w := walk{}
	w.object(reflect.ValueOf(a.Server), reflect.ValueOf(b.Server), "server")
	for _, c := range w.changes {
		c.Means = "It comes into force when the server is started anew with these files."
		d.Server = append(d.Server, c)
	}
	d.Budget = diffBudget(a.Budget, b.Budget)
	names := slices.Sorted(maps.Keys(a.Models))
	for name := range b.Models {
		if _, both := a.Models[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		before, was := a.Models[name]
		after, is := b.Models[name]
		switch {
		case !was:
			d.Models = append(d.Models, Revise{Model: name, Kind: "added"})
		case !is:
			d.Models = append(d.Models, Revise{Model: name, Kind: "removed"})
		default:
			w := walk{}
			w.object(reflect.ValueOf(before), reflect.ValueOf(after), "")
			for i := range w.changes {
				explain(&w.changes[i], before, after)
			}
			if w.changes != nil {
				d.Models = append(d.Models, Revise{name, "changed", w.changes})
			}
		}
	}
	return d
}

// diffBudget says how budgets differ; 0 is no cap.
func diffBudget(a, b hone.SharedBudget) []Change {
	w := walk{}
	w.object(reflect.ValueOf(a), reflect.ValueOf(b), "budget")
	for i := range w.changes {
		c := &w.changes[i]
		old, now := a.PerDay, b.PerDay
		if c.Path == "budget.per_month" {
			old, now = a.PerMonth, b.PerMonth
		}
		none := func(x float64) float64 {
			if x == 0 {
				return math.Inf(1)
			}
			return x
		}
		c.Effect = effect(none(old), none(now), false)
		c.Means = "It holds at once, for the runs of all models together."
	}
	return w.changes
}

// walk collects changes.
type walk struct{ changes []Change }

func (w *walk) add(path, old, now string) {
	if old != now {
		w.changes = append(w.changes, Change{Path: path, Old: old, New: now})
	}
}

// object compares two structs of one type, key by key.
func (w *walk) object(a, b reflect.Value, path string) {
	f := fieldsOf(a.Type())
	for _, key := range f.names {
		x, y := a.Field(f.index[key]), b.Field(f.index[key])
		name, sub := a.Type().Name()+"."+key, join(path, key)
		if reflect.DeepEqual(x.Interface(), y.Interface()) {
			continue
		}
		switch {
		case x.Type() == reflect.TypeFor[frame.Schema]():
			w.schema(x.Interface().(frame.Schema), y.Interface().(frame.Schema), sub)
		case x.Kind() == reflect.Struct:
			w.object(x, y, sub)
		case x.Kind() == reflect.Map:
			w.keys(x, y, sub, name)
		case x.Kind() == reflect.Slice && structOf(x.Type().Elem()) != nil && key != "steps":
			w.items(x, y, sub, name)
		default:
			w.add(sub, optional(x, name), optional(y, name))
		}
	}
}

func (w *walk) schema(a, b frame.Schema, path string) {
	before := len(w.changes)
	for _, f := range a {
		kind := ""
		if i := b.Index(f.Name); i >= 0 {
			kind = string(b[i].Kind)
		}
		w.add(join(path, f.Name), string(f.Kind), kind)
	}
	for _, f := range b {
		if a.Index(f.Name) < 0 {
			w.add(join(path, f.Name), "", string(f.Kind))
		}
	}
	if len(w.changes) == before { // In another order.
		w.add(path, flow(reflect.ValueOf(a), ""), flow(reflect.ValueOf(b), ""))
	}
}

// keys compares two mappings of a free form, key by key.
func (w *walk) keys(a, b reflect.Value, path, name string) {
	var all []string
	for _, m := range []reflect.Value{a, b} {
		for _, k := range m.MapKeys() {
			all = append(all, k.String())
		}
	}
	slices.Sort(all)
	at := func(m reflect.Value, key string) string {
		if v := m.MapIndex(reflect.ValueOf(key)); v.IsValid() {
			return flow(v, name)
		}
		return ""
	}
	for _, key := range slices.Compact(all) {
		w.add(join(path, key), at(a, key), at(b, key))
	}
}

// items compares two lists of mappings as sets: what is in both is passed over,
// and an item that went for one of the same kind that came is one change.
func (w *walk) items(a, b reflect.Value, path, name string) {
	var gone, came []string
	for i := range a.Len() {
		gone = append(gone, flow(a.Index(i), name))
	}
	for i := range b.Len() {
		item := flow(b.Index(i), name)
		if j := slices.Index(gone, item); j >= 0 {
			gone = slices.Delete(gone, j, j+1)
			continue
		}
		came = append(came, item)
	}
	if len(gone)+len(came) == 0 {
		w.add(path, flow(a, name), flow(b, name))
	}
	for _, old := range gone {
		now := ""
		if j := slices.IndexFunc(came, func(s string) bool { return kindOf(s) == kindOf(old) }); j >= 0 {
			now = came[j]
			came = slices.Delete(came, j, j+1)
		}
		w.add(path, old, now)
	}
	for _, now := range came {
		w.add(path, "", now)
	}
}

// kindOf is what an item of a list is about: the metric of a gate, the rule of a
// trigger.
func kindOf(item string) string {
	head, rest, _ := strings.Cut(strings.TrimPrefix(item, "{"), ": ")
	if head == "metric" {
		head, _, _ = strings.Cut(rest, ",")
	}
	return head
}

// optional writes a value, and nothing for one that is not set.
func optional(v reflect.Value, name string) string {
	if v.IsZero() && (v.Kind() == reflect.String || v.Kind() == reflect.Slice || v.Kind() == reflect.Pointer) {
		return ""
	}
	return flow(v, name)
}

// flow writes a value on one line, as a file may have it.
func flow(v reflect.Value, name string) string {
	switch x := v.Interface().(type) {
	case hone.Duration:
		return x.String()
	case hone.Bytes:
		return formatBytes(x)
	case hone.Gate:
		return gateText(x)
	case hone.Guardrail:
		return guardrailText(x)
	case hone.Price:
		return x.String()
	case frame.Schema:
		var parts []string
		for _, f := range x {
			parts = append(parts, quote(f.Name)+": "+string(f.Kind))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	switch v.Kind() {
	case reflect.Pointer:
		return flow(v.Elem(), name)
	case reflect.String:
		return quote(v.String())
	case reflect.Float64:
		return write(v.Float(), name)
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = flow(v.Index(i), name)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.Struct:
		return "{" + strings.Join(fieldsText(v), ", ") + "}"
	}
	b, err := json.Marshal(v.Interface())
	if err != nil {
		return fmt.Sprint(v.Interface())
	}
	return string(b)
}

// fieldsText writes the keys of a struct that are set.
func fieldsText(v reflect.Value) []string {
	var parts []string
	f := fieldsOf(v.Type())
	for _, key := range f.names {
		if x := v.Field(f.index[key]); !x.IsZero() {
			parts = append(parts, key+": "+flow(x, v.Type().Name()+"."+key))
		}
	}
	return parts
}

// gateText writes a gate, its bounds in the unit of its metric.
func gateText(g hone.Gate) string {
	parts := []string{"metric: " + g.Metric}
	if g.Metric == regressionTests {
		return "{regression_tests, max_failures: " + strconv.Itoa(g.MaxFailures) + "}"
	}
	for _, b := range []struct {
		key string
		at  *float64
	}{{"min_change", g.MinChange}, {"max_regression", g.MaxRegression}, {"max", g.Max}, {"min", g.Min}} {
		if b.at == nil {
			continue
		}
		text := strconv.FormatFloat(*b.at, 'g', -1, 64)
		switch g.Metric {
		case "latency_p99":
			text = hone.Duration(*b.at * float64(time.Second)).String()
		case "memory":
			text = formatBytes(hone.Bytes(*b.at))
		}
		parts = append(parts, b.key+": "+text)
	}
	if g.Slices != "" {
		parts = append(parts, "slices: "+g.Slices)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// structOf returns the struct that a type is or points to, or nil.
func structOf(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	return t
}

// effect says whether a bound that went from one value to another asks more.
func effect[T cmp.Ordered](old, now T, moreIsTighter bool) string {
	switch {
	case old == now:
		return ""
	case (now > old) == moreIsTighter:
		return "tighter"
	}
	return "looser"
}
