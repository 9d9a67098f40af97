package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"hone"
	"hone/internal/config"
	"hone/internal/fault"
	"hone/internal/op"
)

// configuration is what is in force. It is safe for concurrent use.
type configuration struct {
	app   *App
	force atomic.Pointer[inForce]

	mu sync.Mutex // Held while another one comes into force.
}

// inForce is a configuration as it was applied and as it was read.
type inForce struct {
	applied hone.Applied
	config  *config.Config
}

// Current is the configuration in force.
func (c *configuration) Current() (hone.Applied, *config.Config) {
	f := c.force.Load()
	return f.applied, f.config
}

func (c *configuration) applied() hone.Applied { return c.force.Load().applied }

// Model returns a model's configuration.
func (c *configuration) Model(name string) (hone.Model, bool) {
	m, ok := c.force.Load().config.Models[name]
	return m, ok
}

// modelAt returns a model's configuration as it was at a time.
func (c *configuration) modelAt(ctx context.Context, name string, at time.Time) (hone.Model, error) {
	since, err := c.app.db.ConfigsSince(ctx, at)
	if err != nil {
		return hone.Model{}, err
	}
	if len(since) > 0 {
		then, err := config.Parse("hone.yaml", []byte(since[0].Text))
		if err != nil {
			return hone.Model{}, fmt.Errorf("read the configuration of %s: %w", at.Format(time.RFC3339), err)
		}
		if m, ok := then.Models[name]; ok {
			return m, nil
		}
	}
	return hone.Model{}, &hone.Error{Code: hone.NotFound, Message: fmt.Sprintf("how %s was configured at %s is not known", name, at.Format(time.RFC3339)),
		Hint: "`hone config history` lists what was applied"}
}

// Configs lists what was applied, newest first.
func (c *configuration) Configs(ctx context.Context, limit int) ([]hone.Applied, error) {
	return c.app.db.Configs(ctx, limit)
}

// ConfigAt is the newest that was applied whose hash begins so.
func (c *configuration) ConfigAt(ctx context.Context, sha string) (hone.Applied, error) {
	return c.app.db.ConfigAt(ctx, sha)
}

// start takes the files that the server was started with for the truth, and
// records them where they are not what was applied last, and with them the owner
// where one got a new token.
func (c *configuration) start(ctx context.Context, owner *hone.Principal) error {
	a := c.app
	sum := sha256.Sum256(a.o.Text)
	now := hone.Applied{SHA256: hex.EncodeToString(sum[:]), At: a.o.Clock.Now(), By: op.Owner, Text: string(a.o.Text)}
	last, err := a.db.Config(ctx)
	if err != nil {
		return err
	}
	if last != nil && (last.SHA256 == now.SHA256 || a.o.Passive) {
		c.force.Store(&inForce{*last, a.read(last.Text)})
		return c.admit(ctx, owner, false)
	}
	c.force.Store(&inForce{now, a.read(now.Text)})
	if a.o.Passive {
		return c.admit(ctx, owner, true)
	}
	var d config.Difference
	if last != nil {
		if before, err := config.Parse("hone.yaml", []byte(last.Text)); err == nil {
			d = config.Diff(before, c.force.Load().config)
		}
		if last.Live {
			a.o.Log.WarnContext(ctx, "the files differ from the configuration that was applied to the running server; the files are in force",
				"applied_by", last.By, "applied_at", last.At, "applied", short(last.SHA256), "files", short(now.SHA256),
				"restore", "hone config show --applied --at "+short(last.SHA256)+" --out DIR")
		}
	}
	if err := c.record(ctx, now, c.force.Load().config, d, owner); err != nil {
		return err
	}
	return c.keepToken(owner)
}

// admit records a new token of the owner's, where there is one.
func (c *configuration) admit(ctx context.Context, owner *hone.Principal, first bool) error {
	if owner == nil {
		return nil
	}
	action, sentence := "principal.rotated", "The owner got a new token, which is in the data folder."
	if first {
		action, sentence = "principal.added", "The owner got a token, which is in the data folder."
	}
	data, err := json.Marshal(owner)
	if err != nil {
		return err
	}
	_, err = c.app.db.Commit(ctx, c.app.db.Fence(), hone.Change{Principal: owner, Event: hone.Event{At: c.app.o.Clock.Now(), Actor: op.Owner,
		Action: action, Sentence: sentence, Data: data}})
	if err != nil {
		return err
	}
	return c.keepToken(owner)
}

// keepToken writes the token file once the token is good.
func (c *configuration) keepToken(owner *hone.Principal) error {
	if owner == nil {
		return nil
	}
	if err := fault.At(fault.TokenWrite); err != nil {
		return err
	}
	if err := writeToken(c.app.config.Server.Data, c.app.token); err != nil {
		return err
	}
	return fault.At(fault.TokenRename)
}

// read reads an applied text, which is taken as it was given where it is none.
func (a *App) read(text string) *config.Config {
	c, err := config.Parse("hone.yaml", []byte(text))
	if err != nil {
		return a.o.Config
	}
	c.Dir = a.o.Config.Dir
	return c
}

func short(sha string) string { return sha[:min(len(sha), 12)] }

func (c *configuration) record(ctx context.Context, next hone.Applied, to *config.Config, d config.Difference, owner *hone.Principal) error {
	facts := map[string]any{"sha256": next.SHA256, "reason": next.Reason, "diff": d}
	if owner != nil {
		facts["principal"] = owner
	}
	data, err := json.Marshal(facts)
	if err != nil {
		return err
	}
	sentence := fmt.Sprintf("A configuration was applied, with these models: %s.", strings.Join(slices.Sorted(maps.Keys(to.Models)), ", "))
	if next.Live {
		sentence = fmt.Sprintf("%s applied configuration %s%s.", next.By, short(next.SHA256), becauseOf(next.Reason))
	}
	if err := fault.At(fault.ConfigBefore); err != nil {
		return err
	}
	_, err = c.app.db.Commit(ctx, c.app.db.Fence(), hone.Change{Config: &next, Principal: owner,
		Event: hone.Event{At: next.At, Actor: next.By, Action: "config.applied", Sentence: sentence, Data: data}})
	if err == nil {
		err = fault.At(fault.ConfigAfter)
	}
	return err
}

func becauseOf(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + strings.TrimSuffix(reason, ".")
}

// Apply puts a configuration in force on the running server.
func (c *configuration) Apply(ctx context.Context, base string, next hone.Applied, to *config.Config) error {
	if c.app.o.Passive {
		return &hone.Error{Code: hone.Unavailable, Message: "no server is running", Hint: "start one with `hone serve`: it takes the files as they are"}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.force.Load()
	if !strings.HasPrefix(now.applied.SHA256, base) {
		return &hone.Error{Code: hone.Conflict,
			Message: fmt.Sprintf("configuration %s is in force, which %s applied at %s, and not %s", short(now.applied.SHA256), now.applied.By,
				now.applied.At.UTC().Format("2006-01-02 15:04:05 UTC"), short(base)),
			Hint: "take over what changed meanwhile (`hone config show --applied`), look at `hone config diff`, then apply again"}
	}
	if next.SHA256 == now.applied.SHA256 {
		return nil
	}
	to.Dir = c.app.config.Dir
	d := config.Diff(now.config, to)
	return c.app.loop.Reconfigure(ctx, to.Models, to.Budget, func(ctx context.Context) error {
		if err := c.record(ctx, next, to, d, nil); err != nil {
			return err
		}
		c.force.Store(&inForce{next, to})
		return nil
	})
}
