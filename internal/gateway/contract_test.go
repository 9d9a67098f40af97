package gateway_test

import (
	"encoding/json"
	"os"
	"testing"

	"hone/internal/gateway"
)

// TestBucketContract holds the buckets against those that clients in other languages
// are tested with.
func TestBucketContract(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../testdata/contract/bucket.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Salt, Unit string
		Bucket     float64
	}
	if err := json.Unmarshal(raw, &cases); err != nil || len(cases) == 0 {
		t.Fatalf("%d cases: %v", len(cases), err)
	}
	for _, c := range cases {
		if got := gateway.Bucket(c.Salt, c.Unit); got != c.Bucket {
			t.Errorf("%q %q: got %v, want %v", c.Salt, c.Unit, got, c.Bucket)
		}
	}
}
