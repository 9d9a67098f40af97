package hone

// Forecast is what a run is thought to win back over the next rows, in units of the
// loss.
type Forecast struct {
	Rows int `json:"rows"`
	// Measured is what was measured so far, carried on; Gain is what that comes to by
	// what past runs brought.
	Measured float64 `json:"measured"`
	Gain     float64 `json:"gain"`
	// Lower and Upper hold what it will be in four of five cases.
	Lower float64 `json:"lower"`
	Upper float64 `json:"upper"`
	// Aside is set where it is not what started the run: something else did, and this is
	// what was measured by then, however little.
	Aside bool `json:"aside,omitempty"`
	// Unknown says why nothing was measured; Rows are 0 then, and there is no receipt.
	Unknown string `json:"unknown,omitempty"`
}

// Receipt holds what a run was to win back against what it did, on labelled rows that
// neither its version nor the champion before was trained on.
type Receipt struct {
	// Forecast for Rows.
	Forecast Forecast `json:"forecast"`
	// Rows so far, and what the champion before would have lost more on them than the
	// run's version did.
	Rows int     `json:"rows"`
	Gain float64 `json:"gain"`
	// Cost of the run, Worth of the gain, and Promised, what was forecast for these rows,
	// are in Currency, or in units of the loss where that is empty. Cost is 0 where it is
	// not known.
	Cost     float64 `json:"cost,omitempty"`
	Worth    float64 `json:"worth,omitempty"`
	Promised float64 `json:"promised,omitempty"`
	Currency string  `json:"currency,omitempty"`
	// Over is set once the rows of the forecast are through, or the version serves no
	// more.
	Over     bool   `json:"over"`
	Sentence string `json:"sentence"`
}
