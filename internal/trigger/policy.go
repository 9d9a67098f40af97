package trigger

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"hone"
)

// onPolicy fires when candidates would be judged by something else than what the
// champion was proven under, once for each change.
func onPolicy(in Input) finding {
	f := finding{Reason: hone.Reason{Trigger: hone.OnPolicy, Limit: 1}}
	if in.Policy == nil || in.Proven == nil {
		f.Unknown = true
		f.wait = "a change of policy cannot be told"
		f.Sentence = "Whether the policy changed cannot be told: what " + string(in.Champion) + " was proven under was not recorded."
		if in.Policy == nil {
			f.Sentence = "Whether the policy changed cannot be told: the file of anchor cases cannot be read."
		}
		return f
	}
	changed := differences(*in.Proven, *in.Policy)
	if len(changed) == 0 {
		f.wait = "its policy is unchanged"
		f.Sentence = "Candidates are judged as " + string(in.Champion) + " was."
		return f
	}
	f.Value = float64(len(changed))
	what := join(changed)
	now := fingerprint(*in.Policy)
	for _, r := range in.Runs {
		if r.State == hone.Closed && r.Champion == in.Champion && r.Decision.Policy == now {
			f.wait = "a run has answered the change of its policy"
			f.Sentence = "The policy changed (" + what + "), and " + string(r.ID) + " was judged by it; " + string(in.Champion) + " stayed."
			return f
		}
	}
	f.Fired = true
	f.start = what + " changed since its champion was proven."
	f.Sentence = capital(what) + " changed since " + string(in.Champion) + " was proven."
	return f
}

// differences names the parts of a policy that are not the same.
func differences(was, is hone.Policy) (out []string) {
	for _, part := range []struct {
		name   string
		before any
		now    any
	}{
		{"the loss", was.Loss, is.Loss}, {"the gates", was.Gates, is.Gates}, {"the evidence", was.Evidence, is.Evidence},
		{"the slices", was.Slices, is.Slices}, {"the anchor cases", was.Anchor, is.Anchor},
	} {
		if digest(part.before) != digest(part.now) {
			out = append(out, part.name)
		}
	}
	return out
}

// join writes a, b and c.
func join(parts []string) string {
	if len(parts) == 1 {
		return parts[0]
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}

// fingerprint names a policy.
func fingerprint(p hone.Policy) string { return digest(p)[:16] }

func digest(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		b = []byte(err.Error()) // A limit that is no number, which no configuration has.
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
