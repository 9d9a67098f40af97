package config_test

import (
	"fmt"
	"strings"
	"testing"

	"hone/internal/config"
)

// TestNothingIsFetched writes addresses, in every form that was ever found to
// pass a check, wherever the configuration names a file or a host: each is
// refused. What looks like one and is no address is a file's name.
func TestNothingIsFetched(t *testing.T) {
	t.Parallel()
	forms := []string{"server: {data: %q}", "server: {listen: '0.0.0.0:1', hosts: [a], tls: {cert: %q, key: k}}", "server: {listen: '0.0.0.0:1', hosts: [a], tls: {cert: c, key: %q}}",
		"server: {hosts: [%q]}", "server: {listen: %q}", "m: {dataset: {anchor: %q}}", "m: {gates: [{regression_tests: %q, max_failures: 0}]}"}
	hosts := []string{"127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254", "metadata.google.internal", "localhost", "10.0.0.1", "evil@127.0.0.1", "127.0.0.1.nip.io", "bücher.example"}
	n := 0
	for _, scheme := range []string{"http://", "https://", "HTTP://", "ftp://", "gopher://", "unix://", "s3://", "gs://", "ssh://", "git+ssh://", "jar:http://", "data://", "file://"} {
		for _, host := range hosts {
			for _, form := range forms {
				if _, err := config.Parse("hone.yaml", written(form, scheme+host+"/x")); err == nil {
					t.Errorf(form+" is taken", scheme+host+"/x")
				}
				n++
			}
		}
	}
	for _, name := range []string{"cases:1.jsonl", "./http:/x", "a b.jsonl", "../cases.jsonl", "/abs/cases.jsonl", "https.jsonl"} {
		if _, err := config.Parse("hone.yaml", written("m: {dataset: {anchor: %q}}", name)); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	t.Logf("%d addresses", n)
}

func written(form, value string) []byte {
	server, model := "", ""
	if more, ok := strings.CutPrefix(form, "m: {"); ok {
		model = ", " + strings.TrimSuffix(fmt.Sprintf(more, value), "}")
	} else {
		server = fmt.Sprintf(form, value) + "\n"
	}
	return []byte("version: 1\n" + server + "models:\n  m: {task: binary, features: {x: number}, label: y" + model + "}\n")
}
