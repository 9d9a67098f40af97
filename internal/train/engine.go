package train

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"hone"
)

// Name names one attempt at one training.
type Name struct {
	Run hone.RunID
	// Part is what of the run is trained: a run trains more than one version.
	Part    string
	Attempt int // From 1.
}

// String is RUN.PART.ATTEMPT, which no two names share.
func (n Name) String() string { return string(n.Run) + "." + n.Part + "." + strconv.Itoa(n.Attempt) }

var plain = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

// Check refuses a name that could not stand in a path or an address.
func (n Name) Check() error {
	if plain.MatchString(string(n.Run)) && plain.MatchString(n.Part) && n.Attempt > 0 {
		return nil
	}
	return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%q is no name of a training", n), Hint: "name the run, the part and the attempt, from 1"}
}

// State is how an attempt stands.
type State string

// The states.
const (
	Unknown   State = ""          // Nobody submitted it, or the engine has forgotten it and all it did.
	Running   State = "running"   // Submitted and not over, whether it trains yet or waits.
	Finished  State = "finished"  // Its result can be fetched.
	Failed    State = "failed"    // By itself, or at a limit; Result says why.
	Cancelled State = "cancelled" // By Cancel.
	Lost      State = "lost"      // It was ended by what is no fault of its own, and nothing of it runs any more.
)

// Status is what an engine knows of an attempt.
type Status struct {
	State  State
	Inputs string // Of its job.
	// Processor is the time that it took of processors, once it is over; 0 where that is
	// not known, as of one whose process was killed.
	Processor time.Duration
}

// Engine runs trainings under names, on this machine or elsewhere, so that Hone
// may die at any point, start again and ask what became of them. It is safe for
// concurrent use, also by several processes over the same place.
//
// A name is used once. After an attempt that ended without a result comes one of
// the next number, which finds the checkpoint/ that the last of the same inputs
// left. No two attempts at one part of a run train at the same time, and none
// reads or writes where another does. What the trainer is given is the job's, and
// nothing else of the dataset.
//
// Whether a training outlives the process that submitted it is the engine's
// choice. One that ends with it tells its attempts as lost afterwards, and only
// once it has made sure that nothing of them is left.
type Engine interface {
	// Submit begins a training, and returns once the engine will answer for it
	// whatever happens to this process. A name that was used stays as it is: to
	// submit a second time is harmless. It refuses a name that was used for other
	// inputs, and an attempt while an earlier one is running (conflict). The job's
	// rows must not change until it is over.
	Submit(ctx context.Context, n Name, job Job) error
	// State tells how an attempt stands. One that is not running never runs again.
	State(ctx context.Context, n Name) (Status, error)
	// Follow hands on the reports of an attempt from a position on, which counts
	// them from 0, each once and in their order. It returns the position behind the
	// last once the attempt is over, however it ended, or with the context's cause
	// once that is. An unknown attempt is not found.
	Follow(ctx context.Context, n Name, from int, report func(Progress)) (int, error)
	// Cancel ends an attempt: the trainer is asked to stop, has a few seconds to
	// write its checkpoint/, and is gone when Cancel returns. What is over, or
	// unknown, stays as it is.
	Cancel(ctx context.Context, n Name) error
	// Result fetches what a finished attempt made into a folder on this machine,
	// which stays until the run's folder is removed or a later attempt takes its
	// place. For a failed one it returns why, as Train of a Trainer does; a failure
	// that is no *hone.Error, or is unavailable, is worth another attempt. In any
	// other state there is none (unavailable).
	Result(ctx context.Context, n Name) (Result, error)
}
