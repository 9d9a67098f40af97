package main

import (
	"errors"
	"fmt"
)

// others plays streams that the benchmark does not have, and prints what it has of its
// own. Nothing is kept, and the page stays as it is.
func (b *bench) others(names []string) error {
	if len(b.recorded(names, "trees", hows[0])) < len(names) {
		return errors.New("play those streams that are there, or say with --data where the others are")
	}
	all, err := b.streams(names)
	if err != nil {
		return err
	}
	p := &page{bench: b}
	p.byLearner(all)
	fmt.Print(p.String())
	return nil
}
