// Package upstream asks model servers that somebody else runs: over the Open
// Inference Protocol v2, as REST or gRPC, or by JSON in a form that the artefact
// gives. Which servers may be asked is the owner's to say; when, is left to predictor
// and the gateway.
package upstream

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"hone"
	"hone/internal/frame"
)

// The protocols.
const (
	REST  = "oip"
	GRPC  = "oip_grpc"
	Plain = "json"
)

const (
	defaultTimeout = 5 * time.Second
	maxTimeout     = time.Minute
)

// Spec says where the server of an artefact is, and how rows and scores are
// written for it. It holds no secret, nor where one is.
type Spec struct {
	// URL is the server's, such as https://scores.example; for json it is the whole
	// address that rows are posted to.
	URL      string `json:"url"`
	Protocol string `json:"protocol"` // oip, oip_grpc or json.
	// Model is what the server calls the model, and Version its version there.
	Model   string `json:"model,omitempty"`
	Version string `json:"version,omitempty"`
	// Timeout of one call. Default 5s.
	Timeout hone.Duration `json:"timeout,omitempty"`
	// Input is the name of the one tensor whose columns are all the features, for
	// servers that take a matrix. Default: one tensor a feature.
	Input string `json:"input,omitempty"`
	// Datatype of numbers: FP64, the default, or FP32.
	Datatype string `json:"datatype,omitempty"`
	// Parameters of the request, such as content_type; text, numbers and booleans.
	Parameters map[string]any `json:"parameters,omitempty"`
	// Output is the tensor with the scores. Default score, or value for regression.
	Output string `json:"output,omitempty"`
	// Classes in the order in which the server scores them. Default: the signature's.
	// One score a row is that of the last.
	Classes []string `json:"classes,omitempty"`
	// Request is what is posted, for json. "{{rows}}" stands for the list of all rows,
	// "{{NAME}}" for the list of a feature's values.
	Request json.RawMessage `json:"request,omitempty"`
	// Row is what each row is written as, with "{{NAME}}" for its value of a feature.
	// Default: an object of all features.
	Row json.RawMessage `json:"row,omitempty"`
	// Answer is the JSON pointer to the scores, for json. "*" stands for each row.
	Answer string `json:"answer,omitempty"`
	// Health is the path that answers 200 while the server is well. Default: as the
	// protocol has it; for json it is enough that somebody listens.
	Health string `json:"health,omitempty"`
}

// Check returns what is wrong with s for an artefact of this signature, or nil.
func (s Spec) Check(sig hone.Signature) error {
	if _, err := s.address(); err != nil {
		return err
	}
	switch {
	case s.Protocol != REST && s.Protocol != GRPC && s.Protocol != Plain:
		return refuse("the protocols are oip, oip_grpc and json", "upstream.protocol %.40q is not known", s.Protocol)
	case s.Timeout < 0 || time.Duration(s.Timeout) > maxTimeout:
		return refuse("write 5s", "upstream.timeout %v is not between 0 and %v", s.Timeout, maxTimeout)
	case s.Health != "" && (s.Health[0] != '/' || s.Protocol == GRPC):
		return refuse("write /healthz", "upstream.health is a path of a server that speaks HTTP")
	}
	if err := s.checkClasses(sig); err != nil {
		return err
	}
	if s.Protocol == Plain {
		return s.checkPlain(sig)
	}
	return s.checkTensors(sig)
}

// address reads the URL.
func (s Spec) address() (*url.URL, error) {
	u, err := url.Parse(s.URL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Opaque != "":
		return nil, refuse("write https://scores.example, or http:// for a server without TLS", "upstream.url is no address of a server")
	case u.User != nil:
		return nil, refuse("give it as a header, by reference, in the configuration", "upstream.url holds a user or a password")
	case u.Fragment != "" || s.Protocol != Plain && u.RawQuery != "":
		return nil, refuse("take it out", "upstream.url has a part after the path")
	case s.Protocol == GRPC && strings.Trim(u.Path, "/") != "":
		return nil, refuse("write scheme, host and port alone", "upstream.url has a path, and gRPC knows none")
	}
	return u, nil
}

// Origin is the scheme, host and port of an address, in one form, or empty for what
// is no address.
func Origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

func (s Spec) checkClasses(sig hone.Signature) error {
	if s.Classes == nil {
		return nil
	}
	got, want := slices.Sorted(slices.Values(s.Classes)), slices.Sorted(slices.Values(sig.Classes))
	if !slices.Equal(got, want) {
		return refuse("name the classes of the signature, each once, in the server's order", "upstream.classes are not those of the signature")
	}
	return nil
}

func (s Spec) checkTensors(sig hone.Signature) error {
	switch {
	case s.Model == "" || len(s.Model) > 200:
		return refuse("write what the server calls the model", "upstream.model is missing, or too long")
	case s.Request != nil || s.Row != nil || s.Answer != "":
		return refuse("take them out, or write protocol: json", "upstream.request, row and answer are for the protocol json")
	case s.Datatype != "" && s.Datatype != "FP64" && s.Datatype != "FP32":
		return refuse("write FP64 or FP32", "upstream.datatype %.40q is none of numbers", s.Datatype)
	}
	for name, v := range s.Parameters {
		switch v.(type) {
		case string, float64, bool:
		default:
			return refuse("write a text, a number or a boolean", "upstream.parameters.%.40s is of another kind", name)
		}
	}
	for _, f := range sig.Features {
		if s.Input != "" && f.Kind != frame.Number {
			return refuse("leave input out: each feature is then a tensor", "upstream.input is a tensor of numbers, and feature %.40q is none", f.Name)
		}
	}
	return nil
}

func (s Spec) checkPlain(sig hone.Signature) error {
	if s.Model != "" || s.Version != "" || s.Input != "" || s.Output != "" || s.Datatype != "" || s.Parameters != nil {
		return refuse("take them out, or write them into the request", "upstream.model, version, input, output, datatype and parameters are for the Open Inference Protocol")
	}
	if _, err := newTemplate(s, sig.Features); err != nil {
		return err
	}
	_, err := newPointer(s.Answer)
	return err
}

func (s Spec) timeout() time.Duration {
	if s.Timeout == 0 {
		return defaultTimeout
	}
	return time.Duration(s.Timeout)
}

// output is the tensor that holds the scores.
func (s Spec) output(sig hone.Signature) string {
	switch {
	case s.Output != "":
		return s.Output
	case sig.Task == hone.Regression:
		return "value"
	}
	return "score"
}

func refuse(hint, format string, args ...any) error {
	return &hone.Error{Code: hone.Invalid, Message: "open the artefact: " + fmt.Sprintf(format, args...), Hint: hint}
}
