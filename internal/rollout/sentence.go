package rollout

import "hone/internal/say"

// example adds one message of a fault, at most a line of it.
func example(fault string) string {
	if fault == "" {
		return ""
	}
	return " (" + say.Clip(fault, 80) + ")"
}
