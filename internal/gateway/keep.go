package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"golang.org/x/sys/unix"

	"hone"
	"hone/internal/fault"
	"hone/internal/frame"
)

// Kept is a plan as it lies on disk: with all that a gateway needs to serve it
// and can ask nobody for.
type Kept struct {
	hone.Plan
	// Artefacts are the digests of the plan's versions.
	Artefacts map[hone.VersionID]string `json:"artefacts,omitempty"`
	// Task and Features are those of the model's configuration.
	Task     hone.Task    `json:"task,omitempty"`
	Features frame.Schema `json:"features,omitempty"`
}

// keep writes a plan to disk unless it lies there. s.applying is held.
func (g *Gateway) keep(s *serving, plan hone.Plan) error {
	if g.folder == "" {
		return nil
	}
	k := g.describe(plan)
	if reflect.DeepEqual(s.kept, k) {
		return nil
	}
	if err := k.write(g.folder); err != nil {
		return err
	}
	s.kept = k
	return nil
}

// describe adds to a plan what is kept with it. A version that cannot be found
// is left out, as it is from the plan in force.
func (g *Gateway) describe(plan hone.Plan) Kept {
	k := Kept{Plan: plan}
	if m, ok := g.model(plan.Model); ok {
		k.Task, k.Features = m.Task, m.Features
	}
	if g.artefact == nil {
		return k
	}
	k.Artefacts = map[hone.VersionID]string{}
	for _, v := range versionsOf(plan) {
		digest, err := g.artefact(plan.Model, v)
		if err != nil {
			g.logger.Warn("artefact not kept with the plan", "model", plan.Model, "version_id", v, "error", err)
			continue
		}
		k.Artefacts[v] = digest
	}
	return k
}

// Restore applies the plans that were kept, so that a gateway can go on without
// the rest. A plan that is damaged or whose champion does not load is left out
// and told in the error; the others are in force all the same. A model that is
// no longer configured is passed over.
func (g *Gateway) Restore() error {
	if g.folder == "" {
		return nil
	}
	names, err := keptIn(g.folder)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		if _, ok := g.model(name); !ok {
			continue
		}
		k, err := readKept(g.folder, name)
		if err == nil {
			err = fault.At(fault.PlanRestore)
		}
		if err == nil {
			err = g.applyKept(k)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// applyKept puts a plan in force that lies on disk.
func (g *Gateway) applyKept(k Kept) error {
	s := g.of(k.Model)
	s.applying.Lock()
	defer s.applying.Unlock()
	if err := g.enforce(s, k.Plan); err != nil {
		return err
	}
	s.kept = k
	return nil
}

// keptIn lists the models that have a plan in the folder.
func keptIn(folder string) ([]string, error) {
	files, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the folder of plans: %w", err)
	}
	var names []string
	for _, f := range files {
		if name, ok := strings.CutSuffix(f.Name(), ".json"); ok && !f.IsDir() {
			names = append(names, name)
		}
	}
	return names, nil
}

// write keeps a plan: a line of JSON, and a line with its SHA-256. It does not
// write over a newer one, which another process has put there.
func (k Kept) write(folder string) error {
	b, err := json.Marshal(k)
	if err != nil {
		return err
	}
	if err := errors.Join(fault.At(fault.PlanWrite), os.MkdirAll(folder, 0o700)); err != nil {
		return err
	}
	// The folder's own name must be on disk too. Whoever may write in it may not
	// always list what is beside it.
	if err := syncDir(filepath.Dir(folder)); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	// One process at a time; the lock goes when the folder is closed.
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := unix.Flock(int(d.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock the folder of plans: %w", err)
	}
	if there, err := readKept(folder, k.Model); err == nil && there.Token > k.Token {
		return &hone.Error{Code: hone.Conflict,
			Message: fmt.Sprintf("plan %d of model %s is older than plan %d, which is on disk", k.Token, k.Model, there.Token),
			Hint:    "another process has taken over; this one must stop"}
	}
	name := filepath.Join(folder, k.Model+".json")
	if err := putPlan(name, fmt.Appendf(nil, "%s\n%s\n", b, digest(b))); err != nil {
		return err
	}
	return errors.Join(fault.At(fault.PlanRenamed), fault.Sync(d))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(fault.Sync(d), d.Close())
}

// putPlan puts a file in place, as a whole or not at all.
func putPlan(name string, text []byte) error {
	if err := fault.IO("create", name); err != nil {
		return err
	}
	f, err := os.OpenFile(name+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err = fault.IO("write", name); err == nil {
		_, err = f.Write(text)
	}
	if err == nil {
		err = fault.At(fault.PlanSync)
	}
	if err == nil {
		err = fault.Sync(f)
	}
	if err = errors.Join(err, f.Close(), fault.At(fault.PlanRename), fault.IO("rename", name)); err != nil {
		return err
	}
	return os.Rename(name+".tmp", name)
}

func readKept(folder, model string) (k Kept, err error) {
	file := filepath.Join(folder, model+".json")
	b, err := os.ReadFile(file)
	if err != nil {
		return k, fmt.Errorf("read the plan of model %s: %w", model, err)
	}
	line, sum, _ := strings.Cut(string(b), "\n")
	if sum != digest([]byte(line))+"\n" {
		err = errors.New("its checksum does not fit")
	} else if err = json.Unmarshal([]byte(line), &k); err == nil && k.Model != model {
		err = fmt.Errorf("it is of model %s", quote(k.Model))
	}
	if err != nil {
		return k, &hone.Error{Code: hone.Internal,
			Message: fmt.Sprintf("the plan in %s is damaged: %v", file, err),
			Hint:    "delete the file; it is written anew once the plan comes from the store"}
	}
	return k, nil
}

func digest(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
