package nodetrust

import (
	"fmt"
	"strings"
)

// Answer explains a question written "NODE NAMESPACE/SECRET", or "NODE NODE": the way on which a node comes to a Secret or to
// another node. ok is false where there is none.
func (b *BlastRadius) Answer(question string) (steps []Step, ok bool, err error) {
	words := strings.Fields(question)
	if len(words) != 2 {
		return nil, false, fmt.Errorf("question %q: want NODE NAMESPACE/SECRET or NODE NODE", question)
	}
	r := b.Of(words[0])
	if r == nil {
		return nil, false, fmt.Errorf("no node %q was seen", words[0])
	}
	namespace, name, isSecret := strings.Cut(words[1], "/")
	if !isSecret {
		other := b.Of(words[1])
		if other == nil {
			return nil, false, fmt.Errorf("no node %q was seen; a Secret is written NAMESPACE/NAME", words[1])
		}
		steps = b.WayTo(r, other)
		return steps, len(steps) > 0, nil
	}
	if steps = b.Explain(r, Thing{Secret, namespace, name}); steps != nil {
		return steps, true, nil
	}
	if r.Admin {
		return append(b.Way(r), Step{Text: fmt.Sprintf("Secret %q", words[1])}), true, nil
	}
	return nil, false, nil
}
