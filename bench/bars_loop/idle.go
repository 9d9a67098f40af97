package main

import (
	"fmt"
	"time"

	"hone/bench/bar"
	"hone/bench/rig"
	"hone/internal/clock"
)

const (
	idleCount  = 200
	idleWindow = 20 * time.Second
	calm       = 20 * time.Second // What a server is given to come to rest.
)

// idleModels is what 200 models cost that are asked nothing: right after their
// first training, and after a restart.
func idleModels(b *bar.Bench) error {
	w := rig.NewWorld(8)
	names := make([]string, idleCount)
	for i := range names {
		names[i] = fmt.Sprintf("m%03d", i)
	}
	path, err := rig.Config(b.Work, w, "buffered", names...)
	if err != nil {
		return err
	}
	s, err := rig.Serve(b.Hone, b.Work, path)
	if err != nil {
		return err
	}
	watch := clock.Start()
	err = teachAll(s, w, names)
	b.Keep("import", "s", watch.Elapsed().Seconds())
	if err == nil {
		err = idle(b, s.Process, "")
	}
	s.Stop()
	if err != nil {
		return err
	}
	if s, err = rig.Serve(b.Hone, b.Work, path); err != nil {
		return err
	}
	defer s.Stop()
	for _, name := range names {
		if err := s.Ready(name); err != nil {
			return err
		}
	}
	return idle(b, s.Process, "restarted_")
}

func teachAll(s *rig.Server, w *rig.World, names []string) error {
	for _, name := range names {
		if err := s.Teach(name, w, 0, 400); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := s.Ready(name); err != nil {
			return err
		}
	}
	return nil
}

// idle samples a process that was left alone for a while.
func idle(b *bar.Bench, p *bar.Process, prefix string) error {
	<-clock.System{}.After(calm)
	before, err := p.CPU()
	if err != nil {
		return err
	}
	var rss []float64
	watch := clock.Start()
	for watch.Elapsed() < idleWindow {
		n, err := p.RSS()
		if err != nil {
			return err
		}
		rss = append(rss, float64(n)/(1<<20))
		<-clock.System{}.After(time.Second)
	}
	after, err := p.CPU()
	if err != nil {
		return err
	}
	b.Keep(prefix+"rss", "MiB", rss...)
	b.Keep(prefix+"cpu", "%", 100*(after-before).Seconds()/watch.Elapsed().Seconds())
	return nil
}
