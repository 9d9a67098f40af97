package main

import (
	"errors"
	"fmt"
	"os/exec"
	"regexp"

	"hone/bench/bar"
)

// goldenBars are about figures that other tools give too.
var goldenBars = []bar.Measured{
	{Bar: bar.Bar{ID: "golden", Of: []string{"internal/stat", "internal/estimate"},
		About: "Figures that SciPy 1.17, River 0.26, NannyML 0.13 and Evidently 0.7 give of the same data: statistics to nine digits, p-values to six, positions exactly; docs/guide/measures.md says which are compared, which are not, and why. The tests that compare them; one that is skipped, because the reference values are not there, is not counted as passed.",
		Limits: []bar.Limit{
			{Series: "passed", Unit: "tests", Of: bar.Max, Over: 10},
			{Series: "failed", Unit: "tests", Of: bar.Max, Under: 0.5},
			{Series: "skipped", Unit: "tests", Of: bar.Max, Under: 0.5},
		}}, Measure: goldenFigures},
}

// goldenTests compare with the figures of others.
const goldenTests = "^(TestGoldenNannyML|TestGoldenCBPE|TestCompareAgainstSpecification|TestCompareAgainstSciPy|TestManyTestsAgainstSciPy|" +
	"TestSmall|TestAgainstSciPy|TestAgainstEvidently|TestAgainstNannyML|TestAgainstRiver)$"

var goldenSaid = regexp.MustCompile(`(?m)^--- (PASS|FAIL|SKIP): (\w+)`)

func goldenFigures(b *bar.Bench) error {
	c := exec.Command("go", "test", "-count=1", "-v", "-run", goldenTests, "./internal/stat/...", "./internal/estimate")
	c.Dir = b.Root
	out, err := c.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return err
	}
	count := map[string]float64{}
	for _, m := range goldenSaid.FindAllSubmatch(out, -1) {
		count[string(m[1])]++
		if string(m[1]) != "PASS" {
			b.Note("%s: %s", m[1], m[2])
		}
	}
	if len(count) == 0 {
		return fmt.Errorf("no test ran: %.300s", out)
	}
	b.Keep("passed", "tests", count["PASS"])
	b.Keep("failed", "tests", count["FAIL"])
	b.Keep("skipped", "tests", count["SKIP"])
	return nil
}
