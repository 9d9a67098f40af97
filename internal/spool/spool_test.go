package spool_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"hone"
	"hone/internal/clock"
	"hone/internal/spool"
)

func TestCheckName(t *testing.T) {
	t.Parallel()
	f := func(name string, ok bool) {
		t.Helper()
		if err := spool.CheckName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
	f("gw1", true)
	f("a-b-2", true)
	f("honest", true)
	f("", false)
	f("1gw", false)
	f("GW", false)
	f("../x", false)
	f("hone", false) // Its ids would look like those of the server.
	f("hone-2", false)
	f(strings.Repeat("a", 33), false)
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	data, l := t.TempDir(), newLog()
	s := open(t, data, 0)
	if _, err := spool.Open(data, "gw1", spool.Options{Clock: clock.System{}}); err == nil || !strings.Contains(err.Error(), "gw1 runs on this data folder already") {
		t.Errorf("a second gateway of the name: %v", err)
	}
	d := drainOf(data, l, nil)
	drain(t, d) // There is nothing yet.
	put(t, s, 0, 3)
	putScores(t, s, 0, 3)
	drain(t, d)
	l.once(t, 3, 3)
	if want := scores(0, 1)[0]; fmt.Sprintf("%+v", want) != strings.Replace(fmt.Sprintf("%+v", l.shadows[0]), "Seq:1", "Seq:0", 1) {
		t.Errorf("got %+v, want %+v", l.shadows[0], want)
	}
	if !s.Offer("fraud", served(3, 2)) {
		t.Error("not taken")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s.Offer("fraud", served(5, 1)) {
		t.Error("taken after the end")
	}
	if stored, shed, pending, err := s.Stats(); stored != 5 || shed != 1 || pending != 0 || err != nil {
		t.Errorf("stored %d, shed %d, pending %d, %v", stored, shed, pending, err)
	}
	drain(t, d)
	l.once(t, 5, 3)

	s = open(t, data, 0)
	put(t, s, 5, 1)
	drain(t, d)
	l.once(t, 6, 3)
	if got := files(t, data); len(got) != 1 {
		t.Errorf("left %v", got)
	}
	if st := d.Stats(); len(st) != 1 || st[0].Gateway != "gw1" || st[0].Rows != 9 || st[0].Damaged != 0 {
		t.Errorf("counted %+v", st)
	}
}

// A crash of the draining side at any moment repeats nothing and loses nothing:
// each round is a new process that stores and then fails, or not.
func TestDrainCrashes(t *testing.T) {
	t.Parallel()
	data, l := t.TempDir(), newLog()
	n := 0
	for round := range 12 {
		s := open(t, data, 0)
		put(t, s, n, 20)
		putScores(t, s, n, 20)
		n += 20
		if round%3 == 0 { // What was stored is not marked as such.
			l.after, l.shadowAfter = errors.New("died"), nil
		} else if round%3 == 1 {
			l.after, l.shadowAfter = nil, errors.New("died")
		}
		if err := drainOf(data, l, nil).Once(t.Context()); (err == nil) != (round%3 == 2) {
			t.Errorf("round %d: %v", round, err)
		}
		l.after, l.shadowAfter = nil, nil
		if round%2 == 0 {
			drain(t, drainOf(data, l, nil))
			l.once(t, n, n)
		}
		s.Close()
	}
	drain(t, drainOf(data, l, nil))
	l.once(t, n, n)
	l.before = errors.New("the disk is full")
	s := open(t, data, 0)
	put(t, s, n, 1)
	d := drainOf(data, l, nil)
	if err := d.Once(t.Context()); err == nil {
		t.Error("no error")
	}
	l.before = nil
	drain(t, d)
	l.once(t, n+1, n)
	putScores(t, s, n, 5)
	l.shadowAfter = errors.New("the answer was lost")
	if err := d.Once(t.Context()); err == nil {
		t.Error("no error")
	}
	l.shadowAfter = nil
	drain(t, d) // The same process tries again.
	l.once(t, n+1, n+5)
}

// More than is stored at a time is stored all the same.
func TestRounds(t *testing.T) {
	t.Parallel()
	data, l := t.TempDir(), newLog()
	s := open(t, data, 0)
	for i := range 4 {
		put(t, s, 4000*i, 4000)
	}
	drain(t, drainOf(data, l, nil))
	l.once(t, 16_000, 0)
}

// A number is used once, also where nothing is left to tell by which were used.
func TestNumbersGoOn(t *testing.T) {
	t.Parallel()
	data, l := t.TempDir(), newLog()
	d := drainOf(data, l, nil)
	for i := range 3 {
		s := open(t, data, 0)
		put(t, s, i, 1)
		s.Close()
	}
	drain(t, d)
	for _, left := range files(t, data) { // It is stored.
		if err := os.Remove(left); err != nil {
			t.Fatal(err)
		}
	}
	put(t, open(t, data, 0), 3, 1)
	drain(t, d)
	l.once(t, 4, 0)
}

// Without its mark a spool is drained again, and still each row once.
func TestMarkLost(t *testing.T) {
	t.Parallel()
	data, l := t.TempDir(), newLog()
	s := open(t, data, 0)
	put(t, s, 0, 10)
	putScores(t, s, 0, 10)
	drain(t, drainOf(data, l, nil))
	write(t, filepath.Join(spool.Folder(data), "gw1", "drained.json"), []byte("\x00\x00\x00"))
	putScores(t, s, 10, 5)
	put(t, s, 10, 5)
	drain(t, drainOf(data, l, nil))
	l.once(t, 15, 15)
	drain(t, drainOf(data, l, nil))
	l.once(t, 15, 15)
}

// Wherever the gateway dies while it writes, what came before is kept and what
// was cut short is not made up.
func TestTornTail(t *testing.T) {
	t.Parallel()
	whole := func() (data string, sizes []int) {
		data = t.TempDir()
		s := open(t, data, 0)
		for i := range 3 {
			put(t, s, 2*i, 2)
			sizes = append(sizes, len(read(t, files(t, data)[0])))
		}
		s.Close()
		return data, sizes
	}
	data, sizes := whole()
	full := read(t, files(t, data)[0])
	for cut := sizes[1]; cut < len(full); cut += 7 {
		for _, filled := range []bool{false, true} {
			torn := append([]byte(nil), full[:cut]...)
			if filled { // The length came to the disk, the bytes did not.
				torn = append(torn, make([]byte, len(full)-cut)...)
			}
			data, l := t.TempDir(), newLog()
			open(t, data, 0).Close()
			write(t, filepath.Join(spool.Folder(data), "gw1", filepath.Base(files(t, first(whole))[0])), torn)
			d := drainOf(data, l, nil)
			drain(t, d)
			l.once(t, 4, 0)
			s := open(t, data, 0)
			put(t, s, 4, 2)
			drain(t, d)
			l.once(t, 6, 0)
			if st := d.Stats()[0]; st.Damaged != 0 {
				t.Errorf("cut at %d, filled %v: %d bytes count as damaged", cut, filled, st.Damaged)
			}
			s.Close()
		}
	}
}

func first(f func() (string, []int)) string { data, _ := f(); return data }

// A bit that flips in a complete segment costs the rows of its write at most,
// is counted, and the file is kept for a look. Nothing is made up.
func TestDamage(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := open(t, data, 0)
	for i := range 4 {
		put(t, s, 2*i, 2)
	}
	s.Close()
	name := filepath.Base(files(t, data)[0])
	good := read(t, files(t, data)[0])
	for at := 0; at < len(good); at += 11 {
		data, l := t.TempDir(), newLog()
		bad := append([]byte(nil), good...)
		bad[at] ^= 0x10
		open(t, data, 0).Close()
		write(t, filepath.Join(spool.Folder(data), "gw1", name), bad)
		s := open(t, data, 0)
		put(t, s, 8, 1)
		d := drainOf(data, l, nil)
		drain(t, d)
		known := map[hone.PredictionID]bool{}
		for _, p := range append(served(0, 8), served(8, 1)...) {
			known[p.ID] = true
		}
		for _, p := range l.predictions {
			if !known[p.ID] || p.Version != "v2" || p.Unit != "u-1" || len(p.Features) != 5 {
				t.Errorf("a flip at %d made up %+v", at, p)
			}
		}
		if !l.known["gw1-000008"] {
			t.Errorf("a flip at %d took the next segment", at)
		}
		lost := 9 - len(l.predictions)
		aside, _ := filepath.Glob(filepath.Join(spool.Folder(data), "gw1", "*.damaged"))
		if st := d.Stats()[0]; lost > 0 && (st.Damaged == 0 && at < len(good)-len(good)/4 || st.Damaged > 0 != (len(aside) == 1)) {
			t.Errorf("a flip at %d: %d rows lost, %+v, set aside %v", at, lost, st, aside)
		}
		s.Close()
	}
}

// Beyond its limit a spool sheds, and counts each row; it goes on once it was
// drained.
func TestLimit(t *testing.T) {
	t.Parallel()
	data, l := t.TempDir(), newLog()
	s := open(t, data, 20_000)
	sent, taken := 0, 0
	for range 100 {
		_, err := s.AppendPredictions(t.Context(), "fraud", served(taken, 10))
		sent += 10
		if err == nil {
			taken += 10
		} else if e, ok := hone.AsError(err); !ok || e.Code != hone.Unavailable || !strings.Contains(err.Error(), "server.spool") {
			t.Fatal(err)
		}
	}
	stored, shed, _, _ := s.Stats()
	if taken == 0 || taken == sent || stored != int64(taken) || stored+shed != int64(sent) {
		t.Errorf("sent %d, taken %d; counted %d stored, %d shed", sent, taken, stored, shed)
	}
	d := drainOf(data, l, nil)
	drain(t, d)
	l.once(t, taken, 0)
	put(t, s, taken, 10)
	drain(t, d)
	l.once(t, taken+10, 0)
}

func TestEjections(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := open(t, data, 0)
	eject := func(v hone.VersionID, token int64) {
		t.Helper()
		if err := s.Eject(spool.Ejection{Model: "fraud", Version: v, Token: token, Why: "5 faults in a row"}); err != nil {
			t.Fatal(err)
		}
	}
	var heard []string
	fail := true
	d := drainOf(data, newLog(), func(e spool.Ejection) error {
		if fail {
			return errors.New("busy")
		}
		heard = append(heard, fmt.Sprint(e.Model, e.Version, e.Token))
		return nil
	})
	eject("v2", 4)
	if err := d.Once(t.Context()); err == nil {
		t.Error("what could not be told is not an error")
	}
	fail = false
	drain(t, d)
	drain(t, d)
	eject("v3", 5)
	s.Close()
	s = open(t, data, 0)
	eject("v4", 5)
	drain(t, d)
	if got := strings.Join(heard, " "); got != "fraudv24 fraudv35 fraudv45" {
		t.Errorf("heard %s", got)
	}
	heard = nil
	drain(t, drainOf(data, newLog(), func(e spool.Ejection) error {
		heard = append(heard, string(e.Version))
		return nil
	}))
	if got := strings.Join(heard, " "); got != "v3 v4" {
		t.Errorf("after a restart: heard %s, but v2 was ejected under an older plan", got)
	}
}

func TestStartStop(t *testing.T) {
	t.Parallel()
	data, l := t.TempDir(), newLog()
	d := drainOf(data, l, nil)
	d.Stop()
	if err := d.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := open(t, data, 0)
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for k := range 20 {
				if _, err := s.AppendPredictions(context.Background(), "fraud", served(1000*i+10*k, 10)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	s.Close()
	s.Close()
	d.Stop()
	d.Stop()
	drain(t, d)
	if len(l.predictions) != 1600 {
		t.Errorf("%d rows", len(l.predictions))
	}
}

// TestKill starts this test again as a gateway, kills it while it appends, and
// looks for every row that it was told is stored.
func TestKill(t *testing.T) {
	if dir := os.Getenv("SPOOL_TEST_DIR"); dir != "" {
		appendForEver(dir, 0)
		os.Exit(1)
	}
	t.Parallel()
	data, l := t.TempDir(), newLog()
	acked, last := map[hone.PredictionID]bool{}, -1
	for round := range 5 {
		lines := gatewayProcess(t, "TestKill", data, last+1)
		for n := 0; lines.Scan(); n++ {
			var from int
			if _, err := fmt.Sscanf(lines.Text(), "ack %d", &from); err != nil {
				t.Fatal(lines.Text())
			}
			for _, p := range served(from, 10) {
				acked[p.ID] = true
			}
			last = from + 9
			if n == 20+7*round {
				lines.kill()
			}
		}
		last += 20 // Ids that may have been stored and not told.
		drain(t, drainOf(data, l, nil))
	}
	open(t, data, 0).Close()
	drain(t, drainOf(data, l, nil))
	for id := range acked {
		if !l.known[id] {
			t.Errorf("%s is lost", id)
		}
	}
	if extra := len(l.predictions) - len(acked); extra < 0 || extra > 5*10 {
		t.Errorf("%d acknowledged, %d stored", len(acked), len(l.predictions))
	}
}

// TestFailedWrite lets the kernel refuse to let files grow, in another process:
// what is stored and what is shed add up to what was sent.
func TestFailedWrite(t *testing.T) {
	if dir := os.Getenv("SPOOL_TEST_DIR"); dir != "" {
		signal.Ignore(unix.SIGXFSZ)
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 30_000, Max: 30_000}); err != nil {
			fmt.Println(err)
		}
		appendForEver(dir, 600)
		os.Exit(0)
	}
	t.Parallel()
	data, l := t.TempDir(), newLog()
	lines := gatewayProcess(t, "TestFailedWrite", data, 0)
	acked, refused, counted := 0, 0, ""
	for lines.Scan() {
		switch word, _, _ := strings.Cut(lines.Text(), " "); word {
		case "ack":
			acked += 10
		case "refused":
			refused += 10
		default:
			counted = lines.Text()
		}
	}
	open(t, data, 0)
	d := drainOf(data, l, nil)
	drain(t, d)
	if st := d.Stats()[0]; st.Damaged != 0 {
		t.Errorf("%d bytes of what could not be written lie there", st.Damaged)
	}
	if want := fmt.Sprintf("stored %d shed %d", acked, refused); counted != want || refused == 0 || len(l.predictions) != acked || acked+refused != 6000 {
		t.Errorf("%s, want %s; the log has %d", counted, want, len(l.predictions))
	}
}

func appendForEver(data string, rounds int) {
	s, err := spool.Open(data, "gw1", spool.Options{Clock: clock.System{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)
		return
	}
	var from int
	fmt.Sscan(os.Getenv("SPOOL_TEST_FROM"), &from)
	for i := 0; rounds == 0 || i < rounds; i++ {
		if _, err := s.AppendPredictions(context.Background(), "fraud", served(from, 10)); err != nil {
			fmt.Println("refused", from)
		} else {
			fmt.Println("ack", from)
		}
		from += 10
	}
	stored, shed, _, _ := s.Stats()
	fmt.Println("stored", stored, "shed", shed)
}

type process struct {
	*bufio.Scanner
	kill func() error
}

func gatewayProcess(t *testing.T, test, data string, from int) process {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$")
	cmd.Env = append(os.Environ(), "SPOOL_TEST_DIR="+data, fmt.Sprint("SPOOL_TEST_FROM=", from))
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return process{bufio.NewScanner(out), cmd.Process.Kill}
}

// TestRefusals holds that what gateways refused is told of each, adds up over their
// restarts, and holds nothing up where it cannot be read.
func TestRefusals(t *testing.T) {
	t.Parallel()
	data, l := t.TempDir(), newLog()
	d := drainOf(data, l, nil)
	refuse := func(fraud int64) {
		t.Helper()
		s := open(t, data, 0)
		s.CountRefused(func() map[string]int64 { return map[string]int64{"fraud": fraud, "churn": 0} })
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	is := func(d *spool.Drain, model, want string) {
		t.Helper()
		drain(t, d)
		if got := fmt.Sprint(d.Refused(model)); got != want {
			t.Errorf("refused of %s: %s, want %s", model, got, want)
		}
	}
	refuse(0)
	is(d, "fraud", "map[]")
	refuse(3)
	is(d, "fraud", "map[gw1:3]")
	is(d, "churn", "map[]")
	refuse(4)
	refuse(0)
	is(d, "fraud", "map[gw1:7]")
	is(drainOf(data, l, nil), "fraud", "map[gw1:7]")

	file := filepath.Join(spool.Folder(data), "gw1", "refused.json")
	if err := os.WriteFile(file, []byte(`{"fraud": "many`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, data, 0)
	put(t, s, 0, 5)
	is(d, "fraud", "map[gw1:7]")
	l.once(t, 5, 0)
	s.CountRefused(func() map[string]int64 { return map[string]int64{"fraud": 2} })
	s.Close()
	is(d, "fraud", "map[gw1:2]")
}
