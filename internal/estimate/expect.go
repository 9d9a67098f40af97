package estimate

import "math"

// Expected are metrics of a binary model, as they are expected from the
// probability of each row. A metric is NaN where it has no meaning, such as the
// precision of a model that answers nothing.
type Expected struct {
	Accuracy, Precision, Recall, F1, AUC float64
}

// Expect reads the metrics from the probability that each row is positive and
// whether the model says so; the scores give the order for the AUC. Outcomes of 0
// and 1 in the place of probabilities give the realised metrics.
func Expect(scores, probability []float64, positive []bool) Expected {
	var hit, alarm, miss, calm float64
	for i, p := range probability {
		if positive[i] {
			hit, alarm = hit+p, alarm+1-p
		} else {
			miss, calm = miss+p, calm+1-p
		}
	}
	return Expected{
		Accuracy:  (hit + calm) / float64(len(probability)),
		Precision: hit / (hit + alarm),
		Recall:    hit / (hit + miss),
		F1:        2 * hit / (2*hit + alarm + miss),
		AUC:       auc(scores, probability),
	}
}

// auc is the area under the expected curve: each row counts as positive by its
// probability and as negative by the rest. Rows of one score count half against
// each other.
func auc(scores, probability []float64) float64 {
	return aucIn(byScore(scores), scores, probability)
}

func aucIn(order []int, scores, probability []float64) float64 {
	var below, positives, area float64
	for i := 0; i < len(order); {
		var pos, neg float64
		at := scores[order[i]]
		for ; i < len(order) && scores[order[i]] == at; i++ {
			p := probability[order[i]]
			pos, neg = pos+p, neg+1-p
		}
		area += pos * (below + neg/2)
		below, positives = below+neg, positives+pos
	}
	if !(positives > 0) || !(below > 0) {
		return math.NaN()
	}
	return area / positives / below
}
