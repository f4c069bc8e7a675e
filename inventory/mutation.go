package inventory

import (
	"errors"
	"fmt"
	"reflect"
)

// CheckMutation decodes every object again and reports those whose shared value was modified since: a mistake of a check
// or host. It costs as much as decoding everything and is meant for tests.
func (inv *Inventory) CheckMutation() error {
	var errs []error
	for _, o := range inv.core.objects {
		fresh := o.bare()
		if k, ok := kindByGroupKind[o.GroupKind()]; ok {
			o.decode(k)
			fresh.decode(k)
			if o.typedErr == nil && !reflect.DeepEqual(o.typed, fresh.typed) {
				errs = append(errs, fmt.Errorf("%s (%s): its typed value was modified", o.ref, o.origin))
			}
		}
		if !reflect.DeepEqual(o.Unstructured(), fresh.Unstructured()) {
			errs = append(errs, fmt.Errorf("%s (%s): its unstructured value was modified", o.ref, o.origin))
		}
	}
	return errors.Join(errs...)
}
