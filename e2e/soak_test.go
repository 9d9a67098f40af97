package e2e

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"hone"
	"hone/internal/audit"
	"hone/internal/store"
)

// TestE2EKills kills the server again and again at a random moment of its work,
// while several callers log predictions and labels in batches, ask for
// predictions and start runs. After each kill the folder is opened and held
// against what was acknowledged: nothing lost, nothing twice, nothing invented.
// Five kills; a hundred, and half a million acknowledged events, with
// HONE_TEST_LONG=1; HONE_SOAK is a number of kills, HONE_SEED another seed.
func TestE2EKills(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it starts and kills servers")
	}
	kills, load := 5, 500
	if os.Getenv("HONE_TEST_LONG") != "" {
		kills, load = 100, 7500
	}
	if n, err := strconv.Atoi(os.Getenv("HONE_SOAK")); err == nil {
		kills, load = n, 7500
	}
	seed := uint64(1)
	if n, err := strconv.ParseUint(os.Getenv("HONE_SEED"), 10, 64); err == nil {
		seed = n
	}
	k := &killer{server: prepared(t, ""), random: rand.New(rand.NewPCG(seed, 0)), sent: map[string]bool{}, kept: map[string]string{}}
	k.before(t)
	for i := range kills {
		// Two lives of three come to work hard, the third dies young.
		if k.load = load; i%3 == 2 {
			k.load = 0
		}
		k.life(t)
		k.check(t, i%10 == 9 || i == kills-1)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	k.start()
	k.eventually("the last run is over", func() bool {
		return k.send(5, &acknowledged{labels: map[string]string{}}) == nil && k.model().Open == nil
	})
	k.end(syscall.SIGTERM)
	t.Logf("seed %d: %d kills, %d predictions and %d labels acknowledged, %d runs begun; 0 lost, 0 twice, 0 invented", seed, kills, k.rows, k.labels, k.runs)
}

// killer is a server that is killed while its callers write.
type killer struct {
	*server
	random *rand.Rand

	mu   sync.Mutex
	sent map[string]bool   // Rows that may be there.
	kept map[string]string // Rows that must be there, with their label, if that was acknowledged too.

	fresh  map[string]string // Those of this life.
	load   int               // Events of this life before it may end.
	goal   int
	enough chan struct{}

	batch, rows, labels, runs int
	last, lastLabel           int64 // Numbers of the log so far.
	token                     int64 // Of the newest plan.
	head                      int64 // Of the audit chain.
}

// before notes what the prepared folder holds.
func (k *killer) before(t *testing.T) {
	t.Helper()
	db := k.open(t)
	defer db.Close()
	err := db.Scan(t.Context(), "m", 1<<60, 1<<60, func(o hone.Outcome) error {
		k.sent[string(o.ID)] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (k *killer) open(t *testing.T) *store.DB {
	t.Helper()
	db, err := store.Open(k.at("data"), store.Options{})
	if err != nil {
		t.Fatalf("the folder does not open: %v", err)
	}
	return db
}

// life is one life of the server: it is killed 5 to 500 ms after it came up.
func (k *killer) life(t *testing.T) {
	t.Helper()
	k.fresh, k.enough = map[string]string{}, make(chan struct{})
	goal := k.rows + k.labels + k.load
	k.mu.Lock()
	k.goal = goal
	k.mu.Unlock()
	k.start()
	var callers sync.WaitGroup
	for n := range 2 {
		callers.Go(func() {
			for k.log(n) == nil {
			}
		})
	}
	callers.Go(func() {
		for k.ask() == nil {
		}
	})
	callers.Go(func() {
		if k.do("POST", "/api/v1/models/m/runs", map[string]any{"force": true, "reason": "a test"}, nil) == nil {
			k.runs++
		}
	})
	if k.load > 0 {
		select {
		case <-k.enough:
		case <-time.After(patience):
			t.Errorf("the server does not come to %d events: %s", k.load, k.said)
		}
	}
	<-time.After(time.Duration(5+k.random.IntN(496)) * time.Millisecond)
	k.end(syscall.SIGKILL)
	callers.Wait()
	http.DefaultClient.CloseIdleConnections()
}

// next names rows, and notes that they are on their way.
func (k *killer) next(n int) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.batch++
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("k%d-%d", k.batch, i)
		k.sent[ids[i]] = true
	}
	return ids
}

// acknowledge notes what the server has said to be stored.
func (k *killer) acknowledge(ids []string, label string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range ids {
		k.kept[id], k.fresh[id] = label, label
	}
	if label == "" {
		k.rows += len(ids)
	} else {
		k.labels += len(ids)
	}
	if k.load > 0 && k.goal > 0 && k.rows+k.labels >= k.goal {
		k.goal = 0
		close(k.enough)
	}
}

// log brings a batch of predictions made elsewhere, and their labels.
func (k *killer) log(caller int) error {
	ids := k.next(400)
	rows, labels := make([]map[string]any, len(ids)), make([]map[string]any, len(ids))
	label := strconv.Itoa(caller % 2)
	for i, id := range ids {
		rows[i] = map[string]any{"prediction_id": id, "features": map[string]any{"f0": float64(i % 10), "f1": 5, "f2": 5}}
		labels[i] = map[string]any{"prediction_id": id, "label": label}
	}
	if err := k.do("POST", "/api/v1/models/m/predictions", map[string]any{"predictions": rows}, nil); err != nil {
		return err
	}
	k.acknowledge(ids, "")
	if err := k.do("POST", "/api/v1/models/m/feedback", map[string]any{"feedback": labels}, nil); err != nil {
		return err
	}
	k.acknowledge(ids, label)
	return nil
}

// ask asks for predictions: log is durable, so an answer is an acknowledgement.
func (k *killer) ask() error {
	ids := k.next(20)
	rows := make([]map[string]any, len(ids))
	for i, id := range ids {
		rows[i] = map[string]any{"prediction_id": id, "features": map[string]any{"f0": float64(i % 10), "f1": 5, "f2": 5}}
	}
	if err := k.do("POST", "/api/v1/models/m/predict", map[string]any{"rows": rows}, nil); err != nil {
		return err
	}
	k.acknowledge(ids, "")
	return nil
}

// check opens the folder as the kill left it. It reads what came in this life,
// and now and then all that ever came.
func (k *killer) check(t *testing.T, all bool) {
	t.Helper()
	db := k.open(t)
	defer db.Close()
	if all {
		k.last, k.lastLabel, k.fresh = 0, 0, k.kept
	}
	labels := k.readLabels(t, db)
	seen := make(map[string]bool, len(k.fresh))
	bad := 0
	for {
		page, err := db.Predictions(t.Context(), "m", k.last, 50_000)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page {
			id := string(p.ID)
			want := k.fresh[id]
			if seen[id] || !k.sent[id] || p.Seq != k.last+1 || want != "" && labels[id] != want {
				if bad++; bad < 5 {
					t.Errorf("%s, number %d after %d: there before %v, sent %v, label %q, want %q", id, p.Seq, k.last, seen[id], k.sent[id], labels[id], want)
				}
			}
			seen[id], k.last = true, p.Seq
		}
		if len(page) == 0 {
			break
		}
	}
	lost := 0
	for id := range k.fresh {
		if !seen[id] {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d acknowledged rows are lost", lost, len(k.fresh))
	}
	k.state(t, db)
}

func (k *killer) readLabels(t *testing.T, db *store.DB) map[string]string {
	t.Helper()
	out := map[string]string{}
	for {
		page, next, err := db.Labels(t.Context(), "m", k.lastLabel, 50_000)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page {
			out[string(o.ID)] = o.Label
		}
		if next == k.lastLabel {
			return out
		}
		k.lastLabel = next
	}
}

// state looks at what the loop keeps.
func (k *killer) state(t *testing.T, db *store.DB) {
	t.Helper()
	ctx := t.Context()
	head, hash, err := db.Head(ctx)
	if err == nil {
		_, err = audit.Verify(db.Audit(ctx), audit.Head{Seq: head, Hash: hash})
	}
	if err != nil || head < k.head {
		t.Errorf("the chain goes up to %d, and went to %d: %v", head, k.head, err)
	}
	plan, err := db.Plan(ctx, "m")
	if err != nil || plan.Token < k.token {
		t.Errorf("plan %d follows %d (%v)", plan.Token, k.token, err)
	}
	k.head, k.token = head, plan.Token
	aliases, err := db.Aliases(ctx, "m")
	if err != nil || aliases[hone.Champion] == "" || aliases[hone.Champion] != plan.Champion {
		t.Errorf("aliases %v, the plan serves %s (%v)", aliases, plan.Champion, err)
	}
	versions, err := db.Versions(ctx, "m")
	if err != nil {
		t.Error(err)
	}
	for _, v := range versions[:min(8, len(versions))] {
		if err := db.Blobs().VerifyDir(v.Artefact, v.Files); err != nil {
			t.Errorf("%s: %v", v.ID, err)
		}
	}
	runs, err := db.Runs(ctx, "m", 100)
	if err != nil {
		t.Error(err)
	}
	open := 0
	for _, r := range runs {
		if r.State != hone.Closed {
			open++
		} else if r.Ending == "" || r.Sentence == "" {
			t.Errorf("%s is closed as %q: %q", r.ID, r.Ending, r.Sentence)
		}
	}
	if open > 1 {
		t.Errorf("%d runs are open", open)
	}
	_ = filepath.WalkDir(k.at("data", "plans"), func(p string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(p, ".json") && !d.IsDir() {
			if b, err := os.ReadFile(p); err != nil || !strings.HasSuffix(string(b), "\n") {
				t.Errorf("the plan on disk is cut short (%v): %s", err, b)
			}
		}
		return nil
	})
}
