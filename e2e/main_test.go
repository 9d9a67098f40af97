// Package e2e builds the binary, starts it on loopback and talks HTTP to it.
package e2e

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"hone"
	"hone/internal/learn/linear"
	"hone/internal/predictor"
	"hone/internal/table"
)

// binary is the hone under test.
var binary string

// The test binary is also the trainer that the tests configure: with the
// argument trainer it trains, unless a file in the given folder tells it to wait;
// with the argument server it serves a model that turns bad.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "trainer" {
		if err := train(os.Args[2], os.Getenv("HONE_RUN")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) == 4 && os.Args[1] == "server" {
		fmt.Fprintln(os.Stderr, turning(os.Args[2], os.Args[3]))
		os.Exit(1)
	}
	flag.Parse()
	os.Exit(runAll(m))
}

func runAll(m *testing.M) int {
	if testing.Short() {
		fmt.Println("-short: the tests that start servers are skipped")
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "hone-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "hone")
	if out, err := exec.Command("go", "build", "-o", binary, "../cmd/hone").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// train fits the rows of a run. It says that it has begun, and waits for as long
// as there is a file that tells it to.
func train(control, run string) error {
	version, _, _ := strings.Cut(filepath.Base(run), ".")
	if err := blurt(control, run); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(run, "tmp", "begun"), nil, 0o600); err != nil {
		return err
	}
	for exists(filepath.Join(control, "block-"+version)) {
		if err := burn(control); err != nil {
			return err
		}
		<-time.After(5 * time.Millisecond)
	}
	raw, err := os.ReadFile(filepath.Join(run, "schema.json"))
	if err != nil {
		return err
	}
	var schema struct {
		hone.Signature
		Label string `json:"label"`
	}
	if err := json.Unmarshal(raw, &schema); err != nil {
		return err
	}
	rows, extra, err := table.ReadParquet(filepath.Join(run, "train.parquet"), schema.Features)
	if err != nil {
		return err
	}
	var y []float64
	for _, e := range extra {
		for _, l := range e.Strings {
			y = append(y, schema.Target(l))
		}
	}
	fit, err := linear.Fit(rows, y, nil, linear.Defaults(), nil, nil)
	if err != nil {
		return err
	}
	dir := filepath.Join(run, "output", "model")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := predictor.WriteLinear(dir, schema.Signature, fit); err != nil {
		return err
	}
	if spec, err := os.ReadFile(filepath.Join(control, "upstream")); err == nil {
		m := predictor.Manifest{Format: "upstream", Signature: schema.Signature}
		if err := json.Unmarshal(spec, &m.Upstream); err != nil {
			return err
		}
		return errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700), predictor.WriteManifest(dir, m))
	}
	how, err := os.ReadFile(filepath.Join(control, "turning"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	program, self := os.Executable()
	if err := errors.Join(err, self, os.Remove(filepath.Join(dir, predictor.ManifestName))); err != nil {
		return err
	}
	return predictor.WriteManifest(dir, predictor.Manifest{Format: "process", Signature: schema.Signature,
		Command: []string{program, "server", string(how), filepath.Join(control, "bad")}})
}

// burn uses every core for as long as a file tells it to.
func burn(control string) error {
	if !exists(filepath.Join(control, "burn")) {
		return nil
	}
	here := filepath.Join(control, "burns")
	if err := os.WriteFile(here+".new", []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		return err
	}
	if err := os.Rename(here+".new", here); err != nil {
		return err
	}
	var wait sync.WaitGroup
	for range runtime.NumCPU() {
		wait.Go(func() {
			for x := 1.5; exists(filepath.Join(control, "burn")); {
				for range 1_000_000 {
					x = x*1.0000001 + 1e-9
				}
			}
		})
	}
	wait.Wait()
	return os.Remove(here)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
