package web_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"testing"

	"hone/internal/op"
)

// TestFile fetches the files of a version as a server of the owner's does, and nothing
// else.
func TestFile(t *testing.T) {
	t.Parallel()
	var list op.VersionList
	if err := json.Unmarshal([]byte(shared.ask(t, "GET", "/api/v1/models/fraud/versions", "", as(token(op.Viewer))).body), &list); err != nil || len(list.Versions) == 0 {
		t.Fatalf("%v: %+v", err, list)
	}
	v := list.Versions[len(list.Versions)-1]
	at := "/api/v1/models/fraud/versions/" + string(v.ID) + "/files/"
	for _, f := range v.Files {
		got := shared.ask(t, "GET", at+f.Name, "", as(token(op.Predictor)))
		sum := sha256.Sum256([]byte(got.body))
		if got.status != http.StatusOK || hex.EncodeToString(sum[:]) != f.SHA256 {
			t.Errorf("%s: status %d, %d bytes", f.Name, got.status, len(got.body))
		}
		if got := shared.ask(t, "GET", at+f.Name, "", nil); got.status != http.StatusUnauthorized {
			t.Errorf("without a token: %d", got.status)
		}
		if got := shared.ask(t, "GET", at+f.Name, "", as(tokenOf("price-predictor"))); got.status != http.StatusNotFound {
			t.Errorf("for who may see another model alone: %d", got.status)
		}
	}
	for _, name := range []string{"", "nothing", "..%2fhone.json", "..%2f..%2f..%2ftoken", "%2e%2e/%2e%2e/token", "hone.json/", "hone.json%00", "/etc/passwd"} {
		if got := shared.ask(t, "GET", at+name, "", as(token(op.Admin))); got.status != http.StatusNotFound && got.status != http.StatusBadRequest && got.status/100 != 3 {
			t.Errorf("%q: %d %.60q", name, got.status, got.body)
		}
	}
}
