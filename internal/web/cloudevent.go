package web

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"hone"
	"hone/internal/op"
)

// binaryMode is the header by which a request says that it is an event of
// CloudEvents in binary mode: attributes in headers, the data as the body.
const binaryMode = "ce-specversion"

// decodeBinary reads the fields that are tagged `header`, and the body into the
// one that JSON calls data. It tells whether the operation has such fields.
func decodeBinary(w http.ResponseWriter, r *http.Request, o op.Operation, in reflect.Value) (binary bool, err error) {
	var data *json.RawMessage
	for i := range o.In.NumField() {
		f := o.In.Field(i)
		if raw, ok := in.Field(i).Addr().Interface().(*json.RawMessage); ok && strings.HasPrefix(f.Tag.Get("json"), "data") {
			data = raw
		}
		name := f.Tag.Get("header")
		if name == "" {
			continue
		}
		binary = true
		value, err := url.PathUnescape(r.Header.Get(name)) // As its HTTP binding has it.
		if err != nil {
			return true, &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("the header %s is not percent-encoded", name), Hint: "write % as %25"}
		}
		in.Field(i).SetString(value)
	}
	if !binary || data == nil {
		return binary, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return true, readError(err)
	}
	*data, err = asJSON(r.Header.Get("Content-Type"), body)
	return true, err
}

// asJSON keeps what is JSON, and writes anything else as text, or as base64
// where it is no text.
func asJSON(contentType string, body []byte) (json.RawMessage, error) {
	kind, _, _ := mime.ParseMediaType(contentType)
	switch {
	case len(body) == 0:
		return nil, nil
	case kind == "application/json" || strings.HasSuffix(kind, "+json") || kind == "":
		if deep(body) || !json.Valid(body) {
			return nil, &hone.Error{Code: hone.Invalid, Message: "the event's data is not the JSON that Content-Type says", Hint: "send JSON, or name its type"}
		}
		return body, nil
	case strings.HasPrefix(kind, "text/"):
		return json.Marshal(string(body))
	}
	return json.Marshal(base64.StdEncoding.EncodeToString(body))
}
