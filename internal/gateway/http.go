package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"

	"hone"
	"hone/internal/frame"
)

// maxBody is the most bytes of a request's body.
const maxBody = 16 << 20

// maxPooled is the largest buffer that is used again: one large body must not
// hold its memory for ever.
const maxPooled = 1 << 20

// face answers HTTP for a gateway.
type face struct {
	g         *Gateway
	authorize func(r *http.Request, model string) error
	version   string
}

// Handler returns the routes of the Open Inference Protocol under /v2, and the
// short form POST /api/v1/models/{model}/predict. Each request that concerns a
// model is first put to authorize, where that is not nil; it returns a
// *hone.Error of code denied to refuse.
func (g *Gateway) Handler(authorize func(r *http.Request, model string) error) http.Handler {
	f := &face{g: g, authorize: authorize, version: buildVersion()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2", f.server)
	mux.HandleFunc("GET /v2/health/live", f.health)
	mux.HandleFunc("GET /v2/health/ready", f.health)
	oip := func(pattern string, h func(w http.ResponseWriter, r *http.Request) error) {
		mux.HandleFunc(pattern, f.guard(h, oipError))
	}
	oip("GET /v2/models/{model}", f.metadata)
	oip("GET /v2/models/{model}/versions/{version}", f.metadata)
	oip("GET /v2/models/{model}/ready", f.ready)
	oip("GET /v2/models/{model}/versions/{version}/ready", f.ready)
	oip("POST /v2/models/{model}/infer", f.infer)
	oip("POST /v2/models/{model}/versions/{version}/infer", f.infer)
	mux.HandleFunc("POST /api/v1/models/{model}/predict", f.guard(f.short, problem))
	return mux
}

func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "devel"
}

// guard asks authorize first, and writes the error in the route's own form.
func (f *face) guard(h func(http.ResponseWriter, *http.Request) error, write func(http.ResponseWriter, int, *hone.Error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var err error
		if f.authorize != nil {
			err = f.authorize(r, r.PathValue("model"))
		}
		if err == nil {
			err = h(w, r)
		}
		if err == nil {
			return
		}
		e, ok := hone.AsError(err)
		if !ok {
			f.g.logger.ErrorContext(r.Context(), "request broke", "path", r.URL.Path, "error", err)
			e = &hone.Error{Code: hone.Internal, Message: "internal error", Hint: "the log has the cause"}
		}
		write(w, status(e.Code), e)
	}
}

func status(c hone.Code) int {
	switch c {
	case hone.Invalid:
		return http.StatusBadRequest
	case hone.Unknown:
		return http.StatusUnauthorized
	case hone.Denied:
		return http.StatusForbidden
	case hone.NotFound:
		return http.StatusNotFound
	case hone.Conflict:
		return http.StatusConflict
	case hone.TooLarge:
		return http.StatusRequestEntityTooLarge
	case hone.Overloaded:
		return http.StatusTooManyRequests
	case hone.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func oipError(w http.ResponseWriter, code int, e *hone.Error) {
	writeJSON(w, code, "application/json", map[string]string{"error": e.Error()})
}

// problem writes an error as RFC 9457 has it.
func problem(w http.ResponseWriter, code int, e *hone.Error) {
	writeJSON(w, code, "application/problem+json", struct {
		Type   string    `json:"type"`
		Title  string    `json:"title"`
		Status int       `json:"status"`
		Detail string    `json:"detail"`
		Hint   string    `json:"hint,omitempty"`
		Code   hone.Code `json:"code"`
	}{"about:blank", http.StatusText(code), code, e.Message, e.Hint, e.Code})
}

func writeJSON(w http.ResponseWriter, code int, kind string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // Only what is made here is written.
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(code)
	_, _ = w.Write(append(b, '\n')) // The caller may be gone.
}

func (f *face) server(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, "application/json", map[string]any{"name": "hone", "version": f.version, "extensions": []string{}})
}

// health answers live and ready alike: a gateway that runs can answer with the
// plans that it has.
func (f *face) health(w http.ResponseWriter, _ *http.Request) {
	up := !f.g.jobs.over()
	code := http.StatusOK
	if !up {
		code = http.StatusServiceUnavailable
	}
	writeJSON(w, code, "application/json", map[string]bool{"live": true, "ready": up})
}

func (f *face) ready(w http.ResponseWriter, r *http.Request) error {
	model := r.PathValue("model")
	ok, err := f.g.ready(model, hone.VersionID(r.PathValue("version")))
	if err != nil {
		return err
	}
	code := http.StatusOK
	if !ok {
		code = http.StatusServiceUnavailable
	}
	writeJSON(w, code, "application/json", map[string]any{"name": model, "ready": ok})
	return nil
}

// ready tells whether a model answers, by the version if one is named.
func (g *Gateway) ready(model string, v hone.VersionID) (bool, error) {
	_, s, err := g.find(model)
	if err != nil {
		return false, err
	}
	st := s.state.Load()
	return st != nil && (v == "" || st.names(v)), nil
}

// shapeOf describes one input or output in the metadata.
type shapeOf struct {
	Name     string `json:"name"`
	Datatype string `json:"datatype"`
	Shape    []int  `json:"shape"`
	// Classes are the columns of the output, where it has several.
	Classes []string `json:"classes,omitempty"`
}

// described is a model as its metadata tell of it.
type described struct {
	Name     string           `json:"name"`
	Versions []hone.VersionID `json:"versions"`
	Platform string           `json:"platform"`
	Inputs   []shapeOf        `json:"inputs"`
	Outputs  []shapeOf        `json:"outputs"`
}

func (f *face) metadata(w http.ResponseWriter, r *http.Request) error {
	d, err := f.g.about(r.Context(), r.PathValue("model"), hone.VersionID(r.PathValue("version")))
	if err == nil {
		writeJSON(w, http.StatusOK, "application/json", d)
	}
	return err
}

// about tells of a model, by the version if one is named.
func (g *Gateway) about(ctx context.Context, model string, v hone.VersionID) (described, error) {
	m, s, err := g.find(model)
	if err != nil {
		return described{}, err
	}
	d := described{Name: m.Name, Versions: []hone.VersionID{}, Platform: "hone", Inputs: []shapeOf{}}
	if v != "" {
		if err := checkVersion(m.Name, v); err != nil {
			return d, err
		}
		d.Versions = append(d.Versions, v)
	}
	if st := g.enter(s); st != nil {
		defer g.exit(s, st)
		if v == "" {
			v, d.Versions = st.plan.Champion, st.versions()
		}
	}
	sig, err := g.signature(ctx, m, v)
	if err != nil {
		return d, err
	}
	for _, field := range sig.Features {
		kind := "BYTES"
		if field.Kind == frame.Number {
			kind = "FP64"
		}
		d.Inputs = append(d.Inputs, shapeOf{Name: field.Name, Datatype: kind, Shape: []int{-1}})
	}
	d.Outputs = outputsOf(sig)
	return d, nil
}

// signature of a version, or of the configuration where there is no version yet.
func (g *Gateway) signature(ctx context.Context, m hone.Model, v hone.VersionID) (hone.Signature, error) {
	if v == "" {
		return hone.Signature{Task: m.Task, Features: m.Features}, nil
	}
	p, release, err := g.pool.Acquire(ctx, m.Name, v)
	if err == nil {
		defer release()
		return p.Signature(), nil
	}
	if _, told := hone.AsError(err); told {
		return hone.Signature{}, err
	}
	return hone.Signature{}, &hone.Error{Code: hone.Unavailable,
		Message: fmt.Sprintf("version %s of model %s does not load: %s", v, m.Name, cut(err.Error())), Hint: "ask for another version"}
}

func outputsOf(sig hone.Signature) []shapeOf {
	switch sig.Task {
	case hone.Regression:
		return []shapeOf{{Name: "value", Datatype: "FP64", Shape: []int{-1}}}
	case hone.Multiclass:
		return []shapeOf{{"score", "FP64", []int{-1, max(len(sig.Classes), 1)}, sig.Classes}, {Name: "class", Datatype: "BYTES", Shape: []int{-1}}}
	}
	return []shapeOf{{Name: "score", Datatype: "FP64", Shape: []int{-1}}, {Name: "class", Datatype: "BYTES", Shape: []int{-1}}}
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// withBody reads the body and hands it to use, which must not keep it.
func withBody(w http.ResponseWriter, r *http.Request, use func(body []byte) error) error {
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return &hone.Error{Code: hone.Invalid, Message: "the body has the content encoding " + quote(e), Hint: "send it as plain JSON"}
	}
	if r.Header.Get("Inference-Header-Content-Length") != "" {
		return &hone.Error{Code: hone.Invalid, Message: "the body holds binary tensor data", Hint: "send JSON; with a Triton client, binary_data=False"}
	}
	buf := buffers.Get().(*bytes.Buffer)
	buf.Reset()
	defer func() {
		if buf.Cap() <= maxPooled {
			buffers.Put(buf)
		}
	}()
	if _, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return &hone.Error{Code: hone.TooLarge, Message: "the body has more than 16 MiB", Hint: "send fewer rows at a time"}
		}
		if e, told := hone.AsError(err); told {
			return e // Of who handed the body on.
		}
		return &hone.Error{Code: hone.Invalid, Message: "the body does not come through: " + err.Error(), Hint: "send it again"}
	}
	return use(buf.Bytes())
}

// decoded hands the body to read, and counts what cannot be read as an error of
// the model.
func (f *face) decoded(w http.ResponseWriter, r *http.Request, read func(body []byte, m hone.Model) error) error {
	m, s, err := f.g.find(r.PathValue("model"))
	if err != nil {
		return err
	}
	if err := withBody(w, r, func(body []byte) error { return read(body, m) }); err != nil {
		s.requests.Add(1)
		s.errors.Add(1)
		return err
	}
	return nil
}

func (f *face) infer(w http.ResponseWriter, r *http.Request) error {
	var in inferRequest
	err := f.decoded(w, r, func(body []byte, m hone.Model) (err error) {
		if in, err = decodeInfer(body, m, f.g.sticky(m)...); err != nil {
			return err
		}
		return in.checkOutputs(m.Task)
	})
	if err != nil {
		return err
	}
	in.Version = hone.VersionID(r.PathValue("version"))
	model := r.PathValue("model")
	out, err := f.g.predict(r.Context(), model, in.Request)
	if err != nil {
		return err
	}
	return reply200(w, out, func(b []byte) []byte { return appendInfer(b, model, &in, out) })
}

// sticky are the features that give the unit, where they are no inputs of the model.
func (g *Gateway) sticky(m hone.Model) []string {
	names := []string{m.Rollout.StickyBy}
	if st := g.of(m.Name).state.Load(); st != nil {
		names = append(names, st.plan.StickyBy)
	}
	return names
}

// reply200 writes an answer with its headers.
func reply200(w http.ResponseWriter, out served, body func([]byte) []byte) error {
	first := out.answers[0]
	room := rooms.Get().(*[]byte)
	b := body((*room)[:0])
	h := w.Header()
	h["Content-Type"] = jsonType
	h["Content-Length"] = []string{strconv.Itoa(len(b))}
	h["Hone-Version"] = []string{string(first.Version)}
	h["Hone-Route"] = []string{out.route()}
	h["Hone-Log"] = []string{out.log}
	if len(out.answers) == 1 {
		h["Hone-Prediction-Id"] = []string{string(first.ID)}
	}
	_, _ = w.Write(b) // The caller may be gone; the prediction was made.
	if cap(b) <= maxPooled {
		*room = b
		rooms.Put(room)
	}
	return nil
}

// route is by which share the rows were answered, or mixed.
func (out served) route() string {
	first := out.answers[0].Route
	for _, a := range out.answers {
		if a.Route != first {
			return "mixed"
		}
	}
	return string(first)
}

var (
	rooms    = sync.Pool{New: func() any { return new([]byte) }}
	jsonType = []string{"application/json"}
)
