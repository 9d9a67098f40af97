package web

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"hone"
	"hone/internal/clock"
	"hone/internal/op"
)

type shop struct{}

func (shop) PrincipalByToken(string) (hone.Principal, error) {
	return hone.Principal{Name: "shop", Role: string(op.Predictor), Kind: "service"}, nil
}

// silence is an answer that nobody reads.
type silence struct{ header http.Header }

func (s silence) Header() http.Header         { return s.header }
func (s silence) Write(b []byte) (int, error) { return len(b), nil }
func (s silence) WriteHeader(int)             {}

// BenchmarkDoor is what the way to the gateway costs a prediction.
func BenchmarkDoor(b *testing.B) {
	for name, token := range map[string]string{"anonymous": "", "token": "Bearer hone_" + strings.Repeat("0123456789abcdef", 4)} {
		b.Run(name, func(b *testing.B) {
			s := New(Options{Anonymous: true, Principals: shop{}, Service: &op.Service{Clock: clock.System{}}, Metrics: http.NotFoundHandler(), Log: slog.New(slog.DiscardHandler),
				Predict: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					if err := AllowModel(r, "fraud"); err != nil {
						b.Error(err)
					}
				})})
			r, err := http.NewRequest(http.MethodPost, "http://127.0.0.1:8420/v2/models/fraud/infer", io.NopCloser(strings.NewReader("{}")))
			if err != nil {
				b.Fatal(err)
			}
			r.RemoteAddr = "127.0.0.1:1234"
			if token != "" {
				r.Header.Set("Authorization", token)
			}
			w := silence{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				s.http.Handler.ServeHTTP(w, r)
			}
		})
	}
}
