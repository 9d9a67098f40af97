package web

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"hone"
	"hone/internal/op"
)

// Principals knows whose token is whose. What it says of a token that was
// revoked must be so at once.
type Principals interface {
	PrincipalByToken(token string) (hone.Principal, error)
}

// Who may come to a route that is not a role's work.
const (
	Everyone op.Role = "everyone" // Also without a token where others need one.
	Known    op.Role = "known"    // Everybody with a token, and who needs none.
)

// Route is one address of the server, with whose work it is.
type Route struct {
	Method, Path string
	Role         op.Role
}

// Routes lists every address there is: those of the operations, and the others.
func Routes() []Route {
	var out []Route
	for _, o := range op.All() {
		out = append(out, Route{o.Method, o.Path, o.Role})
	}
	return append(out, own...)
}

// own are the routes that are no operations.
var own = []Route{
	{"POST", "/api/v1/models/{model}/predict", op.Predictor},
	{"GET", "/api/v1/models/{model}/versions/{version}/files/{file...}", op.Predictor},
	{"GET", "/v2", op.Predictor},
	{"GET", "/v2/models/{model}", op.Predictor},
	{"GET", "/v2/models/{model}/versions/{version}", op.Predictor},
	{"GET", "/v2/models/{model}/ready", op.Predictor},
	{"GET", "/v2/models/{model}/versions/{version}/ready", op.Predictor},
	{"POST", "/v2/models/{model}/infer", op.Predictor},
	{"POST", "/v2/models/{model}/versions/{version}/infer", op.Predictor},
	{"POST", "/inference.GRPCInferenceService/ModelInfer", op.Predictor},
	{"POST", "/inference.GRPCInferenceService/ModelMetadata", op.Predictor},
	{"POST", "/inference.GRPCInferenceService/ModelReady", op.Predictor},
	{"POST", "/inference.GRPCInferenceService/ServerMetadata", op.Predictor},
	{"POST", "/inference.GRPCInferenceService/ServerLive", Everyone},
	{"POST", "/inference.GRPCInferenceService/ServerReady", Everyone},
	{"GET", "/v2/health/live", Everyone},
	{"GET", "/v2/health/ready", Everyone},
	{"GET", "/api/v1/events", op.Viewer},
	{"GET", "/metrics", op.Viewer},
	{"GET", "/api/v1/openapi.json", Known},
	{"GET", "/", Everyone},
}

// caller finds out who asks.
func (s *Server) caller(r *http.Request) (op.Caller, error) {
	header := r.Header["Authorization"]
	if len(header) == 0 || s.o.Principals == nil {
		if s.o.Anonymous {
			return op.Caller{Name: string(op.Anonymous), Role: op.Anonymous}, nil
		}
		return op.Caller{}, &hone.Error{Code: hone.Unknown, Message: "this needs a token", Hint: "send Authorization: Bearer TOKEN; `hone principal add` makes one"}
	}
	scheme, token, _ := strings.Cut(header[0], " ")
	if !strings.EqualFold(scheme, "Bearer") || len(header) > 1 {
		return op.Caller{}, s.stranger(r, &hone.Error{Code: hone.Unknown, Message: "the Authorization header is not a bearer token", Hint: "send Authorization: Bearer TOKEN"})
	}
	p, err := s.o.Principals.PrincipalByToken(strings.TrimSpace(token))
	if e, ok := hone.AsError(err); ok && e.Code == hone.Unknown {
		return op.Caller{}, s.stranger(r, e)
	}
	return op.Caller{Name: p.Name, Role: op.Role(p.Role), Service: p.Kind == "service", Models: p.Models, Data: p.Data}, err
}

// stranger counts a token that is nobody's against where it came from. Too many
// get no further answer for a while; a good token is never held up by them.
func (s *Server) stranger(r *http.Request, e *hone.Error) error {
	if s.strangers.allow(origin(r), s.o.Service.Clock.Now()) {
		s.o.Log.WarnContext(r.Context(), "token refused", "from", origin(r), "why", e.Message)
		return e
	}
	return &hone.Error{Code: hone.Overloaded, Message: "too many tokens that are nobody's came from there", Hint: "wait a second, and look at the token"}
}

// origin is the address that a request came from: that of a machine, or of a
// network as one site has it.
func origin(r *http.Request) string {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	ip := at.Addr().Unmap().WithZone("")
	if ip.Is6() {
		if site, err := ip.Prefix(64); err == nil {
			return site.String()
		}
	}
	return ip.String()
}

// enter counts a request of a caller until what it returns is called, and
// refuses it while too many of theirs are under way.
func (s *Server) enter(who op.Caller) (leave func(), err error) {
	n := s.busy.of(who.Name)
	if n.Add(1) > maxBusy {
		n.Add(-1)
		return nil, &hone.Error{Code: hone.Overloaded, Message: fmt.Sprintf("%s has %d requests under way already", who.Name, maxBusy), Hint: "wait for some of them, then repeat"}
	}
	return func() { n.Add(-1) }, nil
}

type callerKey struct{}

// admit lets those in whose work a route is, and tells the handler who it is.
func (s *Server) admit(need op.Role, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := s.caller(r)
		if err == nil && need != Known && !who.Role.May(need) {
			err = refused(r.URL.Path, need, who)
		}
		var leave func()
		if err == nil {
			leave, err = s.enter(who)
		}
		if err != nil {
			s.fail(w, r, r.URL.Path, err)
			return
		}
		defer leave()
		next(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, who)))
	})
}

func refused(what string, need op.Role, who op.Caller) error {
	code := hone.Denied
	if who.Role == op.Anonymous {
		code = hone.Unknown
	}
	return &hone.Error{Code: code, Message: what + " needs the role " + string(need), Hint: "send Authorization: Bearer TOKEN of somebody who has it"}
}

// whole refuses who may not see every model what tells of every model.
func whole(next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if who, _ := r.Context().Value(callerKey{}).(op.Caller); len(who.Models) > 0 {
			problem(w, &hone.Error{Code: hone.Denied, Message: r.URL.Path + " tells of every model, and " + who.Name + " may not see all", Hint: "use a token that is not held to some models"})
			return
		}
		next.ServeHTTP(w, r)
	}
}

// predictions admits to the gateway.
func (s *Server) predictions(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v2/health/live" || r.URL.Path == "/v2/health/ready" {
		s.o.Predict.ServeHTTP(w, r)
		return
	}
	r, leave, err := s.asks(r)
	if err != nil {
		s.fail(w, r, r.URL.Path, err)
		return
	}
	defer leave()
	s.o.Predict.ServeHTTP(w, r)
}

// asks admits a request for predictions, until leave is called. It is on the way of
// every prediction: only of a caller who is held to some models does Allow need to
// know.
func (s *Server) asks(r *http.Request) (_ *http.Request, leave func(), err error) {
	who, err := s.caller(r)
	if err == nil && !who.Role.May(op.Predictor) {
		err = refused("asking for predictions", op.Predictor, who)
	}
	if err != nil {
		return r, nil, err
	}
	left, err := s.enter(who)
	if err != nil {
		return r, nil, err
	}
	done, err := s.weigh(r)
	if err != nil {
		left()
		return r, nil, err
	}
	if len(who.Models) > 0 {
		r = r.WithContext(context.WithValue(r.Context(), callerKey{}, who))
	}
	return r, func() { done(); left() }, nil
}

// AllowModel returns what to say to a caller who may not see the model, or nil.
// The gateway asks it, which alone knows the model that a path names.
func AllowModel(r *http.Request, model string) error { return Allow(r.Context(), model) }

// Allow is AllowModel for what is no request of HTTP's own, with its context.
func Allow(ctx context.Context, model string) error {
	who, held := ctx.Value(callerKey{}).(op.Caller)
	if !held || who.Sees(model) {
		return nil
	}
	// As the gateway says of a model that is not there.
	return &hone.Error{Code: hone.NotFound, Message: fmt.Sprintf("there is no model %q", model), Hint: "check the name; GET /v2/models/{model} describes a model that there is"}
}

// called tells whether a Host header names this server. By any other name, a
// page in a browser may have been led here.
func (s *Server) called(hostport string) bool {
	if loopbackHost(hostport) {
		return true
	}
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	for _, h := range s.o.Hosts {
		if strings.EqualFold(h, host) {
			return true
		}
	}
	return false
}
