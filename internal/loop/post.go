package loop

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"hone"
	"hone/internal/deliver"
	"hone/internal/say"
)

// A delivery that failed is tried again after ten seconds, then twice as long each
// time.
const firstTry, lastTry = 10 * time.Second, time.Hour

// Post delivers plans to the owner's servers.
type Post interface {
	Deliver(ctx context.Context, m hone.Model, parcel deliver.Parcel, work string) error
}

// post is how far the delivery of the plan in force is.
type post struct {
	plan    hone.Plan // In force here.
	sent    string    // What was delivered last, as shareOf has it.
	parcel  *deliver.Parcel
	work    chan error // Under way; nil where none is.
	stop    context.CancelFunc
	tries   int
	next    time.Time // Not before, after a failure.
	trouble string
}

// shareOf tells plans apart that give other versions other shares.
func shareOf(p hone.Plan) string {
	return fmt.Sprintf("%s %s %v %s %s", p.Champion, p.Challenger, p.Weight, p.Salt, p.StickyBy)
}

// deliver hands the plan in force to the owner's servers, where they do not have it and
// want it. A newer plan takes the place of one that is on its way.
func (k *keeper) deliver(ctx context.Context, now time.Time) error {
	p := &k.post
	if k.o.Post == nil || k.names == nil || !k.model.Deliver.Wanted() || p.plan.Champion == "" || p.sent == shareOf(p.plan) {
		return nil
	}
	if p.parcel != nil && p.parcel.Plan != p.plan.Token {
		k.recallParcel()
	}
	if p.work != nil || now.Before(p.next) {
		return nil
	}
	if p.parcel == nil {
		parcel, err := k.pack(ctx, p.plan, now)
		if err != nil {
			p.next = now.Add(time.Minute)
			return err
		}
		p.parcel, p.tries = &parcel, 0
	}
	p.next = time.Time{}
	work := filepath.Join(k.o.Dir, "deliveries", k.model.Name)
	if k.o.Inline {
		return k.delivered(ctx, k.o.Post.Deliver(ctx, k.model, *p.parcel, work))
	}
	ctx, stop := context.WithCancel(ctx)
	done, m, parcel := make(chan error, 1), k.model, *p.parcel
	p.work, p.stop = done, stop
	go func() { done <- k.o.Post.Deliver(ctx, m, parcel, work) }()
	return nil
}

// pack makes the parcel of a plan.
func (k *keeper) pack(ctx context.Context, plan hone.Plan, now time.Time) (deliver.Parcel, error) {
	id := plan.Champion
	if plan.Challenger != "" {
		id = plan.Challenger
	}
	v, err := k.o.Control.Version(ctx, k.model.Name, id)
	if err != nil {
		return deliver.Parcel{}, err
	}
	dir, err := k.o.Registry.Dir(v)
	return deliver.Parcel{ID: fmt.Sprintf("hone-%s-%d", plan.Model, plan.Token), At: now, Model: plan.Model, Plan: plan.Token,
		Champion: plan.Champion, Challenger: plan.Challenger, Weight: plan.Weight, Salt: plan.Salt, StickyBy: plan.StickyBy,
		Version: id, Artefact: v.Artefact, Files: v.Files, Folder: dir}, err
}

// delivered notes what came of a try.
func (k *keeper) delivered(ctx context.Context, err error) error {
	p := &k.post
	if p.stop != nil {
		p.stop()
	}
	p.work, p.stop = nil, nil
	if ctx.Err() != nil || p.parcel == nil {
		return ctx.Err()
	}
	parcel := *p.parcel
	if err == nil {
		p.sent, p.parcel, p.trouble, p.next = shareOf(p.plan), nil, "", time.Time{}
		sentence := fmt.Sprintf("Plan %d of %s was delivered: %s.", parcel.Plan, parcel.Model, gives(parcel))
		return k.put(ctx, hone.Change{Event: hone.Event{Action: "plan.delivered", Version: parcel.Version, Sentence: sentence}})
	}
	p.trouble = err.Error()
	if e, ok := hone.AsError(err); ok {
		p.trouble = e.Message
	}
	p.trouble = strings.TrimSuffix(strings.Join(strings.Fields(p.trouble), " "), ".")
	wait := min(lastTry, firstTry<<min(p.tries, 10))
	p.tries++
	p.next = k.o.Clock.Now().Add(wait)
	k.log.WarnContext(ctx, "plan not delivered", "plan", parcel.Plan, "version_id", parcel.Version, "error", err, "again_after", wait)
	if p.tries > 1 {
		return nil // It was said.
	}
	sentence := fmt.Sprintf("Plan %d of %s is not delivered: %s. It is tried again.", parcel.Plan, parcel.Model, say.Clip(p.trouble, 200))
	return k.put(ctx, hone.Change{Event: hone.Event{Action: "plan.undelivered", Version: parcel.Version, Sentence: sentence}})
}

// gives says what a plan gives the version that it brings.
func gives(p deliver.Parcel) string {
	if p.Challenger == "" {
		return fmt.Sprintf("%s is to answer everything", p.Version)
	}
	return fmt.Sprintf("%s is to answer %s, %s the rest", p.Version, say.Percent(p.Weight), p.Champion)
}

// recallParcel ends what is on its way, and waits for it.
func (k *keeper) recallParcel() {
	p := &k.post
	if p.work != nil {
		p.stop()
		<-p.work
	}
	*p = post{plan: p.plan, sent: p.sent}
}
