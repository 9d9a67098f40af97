// Package web is Hone's face over HTTP: REST with its OpenAPI document, server-
// sent events, Prometheus metrics and the page. What the operations do is left
// to op, answering predictions to the gateway.
package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"hone"
	"hone/internal/op"
)

// Options is what a server is built from.
type Options struct {
	Listen string
	// Service is what the operations work on. Without one there are none, nor a
	// page: the server answers predictions and metrics alone.
	Service    *op.Service
	Principals Principals
	// Predict serves /v2 and the short form.
	Predict http.Handler
	// Calls serves inference.GRPCInferenceService over HTTP/2, on the same port. Unset:
	// it is not there.
	Calls http.Handler
	// Changes gives a channel of audit events as they are committed, and what
	// ends it. Events may be lost.
	Changes func() (<-chan hone.Event, func())
	Metrics http.Handler
	Log     *slog.Logger
	// Anonymous lets in who comes without a token, to read and to send data.
	Anonymous bool
	// Hosts are the names by which the server is called, besides those that every
	// machine has for itself.
	Hosts []string
	// Certificate makes the server speak TLS alone.
	Certificate *Certificate
	// Plain allows to listen beyond this machine without a certificate, for a
	// proxy that has one.
	Plain bool
	// BodyTime is how long a request may take to come. Default two minutes.
	BodyTime time.Duration
}

// Server answers HTTP.
type Server struct {
	o         Options
	busy      counts   // Requests under way, by caller.
	acts      *buckets // Changes, by caller.
	places    *buckets // Changes, by where they come from.
	strangers *buckets // Tokens that are nobody's, by where they come from.
	bodies    budget   // Of bytes that have come and are not done with.
	http      *http.Server
	listener  net.Listener
	done      chan struct{}
	stop      sync.Once
	closing   chan struct{}
}

// New returns a server that does not listen yet.
func New(o Options) *Server {
	if o.BodyTime == 0 {
		o.BodyTime = 2 * time.Minute
	}
	s := &Server{o: o, done: make(chan struct{}), closing: make(chan struct{}),
		acts: newBuckets(100*time.Millisecond, 100), places: newBuckets(10*time.Millisecond, 1000), strangers: newBuckets(time.Second, 20)}
	s.bodies.free.Store(maxBodies)
	s.http = &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: o.BodyTime, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ConnState: conns(), ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	// gRPC needs HTTP/2, which without TLS begins at once.
	s.http.Protocols = new(http.Protocols)
	s.http.Protocols.SetHTTP1(true)
	s.http.Protocols.SetHTTP2(true)
	s.http.Protocols.SetUnencryptedHTTP2(o.Calls != nil)
	if o.Certificate != nil {
		s.http.TLSConfig = o.Certificate.config()
	}
	return s
}

// Start listens, and returns once requests are answered.
func (s *Server) Start(context.Context) (err error) {
	if !loopbackHost(s.o.Listen) && (s.o.Anonymous || s.o.Certificate == nil && !s.o.Plain) {
		return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%q is not an address of this machine alone", s.o.Listen),
			Hint: "listen on 127.0.0.1, or set server.tls and server.hosts, and give everybody a token"}
	}
	if s.listener, err = net.Listen("tcp", s.o.Listen); err != nil {
		return &hone.Error{Code: hone.Conflict, Message: "cannot listen on " + s.o.Listen + ": " + err.Error(),
			Hint: "another server may hold the port; set server.listen or --listen"}
	}
	go func() {
		defer close(s.done)
		serve := s.http.Serve
		if s.o.Certificate != nil {
			serve = func(l net.Listener) error { return s.http.ServeTLS(l, "", "") }
		}
		if err := serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.o.Log.Error("http server ended", "error", err)
		}
	}()
	return nil
}

// Addr is where the server listens, once started.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL is how programs on this machine reach the server, once started.
func (s *Server) URL() string {
	host, port, _ := net.SplitHostPort(s.Addr())
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	scheme := "http"
	if s.o.Certificate != nil {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// Stop lets requests under way finish, for at most five seconds.
func (s *Server) Stop() {
	s.stop.Do(func() {
		if s.listener == nil {
			return
		}
		close(s.closing)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.http.Shutdown(ctx); err != nil {
			s.http.Close()
		}
		<-s.done
	})
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	methods := map[string][]string{}
	handle := func(method, path string, h http.Handler) {
		mux.Handle(method+" "+path, h)
		methods[path] = append(methods[path], method)
	}
	elsewhere := "GET /api/v1/openapi.json lists what there is"
	if s.o.Service != nil {
		for _, o := range op.All() {
			handle(o.Method, o.Path, s.operation(o))
		}
		handle("GET", "/api/v1/events", s.admit(op.Viewer, s.events))
		handle("GET", "/api/v1/models/{model}/versions/{version}/files/{file...}", s.admit(op.Predictor, s.file))
		handle("GET", "/api/v1/openapi.json", s.admit(Known, openAPI))
		mux.Handle("/", page())
	} else {
		elsewhere = "a gateway answers predictions alone; ask `hone serve` for everything else"
		mux.HandleFunc("/", nothing(elsewhere))
	}
	handle("POST", "/api/v1/models/{model}/predict", http.HandlerFunc(s.predictions))
	for _, r := range own {
		if strings.HasPrefix(r.Path, service) && s.o.Calls != nil {
			handle(r.Method, r.Path, s.call(r.Role))
		}
	}
	handle("GET", "/metrics", s.admit(op.Viewer, whole(s.o.Metrics)))
	for path, allowed := range methods {
		mux.Handle(path, wrongMethod(allowed))
	}
	mux.HandleFunc("/v2", s.predictions)
	mux.HandleFunc("/v2/", s.predictions)
	mux.HandleFunc("/api/", nothing(elsewhere))
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		problem(w, &hone.Error{Code: hone.Denied, Message: "a page of another origin sent this", Hint: "open Hone's own page, or send it from a program"})
	}))
	return s.protect(guard.Handler(mux))
}

// nothing answers a path that is not there.
func nothing(hint string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		problem(w, &hone.Error{Code: hone.NotFound, Message: "there is no " + r.Method + " " + r.URL.Path, Hint: hint})
	}
}

// wrongMethod answers a path that is there for other methods.
func wrongMethod(allowed []string) http.Handler {
	if slices.Contains(allowed, http.MethodGet) {
		allowed = append(allowed, http.MethodHead)
	}
	allow := strings.Join(allowed, ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allow)
		problemStatus(w, http.StatusMethodNotAllowed, &hone.Error{Code: hone.Invalid,
			Message: r.URL.Path + " does not take " + r.Method, Hint: "it takes " + allow})
	})
}

// protect refuses what a browser on a hostile page could send: a foreign Host,
// by which a name that was made to point here would be recognised, and frames.
func (s *Server) protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		if r.TLS != nil && !loopbackHost(r.Host) { // A browser would hold it against all that runs here.
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if !s.called(r.Host) {
			problem(w, &hone.Error{Code: hone.Denied, Message: "the Host header names another machine", Hint: "use http://127.0.0.1 or http://localhost, or a name of server.hosts"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func loopbackHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
