package cli_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hone/internal/op"
)

// fraud is a table of n rows with a label that can be learnt.
func fraud(n int) string {
	r := rand.New(rand.NewPCG(3, 4))
	var b strings.Builder
	b.WriteString("ts,amount,country,is_fraud\n")
	for i := range n {
		amount, country, limit := 50+20*r.NormFloat64(), "DE", 60.0
		if i%3 == 0 {
			country, limit = "IT", 40
		}
		label := 0
		if amount > limit {
			label = 1
		}
		fmt.Fprintf(&b, "2026-01-%02dT%02d:%02d:00Z,%.2f,%s,%d\n", 1+i/1440, i/60%24, i%60, amount, country, label)
	}
	return b.String()
}

const configured = `version: 1
server: {data: data}
models:
  fraud:
    task: binary
    features: {amount: number, country: category}
    label: {name: is_fraud}
    log: durable
    approval: manual
    triggers:
      - recoverable_loss: {retrain_cost: 100}
`

// TestCommands runs every command against a server, for people and as JSON.
func TestCommands(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.write("hone.yaml", configured)
	d.write("fraud.csv", fraud(900))
	d.play("commands.txt")
}

// TestNoServer runs the commands where no server runs: what reads works on the
// folder, what acts says how to start one.
func TestNoServer(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.write("hone.yaml", configured)
	d.write("fraud.csv", fraud(600))
	d.play("alone.txt")
}

// TestSlips makes the mistakes that people make at a command line.
func TestSlips(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.write("hone.yaml", configured)
	d.write("broken.yaml", "version: 1\nmodels:\n  fraud:\n    task: binray\n    features: {amount: numbr}\n    lable: {name: y}\n")
	d.write("empty.yaml", "")
	d.write("data.csv", "a,b,y\n1,2,0\n3,4,1\n5,6,0\n")
	d.play("slips.txt")
}

// TestHelp asks each command how it is used: each has an example, which names it.
func TestHelp(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	commands := []string{"demo", "init", "import", "serve", "config check", "config docs", "config show", "version", "help"}
	for _, o := range op.All() {
		commands = append(commands, o.Name)
	}
	overview := d.ok("--help")
	for _, name := range commands {
		if first, _, _ := strings.Cut(name, " "); !strings.Contains(overview, "\n  "+first+" ") {
			t.Errorf("`hone --help` does not list %s", first)
		}
		text := d.ok(append(strings.Fields(name), "--help")...)
		_, examples, ok := strings.Cut(text, "Examples:\n")
		example, _, _ := strings.Cut(examples, "\n")
		if !ok || !strings.HasPrefix(example, "  hone ") {
			t.Errorf("`hone %s --help` has no example:\n%s", name, text)
			continue
		}
		if name != "history" && !strings.HasPrefix(example, "  hone "+name) {
			t.Errorf("the example of %s is %q", name, example)
		}
		if also := d.ok(append([]string{"help"}, strings.Fields(name)...)...); also != text {
			t.Errorf("`hone help %s` says something else", name)
		}
	}
	for _, hidden := range []string{"demo-part", "completion"} {
		if strings.Contains(overview, hidden) {
			t.Errorf("`hone --help` lists %s", hidden)
		}
	}
}

// TestTokens asks a server with tokens that are none, and with another address.
func TestTokens(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.write("hone.yaml", configured)
	d.serve()
	bare := strings.TrimPrefix(d.addr, "http://")
	_, errOut, status := d.run("", "run", "fraud", "--server", bare)
	if status != 1 || !strings.Contains(errOut, "needs the role operator") || !strings.Contains(errOut, "--token") {
		t.Errorf("without a token: %d %s", status, errOut)
	}
	if _, errOut, status = d.run("", "status", "--token", "nobody's"); status != 1 || !strings.Contains(errOut, "nobody has this token") {
		t.Errorf("with nobody's token: %d %s", status, errOut)
	}
	own, err := os.ReadFile(filepath.Join(d.dir, "data", "token"))
	if err != nil {
		t.Fatal(err)
	}
	if _, errOut, status = d.run("", "run", "fraud", "--server", bare+"/", "--token", string(own)); status != 1 || !strings.Contains(errOut, "labelled rows") {
		t.Errorf("with the owner's token: %d %s", status, errOut)
	}
	if out := d.ok("status", "--server", d.addr); !strings.Contains(out, "fraud has no champion yet") {
		t.Errorf("by the server's address: %s", out)
	}
	_, errOut, status = d.run("", "status", "--server", "127.0.0.1:1", "--json")
	var e struct{ Error, Hint, Code string }
	if err := json.Unmarshal([]byte(errOut), &e); err != nil || status != 1 || e.Code != "unavailable" || !strings.Contains(e.Hint, "hone serve") {
		t.Errorf("where nothing answers: %d %s", status, errOut)
	}
}

// TestVaultCommands backs a folder up, checks and restores it, and forgets
// somebody, with and without success.
func TestVaultCommands(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.write("hone.yaml", configured)
	d.write("restored.yaml", strings.Replace(configured, "data: data", "data: restored", 1))
	d.write("fraud.csv", fraud(600))
	d.play("vault.txt")
}
