package protocol

// PhaseOf tells by its form which phase a message of frost-client's protocols
// belongs to, before it is sealed, and "" for what has none of the forms.
// Rehearsals choose by it what goes wrong.
func PhaseOf(payload []byte) string { return shapeOf(payload) }
