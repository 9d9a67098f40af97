package web_test

import (
	"net/http"
	"strings"
	"testing"

	"hone/internal/op"
)

// FuzzBodies sends whatever to the routes that take data: each is answered in
// good form, and nothing of the inside is shown.
func FuzzBodies(f *testing.F) {
	for i, s := range []string{
		`{"feedback":[{"prediction_id":"z-1","label":1}]}`,
		`{"predictions":[{"prediction_id":"z-2","features":{"amount":1,"country":"DE"},"score":0.5}]}`,
		`{"rows":[{"prediction_id":"z-3","time":"2024-01-01T00:00:00Z","features":{"amount":1},"label":0}]}`,
		"{\"prediction_id\":\"z-4\",\"label\":1}\n\n{\"prediction_id\":", `[[[[`, `{"feedback":null}`, "\xff\xfe", `{"feedback":[{"label":NaN}]}`,
		`{"reason":"'; --","force":true}`, `{"dest":"../x"}`,
	} {
		for kind := range 3 {
			f.Add(uint8(i), uint8(kind), []byte(s))
		}
	}
	paths := []string{"fraud/feedback", "fraud/predictions", "fraud/history", "fraud/predict", "fraud/events"}
	kinds := []string{"application/json", "application/x-ndjson", "application/cloudevents+json"}
	f.Fuzz(func(t *testing.T, path, kind uint8, body []byte) {
		to := "/api/v1/models/" + paths[int(path)%len(paths)]
		got := shared.ask(t, "POST", to, string(body), func(r *http.Request) {
			as(token(op.Admin))(r)
			r.Header.Set("Content-Type", kinds[int(kind)%len(kinds)])
		})
		switch {
		case got.status == http.StatusOK:
		case got.status >= 400 && got.status < 500:
			problem(t, "a body", got)
		default:
			t.Fatalf("%s %q: %d %s", to, body, got.status, got.body)
		}
	})
}

// FuzzAuthorization: nobody comes in by a header that is not the token of
// somebody.
func FuzzAuthorization(f *testing.F) {
	good := "Bearer " + token(op.Viewer)
	for _, s := range []string{good, "Bearer", "Bearer  x", "bearer\t" + token(op.Viewer), "Basic YTpi", "Bearer " + strings.Repeat("x", 1000), "Bearer \x80", "Bearer ' OR 1=1 --", "", "Negotiate", "Bearer eyJhbGciOiJub25lIn0.e30."} {
		f.Add(s)
	}
	known := map[string]bool{}
	for _, p := range principals {
		known[tokenOf(p.Name)] = true
	}
	f.Fuzz(func(t *testing.T, value string) {
		for i := range len(value) {
			if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
				return // No client and no server sends such a header.
			}
		}
		got := shared.ask(t, "GET", "/api/v1/models/fraud", "", func(r *http.Request) { r.Header["Authorization"] = []string{value} })
		scheme, rest, _ := strings.Cut(strings.Trim(value, " \t"), " ")
		mine := strings.EqualFold(scheme, "Bearer") && known[strings.TrimSpace(rest)]
		switch {
		case got.status == http.StatusOK && mine:
		case got.status == http.StatusForbidden && mine:
			problem(t, value, got)
		case got.status == http.StatusUnauthorized && (!mine || strings.Contains(value, "expired") || strings.Contains(value, "revoked")), got.status == http.StatusTooManyRequests && !mine:
			problem(t, value, got)
		default:
			t.Fatalf("%q: %d %s", value, got.status, got.body)
		}
	})
}
