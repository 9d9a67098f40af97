package web

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"hone"
	"hone/internal/op"
)

// maxBody bounds what one request may bring.
const maxBody = 16 << 20

// maxLine bounds one line of JSON Lines.
const maxLine = 1 << 20

// operation serves one operation over HTTP.
func (s *Server) operation(o op.Operation) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := s.caller(r)
		if err == nil {
			err = o.Allow(who)
		}
		var leave func()
		if err == nil {
			leave, err = s.enter(who)
		}
		if err != nil {
			s.fail(w, r, o.Name, err)
			return
		}
		defer leave()
		if err := s.mayAct(r, o, who); err != nil {
			problem(w, err)
			return
		}
		done, err := s.weigh(r)
		if err != nil {
			problem(w, err)
			return
		}
		defer done()
		in := reflect.New(o.In)
		if err := decode(w, r, o, in.Elem()); err != nil {
			problem(w, err)
			return
		}
		// What is done with the body may take longer than the body.
		http.NewResponseController(w).SetReadDeadline(time.Time{})
		var body []byte
		out, err := o.Call(r.Context(), s.o.Service, who, in.Interface())
		if err == nil {
			body, err = json.Marshal(out)
		}
		if err != nil {
			s.fail(w, r, o.Name, err)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Cache-Control", "no-store")
		w.Write(append(body, '\n'))
	})
}

// mayAct holds what changes the state to a rate, by who asks and by where they
// ask from. Data may come as fast as it can be stored.
func (s *Server) mayAct(r *http.Request, o op.Operation, who op.Caller) error {
	if o.Method == http.MethodGet || o.Role == op.Predictor || o.Role == op.Feedback {
		return nil
	}
	now := s.o.Service.Clock.Now()
	if s.acts.allow(who.Name, now) && s.places.allow(origin(r), now) {
		return nil
	}
	return &hone.Error{Code: hone.Overloaded, Message: "too many changes in too short a time", Hint: "wait a second, then repeat"}
}

// fail answers with the problem, and logs what its reader is not told.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, what string, err error) {
	if _, known := hone.AsError(err); !known && r.Context().Err() == nil {
		s.o.Log.ErrorContext(r.Context(), "operation failed", "operation", what, "error", err)
	}
	if r.URL.Path == "/v2" || strings.HasPrefix(r.URL.Path, "/v2/") {
		e, status := public(w, err)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(map[string]string{"error": e.Error()}) // As the protocol has it.
		return
	}
	problem(w, err)
}

// decode reads an operation's input from the path, the query and the body.
func decode(w http.ResponseWriter, r *http.Request, o op.Operation, in reflect.Value) error {
	hasBody := false
	for i := range o.In.NumField() {
		field := o.In.Field(i)
		if name := field.Tag.Get("path"); name != "" {
			in.Field(i).SetString(r.PathValue(name))
			continue
		}
		name := field.Tag.Get("query")
		if name == "" {
			hasBody = true
			continue
		}
		if err := setQuery(in.Field(i), name, r.URL.Query().Get(name)); err != nil {
			return err
		}
	}
	switch {
	case !hasBody:
		return nil
	case r.Header.Get(binaryMode) != "":
		if binary, err := decodeBinary(w, r, o, in); binary || err != nil {
			return err
		}
	}
	return decodeBody(w, r, o, in)
}

func setQuery(v reflect.Value, name, text string) error {
	if text == "" {
		return nil
	}
	if d, ok := v.Addr().Interface().(*hone.Duration); ok {
		if err := d.UnmarshalText([]byte(text)); err != nil {
			return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%s=%q is no length of time", name, text), Hint: "write " + name + "=7d, 36h or 90s"}
		}
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
		return nil
	case reflect.Bool:
		yes, err := strconv.ParseBool(text)
		if err != nil {
			return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%s=%q is neither true nor false", name, text), Hint: "write " + name + "=true"}
		}
		v.SetBool(yes)
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%s=%q is not a whole number", name, text), Hint: "write " + name + "=100"}
	}
	v.SetInt(n)
	return nil
}

func decodeBody(w http.ResponseWriter, r *http.Request, o op.Operation, in reflect.Value) error {
	body := http.MaxBytesReader(w, r.Body, maxBody)
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == "application/x-ndjson" || kind == "application/jsonl" {
		for i := range o.In.NumField() {
			if o.In.Field(i).Tag.Get("lines") == "true" {
				return decodeLines(body, in.Field(i))
			}
		}
	}
	raw, err := io.ReadAll(body)
	if err != nil {
		return readError(err)
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	if err := bounded(raw); err != nil {
		return err
	}
	if err := strictly(raw, in.Addr().Interface()); err != nil {
		return &hone.Error{Code: hone.Invalid, Message: "the body is not what `" + o.Name + "` takes: " + err.Error(), Hint: "GET /api/v1/openapi.json says what it takes"}
	}
	return nil
}

// maxDepth bounds how deep a body nests.
const maxDepth = 64

// maxValues bounds how many values a body has: each takes far more room read than
// written.
const maxValues = 2_000_000

// deep tells whether JSON nests deeper than it may, before anything recurses.
func deep(raw []byte) bool {
	depth, _, _ := measure(raw)
	return depth > maxDepth
}

// measure returns how deep JSON nests, up to one more than it may, how many
// values it has at most, and how many items the longest list in its object.
func measure(raw []byte) (deepest, values, items int) {
	depth, here, text := 0, 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '[' || c == '{':
			if depth++; depth > maxDepth {
				return depth, values, items
			}
			deepest, values = max(deepest, depth), values+1
			if depth == 2 {
				here = 1
			}
		case c == ']' || c == '}':
			depth--
		case c == ',':
			values++
			if depth == 2 {
				here++
				items = max(items, here)
			}
		}
	}
	return deepest, values, items
}

// bounded refuses a body that would take far more memory than it has bytes.
func bounded(raw []byte) error {
	_, values, items := measure(raw)
	switch {
	case items > op.MaxItems:
		return tooMany(items)
	case values > maxValues:
		return &hone.Error{Code: hone.TooLarge, Message: fmt.Sprintf("the body has more than %d values", maxValues), Hint: "send it in parts"}
	}
	return nil
}

func tooMany(items int) error {
	return &hone.Error{Code: hone.TooLarge, Message: fmt.Sprintf("the batch has %d items or more; at most %d fit", items, op.MaxItems), Hint: "send it in parts"}
}

// strictly reads one JSON value and nothing behind it. What it says of a bad one
// names keys as they are sent, never the types inside.
func strictly(raw []byte, to any) error {
	if deep(raw) {
		return fmt.Errorf("it nests deeper than %d", maxDepth)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err := d.Decode(to)
	if bad, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if bad.Field == "" {
			return fmt.Errorf("it is %s, not an object", bad.Value)
		}
		return fmt.Errorf("%q cannot be %s", bad.Field, bad.Value)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errors.New("the JSON ends too early")
	}
	if _, bad := errors.AsType[*time.ParseError](err); bad {
		return errors.New("a time is not written as 2006-01-02T15:04:05Z")
	}
	if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something stands behind the end of the JSON")
	}
	return nil
}

func readError(err error) error {
	if e, ok := hone.AsError(err); ok {
		return e
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &hone.Error{Code: hone.TooLarge, Message: fmt.Sprintf("the body is larger than %d bytes", maxBody), Hint: "send it in parts"}
	}
	if errors.Is(err, bufio.ErrTooLong) {
		return &hone.Error{Code: hone.TooLarge, Message: fmt.Sprintf("a line is longer than %d bytes", maxLine), Hint: "write one item a line"}
	}
	return &hone.Error{Code: hone.Invalid, Message: "the body does not come through: " + err.Error(), Hint: "send it again"}
}

// decodeLines reads JSON Lines into a list.
func decodeLines(body io.Reader, list reflect.Value) error {
	scan := bufio.NewScanner(body)
	scan.Buffer(make([]byte, 64<<10), maxLine)
	for line := 1; scan.Scan(); line++ {
		if len(bytes.TrimSpace(scan.Bytes())) == 0 {
			continue
		}
		item := reflect.New(list.Type().Elem())
		if err := strictly(scan.Bytes(), item.Interface()); err != nil {
			if cut := scan.Err(); cut != nil {
				return readError(cut) // What is left of a line that did not come through.
			}
			return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("line %d: %v", line, err), Hint: "nothing of this batch was stored; mend the line and send the batch again"}
		}
		if list.Len() == op.MaxItems {
			return tooMany(list.Len() + 1)
		}
		list.Set(reflect.Append(list, item.Elem()))
	}
	if err := scan.Err(); err != nil {
		return readError(err)
	}
	return nil
}

var statuses = map[hone.Code]int{
	hone.Invalid: http.StatusBadRequest, hone.Unknown: http.StatusUnauthorized, hone.Denied: http.StatusForbidden,
	hone.NotFound: http.StatusNotFound, hone.Conflict: http.StatusConflict, hone.TooLarge: http.StatusRequestEntityTooLarge,
	hone.Overloaded: http.StatusTooManyRequests, hone.Unavailable: http.StatusServiceUnavailable,
}

// public is what a caller is told of an error, with its status, whose headers
// are set. What is internal says nothing about the inside.
func public(w http.ResponseWriter, err error) (*hone.Error, int) {
	e, ok := hone.AsError(err)
	if !ok {
		e = &hone.Error{Code: hone.Internal, Message: "something went wrong inside", Hint: "the server's log has the cause"}
	}
	status := statuses[e.Code]
	switch status {
	case 0:
		status = http.StatusInternalServerError
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="hone"`)
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "1")
	}
	return e, status
}

// problem answers with problem details as RFC 9457 has them.
func problem(w http.ResponseWriter, err error) {
	e, status := public(w, err)
	problemStatus(w, status, e)
}

func problemStatus(w http.ResponseWriter, status int, e *hone.Error) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{
		"type": "about:blank", "title": http.StatusText(status), "status": status, "detail": e.Message, "hint": e.Hint, "code": e.Code,
	})
}
