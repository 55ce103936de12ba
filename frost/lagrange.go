package frost

import (
	"sync/atomic"

	"frostkit/frost/internal/group"
)

// lagrangeCache keeps the Lagrange coefficients for the set of signers that was used last, which a
// group that signs again and again hardly changes. A nil cache keeps nothing.
type lagrangeCache struct {
	last atomic.Pointer[lagrangeSet]
}

// lagrangeSet are coefficients for a set of signers, which nobody changes.
type lagrangeSet struct {
	signers      string // their identifiers, ascending, one after another
	coefficients []group.Scalar
}

// get returns the coefficients for the signers of a package, by compute if they are not
// those of the last call.
func (c *lagrangeCache) get(p *SigningPackage, compute func(g group.Group, x []group.Scalar) []group.Scalar) []group.Scalar {
	signers := p.encodedIdentifiers()
	if c != nil {
		if set := c.last.Load(); set != nil && set.signers == signers {
			return set.coefficients
		}
	}
	coefficients := compute(p.suite.Group(), scalars(p.Identifiers()))
	if c != nil {
		c.last.Store(&lagrangeSet{signers, coefficients})
	}
	return coefficients
}
