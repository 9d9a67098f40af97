package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"hone/bench/bar"
	"hone/internal/fault"
)

// test runs tests in full size and returns what they said. A test that fails
// leaves no figure.
func test(b *bar.Bench, args ...string) ([]byte, error) {
	return testIn(b, "HONE_TEST_LONG=1", args...)
}

// testIn runs tests with a variable of the environment.
func testIn(b *bar.Bench, env string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", append([]string{"test", "-count=1", "-timeout=30m"}, args...)...)
	cmd.Dir = b.Root
	cmd.Env = append(os.Environ(), env)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return out, fmt.Errorf("go test %s: %w: …%s", strings.Join(args, " "), err, out[max(0, len(out)-2000):])
	}
	return out, nil
}

// figures reads the numbers that a test logged.
func figures(out []byte, pattern string) ([]float64, error) {
	m := regexp.MustCompile(pattern).FindSubmatch(out)
	if m == nil {
		return nil, fmt.Errorf("the test said nothing like %q", pattern)
	}
	var x []float64
	for _, s := range m[1:] {
		n, err := strconv.ParseFloat(string(s), 64)
		if err != nil {
			return nil, err
		}
		x = append(x, n)
	}
	return x, nil
}

// kills is what is lost of what was acknowledged when the server is killed at
// random moments of its work. The test fails at the first event that is lost,
// there twice, or was never sent.
func kills(b *bar.Bench) error {
	out, err := test(b, "-v", "-run", "TestE2EKills", "./e2e")
	if err != nil {
		return err
	}
	x, err := figures(out, `(\d+) kills, (\d+) predictions and (\d+) labels acknowledged, (\d+) runs begun; (\d+) lost, (\d+) twice, (\d+) invented`)
	if err != nil {
		return err
	}
	b.Keep("kills", "kills", x[0])
	b.Keep("acknowledged", "events", x[1]+x[2])
	b.Keep("runs", "runs", x[3])
	b.Keep("lost", "events", x[4]+x[5]+x[6])
	return nil
}

// failpoints is the share of named points that the tests met and broke in every
// way, each with a whole folder after it.
func failpoints(b *bar.Bench) error {
	out, err := test(b, "-json", "-run", "TestFaults$", "./internal/app")
	if err != nil {
		return err
	}
	broken := map[string]int{}
	for line := range bytes.Lines(out) {
		var e struct{ Action, Test string }
		if json.Unmarshal(line, &e) != nil || e.Action != "pass" {
			continue
		}
		if rest, ok := strings.CutPrefix(e.Test, "TestFaults/"); ok {
			point, _, _ := strings.Cut(rest, "/")
			broken[point]++
		}
	}
	whole := 0
	for _, p := range fault.Points() {
		if broken[string(p)] >= len(fault.Modes()) {
			whole++
		}
	}
	b.Keep("points", "points", float64(whole))
	b.Keep("hit", "%", 100*float64(whole)/float64(len(fault.Points())))
	return nil
}

// controlKilled is what users of a gateway notice of a server that is gone for a
// minute. The test fails at the first prediction that does.
func controlKilled(b *bar.Bench) error {
	out, err := test(b, "-v", "-run", "TestE2EGateway$", "./e2e")
	if err != nil {
		return err
	}
	x, err := figures(out, `(\d+) answers, (\d+) failed; the server was away`)
	if err != nil {
		return err
	}
	b.Keep("answers", "answers", x[0])
	b.Keep("failed", "predictions", x[1])
	return nil
}

// races counts what the race detector reports over all packages.
func races(b *bar.Bench) error {
	out, err := testIn(b, "CGO_ENABLED=1", "-race", "-short", "./...")
	reports := bytes.Count(out, []byte("WARNING: DATA RACE"))
	if err != nil && reports == 0 {
		return err
	}
	b.Keep("reports", "reports", float64(reports))
	b.Keep("packages", "packages", float64(len(regexp.MustCompile(`(?m)^ok\s`).FindAll(out, -1))))
	return nil
}
