package hone

import "time"

// LabelRequest names rows whose labels would decide a run's gate, and how they
// were drawn. Rows on which two versions answer alike cannot tell which of them is
// better, so that only the others are drawn. What is known of these alone says
// nothing of all rows: their labels count elsewhere once they would have come
// anyway.
type LabelRequest struct {
	ID        string    `json:"request"`
	Model     string    `json:"model"`
	Run       RunID     `json:"run"`
	Candidate VersionID `json:"candidate"`
	Champion  VersionID `json:"champion"`
	// Seed of the order.
	Seed uint64 `json:"seed"`
	// The frame are the predictions after From, up to To, that had no label among
	// feedback up to Feedback, and that neither version was trained on.
	From     int64 `json:"from_seq"`
	To       int64 `json:"to_seq"`
	Feedback int64 `json:"feedback_seq"`
	Rows     int   `json:"rows"` // Of the frame.
	// Uniform is set where every row can tell: rows are drawn from the whole frame.
	Uniform bool `json:"uniform,omitempty"`
	// Order are the numbers of the predictions whose label can tell, in the order in
	// which they were drawn: cluster by cluster, every order of clusters as likely.
	// Blocks are the clusters; Reach is the most that each row can tell.
	Order  []int64   `json:"order"`
	Blocks []int     `json:"blocks"`
	Reach  []float64 `json:"reach"`
	// Cap is what a cluster counts for at most.
	Cap    float64      `json:"cap"`
	Grants []LabelGrant `json:"grants"`
}

// LabelGrant are the rows that were handed out at one time.
type LabelGrant struct {
	At       time.Time `json:"at"`
	By       string    `json:"by"`
	Feedback int64     `json:"feedback_seq"`
	// Places in the order, and for each the prediction of the frame, on which the
	// versions agree, whose own label says when this one would have come; 0 where
	// there is none, because every row can tell.
	Places   []int   `json:"places"`
	Controls []int64 `json:"controls"`
}

// Asked is what labels that were asked for tell of a candidate and the champion.
type Asked struct {
	// Answered are those handed out whose label is known, Labels those that count:
	// from the first drawn on, as far as next to all have theirs. Lacking are those between
	// them without a label; they count against the candidate.
	Answered int `json:"answered"`
	Labels   int `json:"labels"`
	Lacking  int `json:"lacking,omitempty"`
	// For is how many rows they stand for.
	For int `json:"stand_for"`
	// Gains counts the rows on which the candidate lost less, Flips the others.
	Gains    int     `json:"gains"`
	Flips    int     `json:"flips"`
	Diff     float64 `json:"diff"` // Of the losses a row, over all rows they stand for.
	Lower    float64 `json:"lower"`
	Upper    float64 `json:"upper"`
	Better   float64 `json:"e_better"`
	Worse    float64 `json:"e_worse"`
	Clusters int     `json:"clusters"`
}
