package command_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestNoShell has what a shell would act on in every argument and parameter of a
// trainer: it comes to the trainer as it stands, and nothing else is run.
func TestNoShell(t *testing.T) {
	t.Parallel()
	marker := filepath.Join(t.TempDir(), "marker")
	hostile := []string{"; touch " + marker, "$(touch " + marker + ")", "`touch " + marker + "`", "| touch " + marker, "&& touch " + marker, "\ntouch " + marker + "\n", "> " + marker, "' ; touch " + marker + " ; '",
		`" ; touch ` + marker + ` ; "`, "-c", "--help", "-rf", "--", "%s%n%x", "$HOME", "${IFS}", "~", "*", "{a,b}", "\\", "!!", "#", "é\u202e", "", " "}
	j := job(t, "args")
	j.Model.Train.Command = append(j.Model.Train.Command, hostile...)
	j.Params = map[string]any{}
	for _, s := range hostile {
		j.Params[s] = s
	}
	j.Model.Name = "fraud; touch " + marker
	_, got, err := run(t, j)
	if err != nil {
		t.Fatal(err)
	}
	seen, err := os.ReadFile(filepath.Join(got.Dir, "seen"))
	if err != nil || !slices.Equal(strings.Split(string(seen), "\x00"), hostile) {
		t.Errorf("the trainer was started with %q (%v), want %q", seen, err, hostile)
	}
	var params map[string]any
	b, err := os.ReadFile(filepath.Join(j.Dir, "params.json"))
	if err != nil || json.Unmarshal(b, &params) != nil {
		t.Fatalf("params.json: %s, %v", b, err)
	}
	for _, s := range hostile {
		if params[s] != s {
			t.Errorf("the parameter %q has become %q", s, params[s])
		}
	}
	if _, err := os.Lstat(marker); err == nil {
		t.Error("a shell has acted on what it was given")
	}
}
