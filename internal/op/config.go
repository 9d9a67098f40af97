package op

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"hone"
	"hone/internal/config"
	"hone/internal/say"
)

// ConfigIn asks for a configuration.
type ConfigIn struct {
	At string `json:"-" query:"at" help:"the hash of one that was applied, or its beginning (default: the one in force)"`
}

// ConfigList is what was applied, newest first, without texts.
type ConfigList struct {
	Applied []hone.Applied `json:"applied"`
}

// ConfigsIn asks for what was applied.
type ConfigsIn struct {
	Limit int `json:"-" query:"limit" help:"how many at most (default 100)"`
}

// ConfigDiffIn asks what a configuration would change.
type ConfigDiffIn struct {
	Text string `json:"text" help:"the configuration: hone.yaml, or several files each under a line -- NAME --"`
	Days int    `json:"days,omitempty" help:"also re-judge the decisions and verdicts of so many days"`
}

// ConfigDiff is how a configuration differs from the one in force.
type ConfigDiff struct {
	Same bool `json:"same"`
	// Base is the hash of the configuration in force, SHA256 that of the other.
	Base   string `json:"base"`
	SHA256 string `json:"sha256"`
	config.Difference
	// Past is what would have gone otherwise.
	Past     *Past  `json:"past,omitempty"`
	Sentence string `json:"sentence"`
}

// ConfigApplyIn puts a configuration in force.
type ConfigApplyIn struct {
	Text   string `json:"text" help:"the configuration: hone.yaml, or several files each under a line -- NAME --"`
	Base   string `json:"base" help:"the hash of the configuration that this one changes, as the diff gave it; refused when another one is in force by then"`
	Reason string `json:"reason,omitempty" help:"why, for the record"`
}

// ConfigApplied is what applying came to.
type ConfigApplied struct {
	SHA256 string `json:"sha256"`
	config.Difference
	Sentence string `json:"sentence"`
}

func configs() []Operation {
	return []Operation{
		define(Operation{Name: "config", Method: "GET", Path: "/api/v1/config", Role: Viewer,
			Summary: "show the configuration in force", Example: "hone config"},
			func(ctx context.Context, s *Service, _ Caller, in ConfigIn) (hone.Applied, error) {
				if in.At == "" {
					applied, _ := s.Config.Current()
					return applied, nil
				}
				return s.Config.ConfigAt(ctx, strings.ToLower(in.At))
			}),
		define(Operation{Name: "config history", Method: "GET", Path: "/api/v1/config/history", Role: Viewer,
			Summary: "list the configurations that were applied, by whom and when", Example: "hone config history"},
			func(ctx context.Context, s *Service, _ Caller, in ConfigsIn) (ConfigList, error) {
				list, err := s.Config.Configs(ctx, bounded(in.Limit, 100, 1000))
				return ConfigList{list}, err
			}),
		define(Operation{Name: "config diff", Method: "POST", Path: "/api/v1/config/diff", Role: Operator,
			Summary: "say what a configuration would change, and do nothing", Example: "hone config diff --days 14",
			Help: "With days, each recorded decision and verdict of that time is judged again, by itself and on what it rested on: " +
				"what would have followed from another decision is not known."}, diffConfig),
		define(Operation{Name: "config apply", Method: "POST", Path: "/api/v1/config/apply", Role: Admin,
			Summary: "put a configuration in force on the running server", Example: `hone config apply --reason "a gate on latency"`,
			Help: "All of it comes into force or nothing. Models are added, removed and changed without a pause for the others; keys of the server need a restart."}, applyConfig),
	}
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// readConfig reads a configuration that a caller sent.
func readConfig(text string) (*config.Config, error) {
	if strings.TrimSpace(text) == "" {
		return nil, &hone.Error{Code: hone.Invalid, Message: "there is no text of a configuration", Hint: "send the files as text, or use `hone config diff` and `hone config apply`"}
	}
	c, err := config.Parse("hone.yaml", []byte(text))
	if problems, bad := errors.AsType[config.Errors](err); bad {
		return nil, &hone.Error{Code: hone.Invalid, Message: problems.Error(), Hint: "`hone config docs` explains every key"}
	}
	return c, err
}

func diffConfig(ctx context.Context, s *Service, _ Caller, in ConfigDiffIn) (ConfigDiff, error) {
	c, err := readConfig(in.Text)
	if err != nil {
		return ConfigDiff{}, err
	}
	if in.Days < 0 || in.Days > 366 {
		return ConfigDiff{}, &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%d days cannot be looked back on", in.Days), Hint: "write 0 to 366"}
	}
	applied, now := s.Config.Current()
	out := ConfigDiff{Base: applied.SHA256, SHA256: hashOf(c.Text), Difference: config.Diff(now, c)}
	out.Same = out.Difference.Same()
	out.Sentence = differs(out.Difference)
	if in.Days > 0 && !out.Same {
		out.Past, err = s.past(ctx, now, c, out.Difference, s.Clock.Now().Add(-time.Duration(in.Days)*24*time.Hour))
	}
	return out, err
}

// differs counts what differs, in one sentence.
func differs(d config.Difference) string {
	if d.Same() {
		return "Nothing differs from the configuration in force."
	}
	count := map[string]int{}
	for _, m := range d.Models {
		count[m.Kind]++
	}
	var parts []string
	for _, kind := range []string{"added", "removed", "changed"} {
		if n := count[kind]; n > 0 {
			parts = append(parts, say.Count(n, "model is "+kind, "models are "+kind))
		}
	}
	if len(d.Budget) > 0 {
		parts = append(parts, "the budget that models share is changed")
	}
	if n := len(d.Server); n > 0 {
		parts = append(parts, say.Count(n, "key of the server differs and needs a restart", "keys of the server differ and need a restart"))
	}
	return strings.ToUpper(parts[0][:1]) + strings.Join(parts, "; ")[1:] + "."
}

func applyConfig(ctx context.Context, s *Service, who Caller, in ConfigApplyIn) (ConfigApplied, error) {
	c, err := readConfig(in.Text)
	if err != nil {
		return ConfigApplied{}, err
	}
	if len(in.Reason) > 1000 {
		return ConfigApplied{}, &hone.Error{Code: hone.Invalid, Message: "the reason is longer than 1000 bytes", Hint: "say it shorter"}
	}
	if len(in.Base) < 12 {
		return ConfigApplied{}, &hone.Error{Code: hone.Invalid, Message: "it is not said which configuration this one changes",
			Hint: "send as base the hash that the diff gave, at least 12 letters of it"}
	}
	_, now := s.Config.Current()
	out := ConfigApplied{SHA256: hashOf(c.Text), Difference: config.Diff(now, c)}
	next := hone.Applied{SHA256: out.SHA256, At: s.Clock.Now(), By: who.Name, Reason: in.Reason, Live: true, Text: c.Text}
	if err := s.Config.Apply(ctx, strings.ToLower(in.Base), next, c); err != nil {
		return ConfigApplied{}, err
	}
	out.Sentence = fmt.Sprintf("Configuration %.12s is in force. ", out.SHA256) + differs(out.Difference)
	if out.Same() {
		out.Sentence = fmt.Sprintf("Configuration %.12s is in force; no model changed.", out.SHA256)
	}
	return out, nil
}
