// Package deliver hands a plan, and with it the version that gets traffic, to the
// servers of its owner: by a program of theirs or by a signed webhook. When that is due,
// and how often it is tried, is left to loop; what came of it the log of predictions says.
package deliver

import (
	"context"
	"fmt"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/sandbox"
)

// Parcel is one plan on its way. A parcel that is tried again has the same ID: who
// receives it twice knows it by that.
type Parcel struct {
	ID    string    `json:"id"`
	At    time.Time `json:"at"`
	Model string    `json:"model"`
	// Plan grows with each change; who has a newer one passes an older one over.
	Plan       int64          `json:"plan"`
	Champion   hone.VersionID `json:"champion"`
	Challenger hone.VersionID `json:"challenger,omitempty"`
	Weight     float64        `json:"weight"` // The challenger's share.
	Salt       string         `json:"salt,omitempty"`
	StickyBy   string         `json:"sticky_by,omitempty"`
	// Version is the one that gets traffic by this plan, the challenger or else the
	// champion, and Artefact its digest.
	Version  hone.VersionID `json:"version"`
	Artefact string         `json:"artefact"`
	Files    []hone.File    `json:"files"`
	// Folder of the version's files on this machine.
	Folder string `json:"-"`
}

// Post delivers parcels.
type Post struct {
	// Dir is where the configuration lies: commands run there, and paths of secrets
	// begin there. Data is the folder of everything that Hone stores.
	Dir, Data string
	Box       sandbox.Spec
	Clock     clock.Clock
}

// Deliver returns once the parcel has arrived. An error that the owner can do
// something about is a *hone.Error. Work is a folder of the call's own.
func (p Post) Deliver(ctx context.Context, m hone.Model, parcel Parcel, work string) error {
	switch d := m.Deliver; {
	case len(d.Command) > 0:
		return p.run(ctx, m, parcel, work)
	case d.Webhook != "":
		return p.send(ctx, d, parcel)
	}
	return nil
}

func failed(hint, format string, args ...any) error {
	return &hone.Error{Code: hone.Unavailable, Message: fmt.Sprintf(format, args...), Hint: hint}
}
