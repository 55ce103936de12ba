package steps

import (
	"bytes"
	"context"
	"slices"

	"frostkit/runner/protocol"
)

// once asks about the same messages once: what was agreed to in a session that is gone is agreed to in the next. A
// question that is open when its session is gone ends, and is asked anew.
func once(approve func(context.Context, protocol.Review) error) func(context.Context, protocol.Review) error {
	var before *protocol.Review
	return func(ctx context.Context, review protocol.Review) error {
		if before != nil && SameReview(*before, review) {
			return nil
		}
		err := approve(ctx, review)
		if err == nil {
			before = &review
		}
		return err
	}
}

// SameReview reports whether two reviews are of the same request.
func SameReview(a, b protocol.Review) bool {
	return a.VerifyingKey.Equal(b.VerifyingKey) && a.Coordinator.Key == b.Coordinator.Key && bytes.Equal(a.Aux, b.Aux) &&
		a.Need == b.Need && slices.Equal(a.Signers, b.Signers) && slices.EqualFunc(a.Messages, b.Messages, bytes.Equal)
}
