package loop

import (
	"context"
)

// takeIn reads what came while there is nothing to compare it with.
func (k *keeper) takeIn(ctx context.Context) error {
	for k.intake != nil {
		ps, err := k.o.Events.Predictions(ctx, k.model.Name, k.cursor.predictions, page)
		if err != nil || len(ps) == 0 {
			return err
		}
		if k.schemas, err = k.o.Hints.Schemas(ctx, k.model.Name); err != nil {
			return err
		}
		if err := k.intake.Predictions(ps, k.schemas); err != nil {
			return err
		}
		k.cursor.predictions = ps[len(ps)-1].Seq
	}
	return nil
}
