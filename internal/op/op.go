// Package op declares every operation of Hone once: its name, where it stands
// in REST, what it takes and gives, who may do it, and its help. The faces (web,
// cli) are made from these declarations; what the operations do is left to the
// loop and the store.
package op

import (
	"context"
	"reflect"
)

// Operation is one thing that Hone does for whoever asks. Fields of In that are
// tagged `path` stand in the URL, `query` behind it, the others in the body, where
// one that is tagged `arg:"path"` is an argument of the command all the same, the
// path of a file; `arg:"optional"` is one that may be left out; the tag `help` is their documentation.
type Operation struct {
	Name    string // As a command, words apart: "audit verify".
	Method  string
	Path    string
	Role    Role   // Whose work it is; see Roles for who else may do it.
	Also    []Role // Others who may.
	Person  bool   // Only a person may, never a program.
	Scoped  bool   // It looks itself which models the caller may see; one that does not, and names no model, is closed to who may not see all.
	Summary string // One line, lower case.
	Help    string // More, if it needs more.
	Example string // A command that works.
	In, Out reflect.Type
	call    func(ctx context.Context, s *Service, who Caller, in any) (any, error)
}

// Call does the operation. In is a pointer to a value of o.In; the answer is a
// value of o.Out.
func (o Operation) Call(ctx context.Context, s *Service, who Caller, in any) (any, error) {
	if err := o.Allow(who); err != nil {
		return nil, err
	}
	if err := o.reach(who, in); err != nil {
		return nil, err
	}
	return o.call(ctx, s, who, in)
}

// define declares an operation by its function.
func define[I, O any](o Operation, f func(ctx context.Context, s *Service, who Caller, in I) (O, error)) Operation {
	o.In, o.Out = reflect.TypeFor[I](), reflect.TypeFor[O]()
	o.call = func(ctx context.Context, s *Service, who Caller, in any) (any, error) {
		return f(ctx, s, who, *in.(*I))
	}
	return o
}

// All lists every operation, in the order of the help.
func All() []Operation {
	var out []Operation
	out = append(out, models()...)
	out = append(out, weights())
	out = append(out, runs()...)
	out = append(out, acts()...)
	out = append(out, report())
	out = append(out, events()...)
	out = append(out, labels())
	out = append(out, backtests())
	out = append(out, data()...)
	out = append(out, records()...)
	out = append(out, vault()...)
	out = append(out, configs()...)
	out = append(out, principals()...)
	return out
}

// Find returns the operation of a name.
func Find(name string) (Operation, bool) {
	for _, o := range All() {
		if o.Name == name {
			return o, true
		}
	}
	return Operation{}, false
}

// model is the model that an input names, and whether its place is in the path.
func (o Operation) model(in any) (name string, required bool) {
	v := reflect.ValueOf(in).Elem()
	for i := range o.In.NumField() {
		tag := o.In.Field(i).Tag
		if tag.Get("path") == "model" || tag.Get("query") == "model" {
			return v.Field(i).String(), tag.Get("path") == "model"
		}
	}
	return "", false
}
