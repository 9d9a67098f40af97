package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"hone"
	"hone/internal/frame"
	"hone/internal/say"
)

// decoder fills the structs from the tree and collects what is wrong. It goes
// on after a problem, so that one reading finds them all.
type decoder struct {
	problems Errors
	// places of keys and values by path, for what is checked once all is read.
	places map[string]place
	// zeros are the fields that the file sets to nothing in so many words: a
	// default must not overwrite them.
	zeros []reflect.Value
	// metric is that of the gate being read; the unit of its numbers depends on it.
	metric string
	// anchors are the files that gates name as regression tests.
	anchors []*node
	// elsewhere is set where there are models in files of their own.
	elsewhere bool
	// hidden are the lines that no message may show: a secret may stand there.
	hidden map[int]bool
}

type place struct{ key, value *node }

func newDecoder() *decoder { return &decoder{places: map[string]place{}, hidden: map[int]bool{}} }

func (d *decoder) fail(n *node, path, hint, format string, args ...any) {
	d.problems = append(d.problems, Problem{
		Line: n.line, Column: n.col, Path: path, Hint: hint, Message: fmt.Sprintf(format, args...),
	})
}

// failAt places a problem by its path: at the value, or where the nearest key
// above it stands if the file does not have it.
func (d *decoder) failAt(path, hint, format string, args ...any) {
	at := &node{line: 1, col: 1}
	for p, first := path, true; ; first = false {
		if found, ok := d.places[p]; ok {
			at = found.value
			if !first && found.key != nil {
				at = found.key
			}
			break
		}
		i := strings.LastIndexAny(p, ".[")
		if i < 0 {
			break
		}
		p = p[:i]
	}
	d.fail(at, path, hint, format, args...)
}

// failKey places a problem at a key that the file has.
func (d *decoder) failKey(path, hint, format string, args ...any) {
	d.fail(d.places[path].key, path, hint, format, args...)
}

// problemsAt returns what was found wrong with a key or below it.
func (d *decoder) problemsAt(path string) (out Errors) {
	for _, p := range d.problems {
		if rest, ok := strings.CutPrefix(p.Path, path); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			out = append(out, p)
		}
	}
	return out
}

func (d *decoder) has(path string) bool {
	_, ok := d.places[path]
	return ok
}

// config reads the whole file and fills in the defaults.
func (d *decoder) config(root *node) *Config {
	c := &Config{}
	d.places[""] = place{nil, root}
	d.object(root, reflect.ValueOf(c).Elem(), "")
	if d.has("version") && c.Version != 1 && len(d.problemsAt("version")) == 0 {
		d.failAt("version", "write version: 1", "the format version %d is not one that this Hone reads", c.Version)
	}
	or(&c.Server.Listen, "127.0.0.1:8420")
	or(&c.Server.Data, "hone-data")
	if f := c.Server.fault(); f != nil && len(d.problemsAt("server."+f.key)) == 0 {
		d.failAt("server."+f.key, f.hint, "%s", f.message)
	}
	if !d.has("server.reserve") {
		c.Server.Reserve = 64 << 20
	}
	or(&c.Server.Spool, 1<<30)
	or(&c.Server.Anonymous, c.Server.anonymous())
	return c
}

// value reads n into v. The name is Type.key, which the rules go by.
func (d *decoder) value(n *node, v reflect.Value, path, name string) {
	if n.isNull() {
		d.fail(n, path, "give it one, or take the key out", "%s has no value", last(path))
		return
	}
	switch p := v.Addr().Interface().(type) {
	case *frame.Schema:
		d.schema(n, p, path)
		return
	case *hone.Loss:
		d.loss(n, p, path)
		return
	case *hone.LabelSpec:
		if n.shape == scalar {
			d.places[path+".name"] = place{nil, n}
			d.str(n, reflect.ValueOf(&p.Name).Elem(), path, "LabelSpec.name")
			return
		}
	case *hone.Trigger:
		d.trigger(n, p, path)
		return
	case *hone.Gate:
		d.gate(n, p, path)
		return
	case *hone.Guardrail:
		d.guardrail(n, p, path)
		return
	case *hone.RecoverableLoss:
		if n.shape == scalar {
			d.value(n, reflect.ValueOf(&p.RetrainCost).Elem(), path, "RecoverableLoss.retrain_cost")
			return
		}
	case *hone.Price:
		if n.shape == scalar && !n.quoted && n.text == hone.AutoPrice.String() {
			*p = hone.AutoPrice
			return
		}
	case *hone.Search:
		if n.shape == scalar {
			d.places[path+".trials"] = place{nil, n}
			d.scalar(n, reflect.ValueOf(&p.Trials).Elem(), path, "Search.trials")
			return
		}
	case *hone.Schedule:
		if n.shape == scalar {
			d.places[path+".cron"] = place{nil, n}
			d.str(n, reflect.ValueOf(&p.Cron).Elem(), path, "Schedule.cron")
			return
		}
	case *hone.EventTrigger:
		if n.shape == scalar {
			d.places[path+".type"] = place{nil, n}
			d.str(n, reflect.ValueOf(&p.Type).Elem(), path, "EventTrigger.type")
			return
		}
	case *map[string]hone.Model:
		d.models(n, p, path)
		return
	case *map[string]hone.Metric:
		d.owned(n, p, path)
		return
	case *map[string]hone.Secret:
		d.secrets(n, p, path, name == "Upstream.headers")
		return
	case *hone.Secret:
		d.hide(n)
		*p = d.secret(n, last(path), path)
		return
	case *map[string]hone.Constraint:
		d.constraints(n, p, path)
		return
	case *map[string]any:
		if d.want(n, mapping, path, "{alpha: 0.1}") {
			*p, _ = d.free(n, path).(map[string]any)
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.object(n, v, path)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), path, name)
	case reflect.Slice:
		d.list(n, v, path, name)
	default:
		d.scalar(n, v, path, name)
	}
}

// want tells whether n has the shape, and says what is wanted if it has not.
func (d *decoder) want(n *node, s shape, path, example string) bool {
	if n.shape == s {
		return true
	}
	what := map[shape]string{scalar: "a single value", mapping: "a mapping", sequence: "a list"}[s]
	hint := ""
	if example != "" {
		hint = "write " + example
	}
	d.fail(n, path, hint, "%s wants %s, not %s", last(path), what, n.says())
	return false
}

// object reads a mapping into a struct, by the yaml tags of its fields.
func (d *decoder) object(n *node, v reflect.Value, path string) {
	if !d.want(n, mapping, path, "") {
		return
	}
	typ := v.Type()
	fields := fieldsOf(typ)
	seen := map[string]bool{}
	for _, p := range n.pairs {
		key := p.key.text
		name, sub := typ.Name()+"."+key, join(path, key)
		i, known := fields.index[key]
		switch {
		case !known:
			d.unknownKey(p.key, typ, fields.names, path)
			continue
		case seen[key]:
			d.fail(p.key, path, "keep one", "the key %q is there twice", key)
			continue
		}
		seen[key] = true
		d.places[sub] = place{p.key, p.value}
		d.value(p.value, v.Field(i), sub, name)
	}
	for _, key := range fields.names {
		if rules[typ.Name()+"."+key].required && !seen[key] && !(d.elsewhere && typ == reflect.TypeFor[Config]() && key == "models") {
			d.failAt(join(path, key), "add it", "the key %q is missing", key)
		}
	}
}

type fields struct {
	names []string
	index map[string]int
}

func fieldsOf(t reflect.Type) fields {
	f := fields{index: map[string]int{}}
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("yaml"); key != "" && key != "-" {
			f.names = append(f.names, key)
			f.index[key] = i
		}
	}
	return f
}

func (d *decoder) unknownKey(key *node, t reflect.Type, names []string, path string) {
	if why, ok := absent[t.Name()+"."+key.text]; ok {
		d.fail(key, path, why, "the key %q is not supported", key.text)
		return
	}
	hint := ""
	if near := say.Nearest(key.text, names); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	} else if at := findKey(reflect.TypeFor[hone.Model](), key.text, modelOf(path), 0); at != "" {
		hint = "it belongs at " + at
	} else {
		hint = "known: " + strings.Join(names, ", ")
	}
	d.fail(key, path, hint, "unknown key %q", clip(key.text, 40))
}

// modelOf returns the part of a path that leads to its model.
func modelOf(path string) string {
	if parts := strings.SplitN(path, ".", 3); len(parts) > 1 && parts[0] == "models" {
		return parts[0] + "." + parts[1]
	}
	return "models.NAME"
}

// findKey returns where in the tree below t a key stands, or "".
func findKey(t reflect.Type, key, path string, depth int) string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || depth > 4 || t == reflect.TypeFor[frame.Field]() {
		return ""
	}
	f := fieldsOf(t)
	if _, ok := f.index[key]; ok {
		return join(path, key)
	}
	for _, k := range f.names {
		if at := findKey(t.Field(f.index[k]).Type, key, join(path, k), depth+1); at != "" {
			return at
		}
	}
	return ""
}

func (d *decoder) list(n *node, v reflect.Value, path, name string) {
	example := rules[name].example
	if example == "" {
		example = "it as a list, each item after a dash"
	}
	if !d.want(n, sequence, path, example) {
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
	for i, item := range n.items {
		sub := path + "[" + strconv.Itoa(i) + "]"
		d.places[sub] = place{item, item}
		d.value(item, out.Index(i), sub, name)
	}
	v.Set(out)
}

// models reads the models by name, each with its own defaults.
func (d *decoder) models(n *node, out *map[string]hone.Model, path string) {
	if !d.want(n, mapping, path, "the models by name") {
		return
	}
	if len(n.pairs) == 0 && !d.elsewhere {
		d.fail(n, path, "add one, or let `hone init` write it", "there is no model")
	}
	*out = map[string]hone.Model{}
	for _, p := range n.pairs {
		name := p.key.text
		sub := join(path, name)
		if _, twice := (*out)[name]; twice {
			d.fail(p.key, path, "give one another name", "the model %q is there twice", name)
			continue
		}
		d.places[sub] = place{p.key, p.value}
		(*out)[name] = d.model(p.key, p.value, sub)
	}
}

// model reads the settings of one model.
func (d *decoder) model(key, value *node, path string) hone.Model {
	m := hone.Model{Name: key.text}
	checkName(d, key, "models")
	if value.isNull() {
		d.fail(key, path, "", "the model %q has no settings; it wants task, features and label", key.text)
	} else if d.zeros, d.anchors = nil, nil; d.want(value, mapping, path, "its settings") {
		d.object(value, reflect.ValueOf(&m).Elem(), path)
		d.finish(&m, path)
	}
	return m
}

// finish checks what was read and fills in what was not.
func (d *decoder) finish(m *hone.Model, path string) {
	for _, n := range d.anchors {
		if m.Dataset.Anchor != "" && m.Dataset.Anchor != n.text {
			d.fail(n, path+".gates", "name one file", "regression_tests names %q, another anchor file is %q", n.text, m.Dataset.Anchor)
			continue
		}
		m.Dataset.Anchor = n.text
	}
	written := *m
	Defaults(m)
	for _, v := range d.zeros {
		v.SetZero()
	}
	c := checker{decoder: d, m: m, path: path}
	c.steps(written.Rollout)
	c.model()
}

// free reads a trainer's own parameters: text, numbers, booleans, lists and
// mappings of them, as they would be in JSON.
func (d *decoder) free(n *node, path string) any {
	switch n.shape {
	case mapping:
		out := map[string]any{}
		for _, p := range n.pairs {
			if _, twice := out[p.key.text]; twice {
				d.fail(p.key, path, "keep one", "the key %q is there twice", p.key.text)
			}
			sub := join(path, p.key.text)
			d.places[sub] = place{p.key, p.value}
			out[p.key.text] = d.free(p.value, sub)
		}
		return out
	case sequence:
		out := make([]any, len(n.items))
		for i, item := range n.items {
			out[i] = d.free(item, path+"["+strconv.Itoa(i)+"]")
		}
		return out
	}
	if n.isNull() {
		return nil
	}
	if !n.quoted {
		if b, ok := parseBool(n.text); ok {
			return b
		}
		if x, ok := parseNumber(n.text); ok {
			return x
		}
	}
	return n.text
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// last is the last key of a path, without its index.
func last(path string) string {
	if path == "" {
		return "the file"
	}
	s := path[strings.LastIndexByte(path, '.')+1:]
	if i := strings.IndexByte(s, '['); i > 0 {
		return "an item of " + s[:i]
	}
	return s
}
