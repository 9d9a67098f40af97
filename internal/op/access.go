package op

import (
	"fmt"
	"slices"

	"hone"
)

// Role names a kind of work, and who does it.
type Role string

// The roles of people, then those of machines.
const (
	Viewer   Role = "viewer"
	Operator Role = "operator"
	Approver Role = "approver"
	Admin    Role = "admin"

	Predictor Role = "predictor"
	Feedback  Role = "feedback"
	Trainer   Role = "trainer"
	Agent     Role = "agent"

	// Anonymous is who comes without a token, where that is allowed. Nobody can be
	// given it.
	Anonymous Role = "anonymous"
)

// Grant says what one role may do.
type Grant struct {
	Role    Role
	Machine bool // Only a service has it.
	// May are the roles whose operations it may do.
	May      []Role
	Sentence string
}

// Grants lists the roles, first those of people.
func Grants() []Grant {
	return []Grant{
		{Role: Viewer, May: []Role{Viewer}, Sentence: "sees how every model is and why, but no single row"},
		{Role: Operator, May: []Role{Viewer, Predictor, Feedback, Operator}, Sentence: "starts, steers and rolls back runs, and sends data"},
		{Role: Approver, May: []Role{Viewer, Approver}, Sentence: "approves and refuses candidates, and rolls back; starts and steers nothing"},
		{Role: Admin, May: []Role{Viewer, Predictor, Feedback, Operator, Approver, Admin}, Sentence: "does everything, and says who else may do what"},
		{Role: Predictor, Machine: true, May: []Role{Predictor}, Sentence: "asks for predictions"},
		{Role: Feedback, Machine: true, May: []Role{Feedback}, Sentence: "logs predictions, labels and history"},
		{Role: Trainer, Machine: true, May: []Role{Trainer}, Sentence: "reads a run"},
		{Role: Agent, Machine: true, May: []Role{Viewer, Agent}, Sentence: "sees what a viewer sees, and may ask for a run, which must pass every guard and gate"},
		{Role: Anonymous, May: []Role{Viewer, Predictor, Feedback}, Sentence: "whoever comes from this machine without a token, unless `anonymous: none`"},
	}
}

var grants = func() map[Role]Grant {
	out := map[Role]Grant{}
	for _, g := range Grants() {
		out[g.Role] = g
	}
	return out
}()

// May tells whether the role may do what is another's work.
func (r Role) May(work Role) bool { return slices.Contains(grants[r].May, work) }

// Caller is who asks. The zero Caller may do nothing.
type Caller struct {
	Name    string
	Role    Role
	Service bool     // A program, not a person.
	Models  []string // The only models that it may see and touch; none means all.
	Data    bool     // It may read single rows.
}

// Sees tells whether a model is among those that the caller may see.
func (c Caller) Sees(model string) bool {
	return len(c.Models) == 0 || slices.Contains(c.Models, model)
}

// Reads tells whether the caller may read single rows.
func (c Caller) Reads() bool { return c.Data || c.Role == Admin }

// notThere answers for a model that the caller may not see as for one that is not
// there.
func notThere(model string) error {
	return &hone.Error{Code: hone.NotFound, Message: fmt.Sprintf("there is no model %q", model), Hint: "`hone status` lists the models"}
}

// May tells whether a role alone lets a caller do the operation.
func (o Operation) May(r Role) bool {
	return r.May(o.Role) || slices.Contains(o.Also, r)
}

// Allow returns what to say to a caller who may not do the operation, or nil.
func (o Operation) Allow(who Caller) error {
	var message, hint string
	switch {
	case !o.May(who.Role):
		message, hint = "needs the role "+string(o.Role), "use a token of somebody who has it: --token or $HONE_TOKEN, over HTTP Authorization: Bearer TOKEN; the owner's is in the data folder, in the file token"
	case o.Person && who.Service:
		message, hint = "is for people; "+who.Name+" is a service", "let a person look at it"
	default:
		return nil
	}
	if who.Role == Anonymous {
		return &hone.Error{Code: hone.Unknown, Message: "`" + o.Name + "` " + message, Hint: hint}
	}
	return &hone.Error{Code: hone.Denied, Message: "`" + o.Name + "` " + message, Hint: hint}
}

// reach refuses a caller who is held to some models what concerns another, or
// all of them.
func (o Operation) reach(who Caller, in any) error {
	if len(who.Models) == 0 {
		return nil
	}
	model, named := o.model(in)
	switch {
	case model != "" && !who.Sees(model):
		return notThere(model)
	case model == "" && !named && !o.Scoped:
		return &hone.Error{Code: hone.Denied, Message: "`" + o.Name + "` concerns every model, and " + who.Name + " may not see all", Hint: "use a token that is not held to some models"}
	}
	return nil
}
