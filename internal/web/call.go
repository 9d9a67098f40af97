package web

import (
	"fmt"
	"net/http"
	"strings"

	"hone"
	"hone/internal/oip"
	"hone/internal/op"
)

// service is where the methods of the Open Inference Protocol over gRPC are found.
const service = "/inference.GRPCInferenceService/"

// call admits to a method of gRPC, by the rules of every other way to a prediction.
func (s *Server) call(need op.Role) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answered := r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc")
		var leave func()
		var err error
		if need == Everyone {
			leave = func() {}
		} else {
			r, leave, err = s.asks(r)
		}
		if err == nil && !answered {
			leave()
			err = &hone.Error{Code: hone.Invalid, Message: "this is a method of gRPC", Hint: "call it with a client of gRPC, over HTTP/2; POST /v2/models/{model}/infer takes JSON"}
		}
		if err == nil {
			defer leave()
			s.o.Calls.ServeHTTP(w, r)
			return
		}
		if !answered {
			s.fail(w, r, r.URL.Path, err)
			return
		}
		if _, known := hone.AsError(err); !known && r.Context().Err() == nil {
			s.o.Log.ErrorContext(r.Context(), "call failed", "method", r.URL.Path, "error", err)
		}
		status := oip.Status(err)
		h := w.Header()
		h.Set("Content-Type", "application/grpc")
		h.Set("Grpc-Status", fmt.Sprint(int(status.Code())))
		h.Set("Grpc-Message", escaped(status.Message()))
		w.WriteHeader(http.StatusOK)
	}
}

// escaped writes a text as the header that carries it must.
func escaped(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
