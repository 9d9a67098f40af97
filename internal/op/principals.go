package op

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"hone"
)

// People keeps who has a token.
type People interface {
	Principals() []hone.Principal
	Commit(ctx context.Context, fence hone.Fence, c hone.Change) (hone.Event, error)
}

// Owner is the principal that the first start makes.
const Owner = "owner"

// PrincipalList is everybody who has or had a token.
type PrincipalList struct {
	Principals []hone.Principal `json:"principals"`
}

// PrincipalIn names a principal.
type PrincipalIn struct {
	Name string `json:"-" path:"principal" help:"the principal's name"`
}

// AddIn asks for a principal.
type AddIn struct {
	Name    string        `json:"-" path:"principal" help:"the principal's name"`
	Role    Role          `json:"role" help:"viewer, operator, approver or admin; for a service also predictor, feedback, trainer or agent"`
	Kind    string        `json:"kind,omitempty" help:"person or service (default: service for a machine's role, else person); a service never approves"`
	Models  []string      `json:"models,omitempty" help:"the only models that it may see and touch, several with commas between them (default: all)"`
	Expires hone.Duration `json:"expires,omitempty" help:"how long its token is good: 90d (default: until it is revoked)"`
	Data    bool          `json:"data,omitempty" help:"let it read single rows: features, labels, feedback"`
}

// Token is a new token, which is told this once.
type Token struct {
	Principal hone.Principal `json:"principal"`
	Token     string         `json:"token"`
	Sentence  string         `json:"sentence"`
}

// Revoked says whose token was ended.
type Revoked struct {
	Principal hone.Principal `json:"principal"`
	Sentence  string         `json:"sentence"`
}

func principals() []Operation {
	return []Operation{
		define(Operation{Name: "principals", Method: "GET", Path: "/api/v1/principals", Role: Admin,
			Summary: "list who has a token, what it may do, and when it came last", Example: "hone principals"},
			func(_ context.Context, s *Service, _ Caller, _ Nothing) (PrincipalList, error) {
				return PrincipalList{Principals: s.People.Principals()}, nil
			}),
		define(Operation{Name: "principal add", Method: "POST", Path: "/api/v1/principals/{principal}", Role: Admin, Person: true,
			Summary: "give somebody, or a program, a token, which is shown once",
			Help:    "The guide people.md says what each role may do. A name is never used twice, so that the audit chain knows who.",
			Example: "hone principal add ada --role approver --expires 90d"}, addPrincipal),
		define(Operation{Name: "principal revoke", Method: "POST", Path: "/api/v1/principals/{principal}/revoke", Role: Admin,
			Summary: "end a principal's token at once, for good", Example: "hone principal revoke ada"}, revokePrincipal),
		define(Operation{Name: "principal rotate", Method: "POST", Path: "/api/v1/principals/{principal}/rotate", Role: Admin, Person: true,
			Summary: "give a principal a new token in place of the old one", Help: "A token that expires gets the same length of time again.", Example: "hone principal rotate ada"}, rotatePrincipal),
	}
}

// NewToken draws a token of 256 bits. Its beginning is for those who look for
// secrets in what should hold none.
func NewToken(rand io.Reader) (token, sha256Hex string, err error) {
	var raw [32]byte
	if _, err := io.ReadFull(rand, raw[:]); err != nil {
		return "", "", fmt.Errorf("draw a token: %w", err)
	}
	token = "hone_" + hex.EncodeToString(raw[:])
	sum := sha256.Sum256([]byte(token))
	return token, hex.EncodeToString(sum[:]), nil
}

var principalName = regexp.MustCompile(`^[a-z0-9][a-z0-9._@-]{0,62}$`)

func (s *Service) principal(name string) (hone.Principal, error) {
	for _, p := range s.People.Principals() {
		if p.Name == name {
			return p, nil
		}
	}
	return hone.Principal{}, &hone.Error{Code: hone.NotFound, Message: fmt.Sprintf("there is no principal %q", name), Hint: "`hone principals` lists them"}
}

func addPrincipal(ctx context.Context, s *Service, who Caller, in AddIn) (Token, error) {
	s.people.Lock()
	defer s.people.Unlock()
	if !principalName.MatchString(in.Name) || in.Name == "hone" || in.Name == string(Anonymous) {
		return Token{}, &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%.70q cannot be a principal's name", in.Name),
			Hint: "use 1 to 63 lower-case letters, digits, ., _, @ and -; hone and anonymous are taken"}
	}
	if _, err := s.principal(in.Name); err == nil {
		return Token{}, &hone.Error{Code: hone.Conflict, Message: in.Name + " is a principal already, or was one",
			Hint: "`hone principal rotate " + in.Name + "` gives a new token; or choose another name"}
	}
	p, err := in.principal(s)
	if err != nil {
		return Token{}, err
	}
	may := []string{"as " + p.Role}
	if len(p.Models) > 0 {
		may = append(may, "for "+strings.Join(p.Models, ", "))
	}
	if !p.Expires.IsZero() {
		may = append(may, "until "+clockTime(p.Expires))
	}
	if p.Data {
		may = append(may, "who may read single rows")
	}
	return s.token(ctx, who, p, "principal.added", fmt.Sprintf("%s let %s in, %s.", who.Name, p.Name, strings.Join(may, ", ")))
}

// principal is what the input asks for, held against the roles and models that
// there are.
func (in AddIn) principal(s *Service) (hone.Principal, error) {
	bad := func(hint, format string, args ...any) (hone.Principal, error) {
		return hone.Principal{}, &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf(format, args...), Hint: hint}
	}
	g, ok := grants[in.Role]
	if !ok || in.Role == Anonymous {
		var names []string
		for _, g := range Grants() {
			if g.Role != Anonymous {
				names = append(names, string(g.Role))
			}
		}
		if in.Role == "" {
			return bad("name one of "+strings.Join(names, ", "), "%s is given no role", in.Name)
		}
		return bad("it is one of "+strings.Join(names, ", "), "%.40q is no role", in.Role)
	}
	switch {
	case in.Kind == "" && g.Machine:
		in.Kind = "service"
	case in.Kind == "":
		in.Kind = "person"
	case in.Kind != "person" && in.Kind != "service":
		return bad("it is person or service", "%.40q is no kind of principal", in.Kind)
	}
	switch {
	case g.Machine && in.Kind == "person":
		return bad("give a person viewer, operator, approver or admin", "the role %s is a machine's", in.Role)
	case in.Role == Approver && in.Kind == "service":
		return bad("let a person approve", "a service never approves")
	case in.Data && !in.Role.May(Viewer):
		return bad("leave out data", "the role %s reads nothing", in.Role)
	case in.Role == Admin && len(in.Models) > 0:
		return bad("leave out models, or give the role operator", "an admin is not held to some models")
	}
	in.Models = strings.FieldsFunc(strings.Join(in.Models, ","), func(r rune) bool { return r == ',' })
	for _, m := range in.Models {
		if _, ok := s.Loop.Model(m); !ok {
			return hone.Principal{}, notThere(m)
		}
	}
	now := s.Clock.Now().UTC()
	p := hone.Principal{Name: in.Name, Role: string(in.Role), Kind: in.Kind, Models: slices.Compact(slices.Sorted(slices.Values(in.Models))), Data: in.Data, Created: now}
	if in.Expires > 0 {
		p.Expires = now.Add(time.Duration(in.Expires))
	}
	return p, nil
}

// token gives a principal a new token, and records who did.
func (s *Service) token(ctx context.Context, who Caller, p hone.Principal, action, sentence string) (Token, error) {
	token, sum, err := NewToken(s.Rand)
	if err != nil {
		return Token{}, err
	}
	p.Token = sum
	if err := s.savePrincipal(ctx, who, p, action, sentence); err != nil {
		return Token{}, err
	}
	return Token{Principal: p, Token: token, Sentence: sentence + " This is its token; nothing keeps it, and it is not shown again."}, nil
}

func (s *Service) savePrincipal(ctx context.Context, who Caller, p hone.Principal, action, sentence string) error {
	_, err := s.People.Commit(ctx, s.Fence, hone.Change{Principal: &p, Event: hone.Event{Actor: who.Name, Action: action, Sentence: sentence, Data: marshal(p)}})
	return err
}

func revokePrincipal(ctx context.Context, s *Service, who Caller, in PrincipalIn) (Revoked, error) {
	s.people.Lock()
	defer s.people.Unlock()
	p, err := s.principal(in.Name)
	if err != nil {
		return Revoked{}, err
	}
	if !p.Revoked.IsZero() {
		return Revoked{Principal: p, Sentence: p.Name + " was revoked at " + clockTime(p.Revoked) + "."}, nil
	}
	p.Revoked = s.Clock.Now().UTC()
	out := Revoked{Principal: p, Sentence: fmt.Sprintf("%s revoked %s, whose token is good no more.", who.Name, p.Name)}
	return out, s.savePrincipal(ctx, who, p, "principal.revoked", out.Sentence)
}

func rotatePrincipal(ctx context.Context, s *Service, who Caller, in PrincipalIn) (Token, error) {
	s.people.Lock()
	defer s.people.Unlock()
	p, err := s.principal(in.Name)
	switch {
	case err != nil:
		return Token{}, err
	case !p.Revoked.IsZero():
		return Token{}, &hone.Error{Code: hone.Conflict, Message: p.Name + " was revoked, for good", Hint: "let it in under another name"}
	case p.Name == Owner:
		return Token{}, &hone.Error{Code: hone.Conflict, Message: "the owner's token is a file of the data folder", Hint: "take the file token away and start Hone again: it makes a new one, and the old one is good no more"}
	}
	now := s.Clock.Now().UTC()
	if !p.Expires.IsZero() {
		p.Expires = now.Add(p.Expires.Sub(p.Created))
	}
	p.Created = now
	return s.token(ctx, who, p, "principal.rotated", fmt.Sprintf("%s gave %s a new token in place of the old one.", who.Name, p.Name))
}
