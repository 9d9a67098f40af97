package hone

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// Costs puts all that a model costs into one currency.
type Costs struct {
	// Currency of all prices of the model, such as EUR. It wants loss. Default: units
	// of the loss.
	Currency string `json:"currency,omitempty" yaml:"currency"`
	// Loss is what one unit of the loss costs. Default 1.
	Loss float64 `json:"loss,omitempty" yaml:"loss"`
	// CoreHour is what an hour of one processor core costs. By it trainings are priced,
	// but for those of a trainer that says itself what they cost. Default: they have no
	// price.
	CoreHour float64 `json:"core_hour,omitempty" yaml:"core_hour"`
	// Label is what one label costs that Hone asked people for. Default 0.
	Label float64 `json:"label,omitempty" yaml:"label"`
	// Fault is what one answer costs that was refused, or that the champion gave in the
	// place of a challenger that failed. Default 0.
	Fault float64 `json:"fault,omitempty" yaml:"fault"`
}

// PerLoss is what one unit of the loss costs, in the currency.
func (c Costs) PerLoss() float64 {
	if c.Loss > 0 {
		return c.Loss
	}
	return 1
}

// InLoss is an amount of the currency in units of the loss. It is the one place where
// prices become what the rules decide in.
func (c Costs) InLoss(amount float64) float64 { return amount / c.PerLoss() }

// Price is an amount in a model's currency, or AutoPrice.
type Price float64

// AutoPrice is the price that was measured, which is written auto.
const AutoPrice Price = -1

const autoWord = "auto"

func (p Price) String() string {
	if p == AutoPrice {
		return autoWord
	}
	return strconv.FormatFloat(float64(p), 'g', -1, 64)
}

func (p Price) MarshalJSON() ([]byte, error) {
	if p == AutoPrice {
		return json.Marshal(autoWord)
	}
	return json.Marshal(float64(p))
}

func (p *Price) UnmarshalJSON(b []byte) error {
	if string(b) == `"`+autoWord+`"` {
		*p = AutoPrice
		return nil
	}
	x := 0.0
	if err := json.Unmarshal(b, &x); err != nil {
		return fmt.Errorf("read a price: %w", err)
	}
	*p = Price(x)
	return nil
}

// Spent is what a run has cost, as far as Hone measures it.
type Spent struct {
	// CoreHours are the hours of processor cores that its trainings took, failed ones,
	// twins and the trials of a search included.
	CoreHours float64 `json:"core_hours"`
	// Said is what trainers say themselves that trainings cost, in the currency. The
	// hours of these have no price.
	Said float64 `json:"said_by_trainer,omitempty"`
	// Labels that people were asked for, and what they cost.
	Labels     int     `json:"labels"`
	LabelsCost float64 `json:"labels_cost,omitempty"`
	// Cost is the sum, in Currency, or in units of the loss where that is empty.
	Cost     float64 `json:"cost"`
	Currency string  `json:"currency,omitempty"`
	Sentence string  `json:"sentence"`
}

// SharedBudget caps what the runs of all models may cost together, in the currency that
// they share. It is spent on those that win back most for their price.
type SharedBudget struct {
	// PerDay is the most that the runs of 24 hours may cost together. Default: no cap.
	PerDay float64 `json:"per_day,omitempty" yaml:"per_day"`
	// PerMonth is the most that the runs of 30 days may cost together. Default: no cap.
	PerMonth float64 `json:"per_month,omitempty" yaml:"per_month"`
}
