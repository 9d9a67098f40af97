package hone

// Level is what follows where a check of a dataset is not passed.
type Level string

// The levels, from the hardest.
const (
	// Stops ends the run: there is nothing to train on.
	Stops Level = ""
	// Blocks ends the run, unless a person forced it.
	Blocks Level = "block"
	// Asks lets the run go on to a candidate, which then waits for a person.
	Asks Level = "ask"
	// Warns is written down and shown.
	Warns Level = "warn"
)

// Check is one named rule of a dataset's validation.
type Check struct {
	Rule   string `json:"rule"`
	Passed bool   `json:"passed"`
	// Level is what follows where it is not passed.
	Level Level `json:"level,omitempty"`
	// Feature, source or user that it speaks of; empty where it is about all rows.
	About string `json:"about,omitempty"`
	// Over is set where it would have ended the run, and a person forced that.
	Over     bool    `json:"passed_over,omitempty"`
	Value    float64 `json:"value"`
	Limit    float64 `json:"limit"`
	Sentence string  `json:"sentence"`
}

// Says is the check in one word: ok, or what follows.
func (c Check) Says() string {
	switch {
	case c.Passed:
		return "ok"
	case c.Over:
		return "passed over"
	case c.Level == Stops:
		return "stop"
	}
	return string(c.Level)
}

// ValidationSpec says what the rows of a run must be like before anything is
// trained on them.
type ValidationSpec struct {
	// Features holds what each feature must be like, by name.
	Features map[string]Constraint `json:"features,omitempty" yaml:"features"`
	// Freshness is how old the newest labelled row may be, beyond the label delay,
	// before a run is blocked. Default: a warning from three times the age that is
	// usual, and at least 2d.
	Freshness Duration `json:"freshness,omitempty" yaml:"freshness"`
	// Block names the checks whose findings end the run.
	Block []string `json:"block,omitempty" yaml:"block"`
	// Ask names the checks whose findings make the candidate wait for a person.
	Ask []string `json:"ask,omitempty" yaml:"ask"`
	// Warn names the checks whose findings are only shown.
	Warn []string `json:"warn,omitempty" yaml:"warn"`
	// Off names the checks that are not made.
	Off []string `json:"off,omitempty" yaml:"off"`
}

// Constraint is what a feature must be like. A value that breaks it in at most
// 1 % of the rows is a warning, in more it ends the run.
type Constraint struct {
	// Required wants a value in every row.
	Required bool `json:"required,omitempty" yaml:"required"`
	// Min is the least that a number may be.
	Min *float64 `json:"min,omitempty" yaml:"min"`
	// Max is the most that a number may be.
	Max *float64 `json:"max,omitempty" yaml:"max"`
	// Categories are all the values that there are.
	Categories []string `json:"categories,omitempty" yaml:"categories"`
	// MaxMissing is the share of rows that may lack a value; it stands in the place
	// of what is usual.
	MaxMissing *float64 `json:"max_missing,omitempty" yaml:"max_missing"`
}

// DataChecks are the checks that the configuration may block with, ask with, warn
// with or turn off.
var DataChecks = []string{"constraint", "missing", "unseen", "renamed", "range", "unit", "skew", "label_rate", "volume",
	"freshness", "duplicates", "near_duplicates", "holdout_duplicates", "leakage", "source_labels", "user_labels"}

// LevelOf returns what the owner wants of a check's findings, whether they said
// so, and whether it is made at all.
func (s ValidationSpec) LevelOf(rule string) (level Level, set, on bool) {
	for _, l := range []struct {
		names []string
		level Level
	}{{s.Block, Blocks}, {s.Ask, Asks}, {s.Warn, Warns}} {
		for _, n := range l.names {
			if n == rule {
				return l.level, true, true
			}
		}
	}
	for _, n := range s.Off {
		if n == rule {
			return Warns, true, false
		}
	}
	return Warns, false, true
}
