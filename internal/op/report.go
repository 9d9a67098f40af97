package op

import (
	"context"
	"time"

	"hone"
	"hone/internal/trigger"
)

// ReportIn asks what Hone saved or lost against other common policies.
type ReportIn struct {
	Model string        `json:"-" query:"model" arg:"optional" help:"the model's name (default: all)"`
	Since hone.Duration `json:"-" query:"since" help:"how far back, such as 30d (default 7d)"`
}

// Comparison is the report on one model.
type Comparison = trigger.Comparison

// Reports holds one report a model.
type Reports struct {
	Reports []Comparison `json:"reports"`
}

// usualReport is how far a report reaches back, and longest how far at most.
const (
	usualReport   = hone.Duration(7 * 24 * time.Hour)
	longestReport = hone.Duration(366 * 24 * time.Hour)
)

func report() Operation {
	return define(Operation{Name: "report", Method: "GET", Path: "/api/v1/report", Role: Viewer, Scoped: true,
		Summary: "say what Hone saved or lost against a weekly schedule, PSI, ADWIN and a drop of performance",
		Help:    "It is an estimate by the champion's probe: the other policies' retrains were never\nmade. The report on each week that has ended also stands in the audit, as\nreport.week.",
		Example: "hone report fraud --since 30d"}, reports)
}

func reports(ctx context.Context, s *Service, who Caller, in ReportIn) (Reports, error) {
	out := Reports{Reports: []Comparison{}}
	switch {
	case in.Since == 0:
		in.Since = usualReport
	case in.Since < 0 || in.Since > longestReport:
		return out, &hone.Error{Code: hone.Invalid, Message: "since is " + in.Since.String() + ", and a report reaches back 366d at most", Hint: "write a length of time such as 7d"}
	}
	names := s.seen(who)
	if in.Model != "" {
		names = []string{in.Model}
	}
	now := s.Clock.Now()
	for _, name := range names {
		got, err := s.Loop.Report(ctx, name, now.Add(-time.Duration(in.Since)), now)
		if err != nil {
			return out, err
		}
		out.Reports = append(out.Reports, got)
	}
	return out, nil
}
