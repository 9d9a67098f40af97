package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"hone"
)

// Hash returns the SHA-256, in hex, of the model's canonical JSON: keys sorted,
// numbers in one form. Two files that mean the same give the same hash. It is
// empty for a model that JSON cannot hold (NaN), which Parse never returns.
func Hash(m hone.Model) string {
	b, err := json.Marshal(m)
	if err != nil {
		return ""
	}
	var tree any
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := dec.Decode(&tree); err != nil {
		return ""
	}
	if b, err = json.Marshal(tree); err != nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
