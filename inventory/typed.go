package inventory

import (
	"fmt"
	"iter"
	"reflect"
	"sync"

	networkingv1 "k8s.io/api/networking/v1"
	networkingv1beta1 "k8s.io/api/networking/v1beta1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/json"

	"github.com/nist190/nist190/internal/apidefaults"
)

// DecodeError says that an object's fields do not have the types of its kind. It does not quote the object.
type DecodeError struct {
	Ref    Ref
	Origin Origin
	Err    error
}

func (e *DecodeError) Error() string { return fmt.Sprintf("%s: %v", e.Ref, e.Err) }
func (e *DecodeError) Unwrap() error { return e.Err }

// As gives the object as its v1 Go type with the server's defaults, decoded once and shared: it must not be modified.
// It fails with a [DecodeError], or when o is of another kind. T must be a built-in kind.
func As[T any](o *Object) (*T, error) {
	k := kindOf[T]()
	if o.GroupKind() != k.GroupKind() {
		return nil, fmt.Errorf("%s is not a %s", o.ref, k.Kind)
	}
	o.decode(k)
	if o.typedErr != nil {
		return nil, o.typedErr
	}
	return o.typed.(*T), nil
}

func (o *Object) decode(k *kind) {
	o.typedOnce.Do(func() {
		v, unknown, err := decodeTyped(k, o)
		if err != nil {
			o.typedErr = &DecodeError{Ref: o.ref, Origin: o.origin, Err: err}
			return
		}
		o.typed, o.unknown = v, unknown
	})
}

// decodeTyped reads o as the API server would: case-sensitive, unknown fields dropped, then defaulted. Versions before
// v1 are wire-compatible with it but for the two kinds that convert names.
func decodeTyped(k *kind, o *Object) (any, []string, error) {
	if k.typ == reflect.TypeFor[networkingv1.Ingress]() && o.ref.Version == "v1beta1" {
		var old networkingv1beta1.Ingress
		unknown, err := unmarshal(o.json, &old)
		if err != nil {
			return nil, nil, err
		}
		return ingressFromV1beta1(&old), unknown, nil
	}
	v := reflect.New(k.typ).Interface()
	unknown, err := unmarshal(o.json, v)
	if err != nil {
		return nil, nil, err
	}
	if pdb, ok := v.(*policyv1.PodDisruptionBudget); ok && o.ref.Version == "v1beta1" {
		disruptionBudgetFromV1beta1(pdb)
	}
	apidefaults.Set(v, o.ref.Namespace, o.meta.APIVersion)
	return v, unknown, nil
}

func unmarshal(raw []byte, into any) (unknown []string, err error) {
	strict, err := json.UnmarshalStrict(raw, into)
	for _, e := range strict {
		unknown = append(unknown, e.Error())
	}
	return unknown, err
}

// kindIndex has the objects of one kind, ordered by namespace and name.
type kindIndex struct {
	objects []*Object
	once    sync.Once
	failed  map[string]string // namespace -> why an object in it could not be decoded
	found   []Problem
}

// decoded decodes the whole kind once: typed iteration, coverage and problems all speak of the same attempt.
func (x *kindIndex) decoded(k *kind) *kindIndex {
	if x == nil || k == nil {
		return x
	}
	x.once.Do(func() {
		inParallel(len(x.objects), func(i int) { x.objects[i].decode(k) })
		for _, o := range x.objects {
			if o.typedErr != nil {
				if x.failed == nil {
					x.failed = map[string]string{}
				}
				err := o.typedErr.(*DecodeError)
				x.failed[o.ref.Namespace] = fmt.Sprintf("%s could not be decoded", o.origin)
				x.found = append(x.found, Problem{Code: ProblemUndecodable, Origin: o.origin, Ref: o.ref, Message: err.Error()})
			}
			for _, f := range o.unknown {
				x.found = append(x.found, Problem{Code: ProblemUnknownField, Level: ProblemNotice, Origin: o.origin, Ref: o.ref, Message: f})
			}
		}
	})
	return x
}

// Typed iterates over the objects of a built-in kind as their v1 Go type with the server's defaults, in order of
// namespace and name. Objects that cannot be decoded are left out, make the kind's coverage Partial and are listed in
// Problems. Values are shared and must not be modified. Cost: the first call for a kind decodes all of it.
func Typed[T any](inv *Inventory) iter.Seq2[*Object, *T] {
	k := kindOf[T]()
	return typedOf[T](inv.read(k.GroupKind()).decoded(k).all())
}

// TypedIn is Typed for one namespace.
func TypedIn[T any](inv *Inventory, namespace string) iter.Seq2[*Object, *T] {
	k := kindOf[T]()
	return typedOf[T](inv.read(k.GroupKind()).decoded(k).in(namespace))
}

// TypedGet looks one object up. It is false for an object that is absent or cannot be decoded.
func TypedGet[T any](inv *Inventory, namespace, name string) (*Object, *T, bool) {
	k := kindOf[T]()
	o, ok := inv.read(k.GroupKind()).decoded(k).get(namespace, name)
	if !ok || o.typedErr != nil {
		return nil, nil, false
	}
	return o, o.typed.(*T), true
}

func typedOf[T any](objects []*Object) iter.Seq2[*Object, *T] {
	return func(yield func(*Object, *T) bool) {
		for _, o := range objects {
			if o.typedErr == nil && !yield(o, o.typed.(*T)) {
				return
			}
		}
	}
}
