// Package op declares every operation of Hone once: its name, where it stands
// in REST, what it takes and gives, who may do it, and its help. The faces (web,
// cli) are made from these declarations; what the operations do is left to the
// loop and the store.
package op

import (
	"context"
	"reflect"

	"hone"
)

// Role is what a principal may do. Each role may do what those before it may.
type Role string

// The roles, from least to most.
const (
	Viewer   Role = "viewer"   // Reads.
	Feedback Role = "feedback" // Also sends predictions, labels and history.
	Operator Role = "operator" // Also starts, steers and rolls back runs.
	Approver Role = "approver" // Also approves and refuses candidates.
	Admin    Role = "admin"    // Everything.
)

var ranks = map[Role]int{Viewer: 1, Feedback: 2, Operator: 3, Approver: 4, Admin: 5}

// May tells whether a role is enough for what needs another.
func (r Role) May(need Role) bool { return ranks[r] >= ranks[need] && ranks[need] > 0 }

// Caller is who asks.
type Caller struct {
	Name string
	Role Role
}

// Operation is one thing that Hone does for whoever asks. Fields of In that are
// tagged `path` stand in the URL, `query` behind it, the others in the body, where
// one that is tagged `arg:"path"` is an argument of the command all the same, the
// path of a file; the tag `help` is their documentation.
type Operation struct {
	Name    string // As a command, words apart: "audit verify".
	Method  string
	Path    string
	Role    Role
	Summary string // One line, lower case.
	Help    string // More, if it needs more.
	Example string // A command that works.
	In, Out reflect.Type
	call    func(ctx context.Context, s *Service, who Caller, in any) (any, error)
}

// Call does the operation. In is a pointer to a value of o.In; the answer is a
// value of o.Out.
func (o Operation) Call(ctx context.Context, s *Service, who Caller, in any) (any, error) {
	if !who.Role.May(o.Role) {
		return nil, &hone.Error{Code: hone.Denied, Message: "`" + o.Name + "` needs the role " + string(o.Role),
			Hint: "use a token of somebody who has it: --token or $HONE_TOKEN, over HTTP Authorization: Bearer TOKEN; the owner's is in the data folder, in the file token"}
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
	out = append(out, runs()...)
	out = append(out, acts()...)
	out = append(out, events()...)
	out = append(out, data()...)
	out = append(out, records()...)
	out = append(out, vault()...)
	out = append(out, configs()...)
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
