package config

import (
	"encoding/json"
	"errors"
	"iter"

	"k8s.io/apimachinery/pkg/runtime/schema"
	kjson "sigs.k8s.io/json"

	"github.com/nist190/nist190/internal/redact"
	"github.com/nist190/nist190/internal/yamlx"
)

// A Document is a pointer to one of the structs of this package.
type Document interface {
	// Problems are what the component refuses a document for, or what has another meaning than it seems to have, once the
	// document is decoded. Rules that need more than the document (flags, files, CEL) are not in it.
	Problems() []*Fault
}

// ErrKind is wrapped where a document is of no kind that this package reads.
var ErrKind = errors.New("no kind of component configuration that is known")

// strictness is what a component's loader does with unknown and duplicate fields.
type strictness uint8

const (
	refuses strictness = iota // does not start
	warns                     // logs them and goes on
	passes                    // goes on
)

type format struct {
	strictness strictness
	decode     func(data []byte, strict bool) (Document, []error, error)
}

// The loaders are apiserver pkg/server/options/encryptionconfig/config.go, pkg/apis/apiserver/load, pkg/admission/config.go,
// pkg/audit/policy/reader.go; pkg/kubeapiserver/options/authentication.go; pkg/kubelet/kubeletconfig/util/codec;
// cmd/kube-scheduler/app/options/configfile.go; cmd/kubeadm/app/util/config (strict only to warn, but for "kubeadm config validate");
// client-go tools/clientcmd/api/latest.
var formats = func() map[schema.GroupVersionKind]format {
	m := map[schema.GroupVersionKind]format{}
	add := func(s strictness, d func([]byte, bool) (Document, []error, error), group, kind string, versions ...string) {
		for _, v := range versions {
			m[schema.GroupVersionKind{Group: group, Version: v, Kind: kind}] = format{s, d}
		}
	}
	const apiserver, kubeadm = "apiserver.config.k8s.io", "kubeadm.k8s.io"
	add(refuses, into[AuthenticationConfiguration], apiserver, "AuthenticationConfiguration", "v1", "v1beta1", "v1alpha1")
	add(refuses, into[AuthorizationConfiguration], apiserver, "AuthorizationConfiguration", "v1", "v1beta1", "v1alpha1")
	add(refuses, into[EncryptionConfiguration], apiserver, "EncryptionConfiguration", "v1")
	add(refuses, into[EncryptionConfiguration], "", "EncryptionConfig", "v1") // apis/apiserver/v1/register.go: "due to a docs bug"
	add(refuses, into[AdmissionConfiguration], apiserver, "AdmissionConfiguration", "v1")
	add(refuses, into[AdmissionConfiguration], "apiserver.k8s.io", "AdmissionConfiguration", "v1alpha1")
	add(warns, into[AuditPolicy], "audit.k8s.io", "Policy", "v1")
	add(warns, into[KubeletConfiguration], "kubelet.config.k8s.io", "KubeletConfiguration", "v1beta1")
	add(refuses, into[KubeSchedulerConfiguration], "kubescheduler.config.k8s.io", "KubeSchedulerConfiguration", "v1")
	add(warns, into[ClusterConfiguration], kubeadm, "ClusterConfiguration", "v1", "v1beta4")
	add(warns, into[InitConfiguration], kubeadm, "InitConfiguration", "v1", "v1beta4")
	add(warns, into[JoinConfiguration], kubeadm, "JoinConfiguration", "v1", "v1beta4")
	add(warns, newer[ClusterConfiguration, V1beta3ClusterConfiguration], kubeadm, "ClusterConfiguration", "v1beta3")
	add(warns, newer[InitConfiguration, V1beta3InitConfiguration], kubeadm, "InitConfiguration", "v1beta3")
	add(warns, newer[JoinConfiguration, V1beta3JoinConfiguration], kubeadm, "JoinConfiguration", "v1beta3")
	add(passes, into[Kubeconfig], "", "Config", "v1")
	return m
}()

// Reads tells whether Decode has a decoder for a kind.
func Reads(gvk schema.GroupVersionKind) bool { _, ok := formats[gvk]; return ok }

// Decode reads a JSON document, as the component does that it is for: by its apiVersion and kind. Payloads are removed
// first, if they are still there. The error is a list of Faults, or wraps ErrKind; warnings are the unknown and
// duplicate fields that the component passes over.
func Decode(data []byte) (doc Document, warnings []*Fault, err error) {
	f, clean, repeats, err := prepare(data)
	if err != nil {
		return nil, nil, err
	}
	doc, strict, err := f.decode(clean, f.strictness != passes)
	if err != nil {
		return nil, nil, join(faults(clean, err))
	}
	warnings = append(faults(data, repeats...), faults(clean, strict...)...)
	switch {
	case f.strictness == passes:
		return doc, nil, nil
	case f.strictness == refuses && len(warnings) > 0:
		return nil, nil, join(warnings)
	}
	return doc, warnings, nil
}

// prepare finds the format and removes payloads. Fields that are set twice are looked for before, since removing writes
// the document anew.
func prepare(data []byte) (f format, clean []byte, repeats []error, err error) {
	var meta struct{ APIVersion, Kind string }
	if err := json.Unmarshal(data, &meta); err != nil {
		return format{}, nil, nil, join([]*Fault{{Msg: "no JSON object with apiVersion and kind"}})
	}
	gv, err := schema.ParseGroupVersion(meta.APIVersion)
	if err != nil {
		return format{}, nil, nil, &kindError{meta.APIVersion, meta.Kind}
	}
	f, ok := formats[gv.WithKind(meta.Kind)]
	if !ok {
		return format{}, nil, nil, &kindError{meta.APIVersion, meta.Kind}
	}
	if !redact.Sensitive(meta.APIVersion, meta.Kind) {
		return f, data, nil, nil
	}
	var any any
	if repeats, err = kjson.UnmarshalStrict(data, &any); err != nil {
		return format{}, nil, nil, join(faults(data, err))
	}
	clean, _, err = redact.JSON(meta.APIVersion, meta.Kind, data)
	if err != nil {
		return format{}, nil, nil, join([]*Fault{{Msg: err.Error()}})
	}
	return f, clean, repeats, nil
}

// kindError names a kind of which there is no decoder. It quotes apiVersion and kind only where they can be no payload.
type kindError struct{ apiVersion, kind string }

func (e *kindError) Error() string {
	if len(e.apiVersion) > 63 || len(e.kind) > 63 || e.kind == "" || !isName(e.apiVersion) || !isName(e.kind) {
		return ErrKind.Error()
	}
	return e.apiVersion + " " + e.kind + ": " + ErrKind.Error()
}

func (e *kindError) Unwrap() error { return ErrKind }

func join(faults []*Fault) error {
	errs := make([]error, len(faults))
	for i, f := range faults {
		errs[i] = f
	}
	return errors.Join(errs...)
}

// Faults takes the error of Decode apart; nil for others.
func Faults(err error) []*Fault {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	var out []*Fault
	for _, e := range joined.Unwrap() {
		if f, ok := e.(*Fault); ok {
			out = append(out, f)
		}
	}
	return out
}

// into decodes to the struct of the kind.
func into[T any, P interface {
	*T
	Document
}](data []byte, strict bool) (Document, []error, error) {
	v := P(new(T))
	errs, err := unmarshal(data, v, strict)
	if nested, ok := any(v).(interface {
		decodeNested(data []byte) ([]error, error)
	}); ok && err == nil {
		var more []error
		more, err = nested.decodeNested(data)
		errs = append(errs, more...)
	}
	return v, errs, err
}

// newer decodes to the struct of an older version and converts it.
func newer[T, Old any, P interface {
	*T
	Document
}, O interface {
	*Old
	Convert() P
}](data []byte, strict bool) (Document, []error, error) {
	v := O(new(Old))
	errs, err := unmarshal(data, v, strict)
	return v.Convert(), errs, err
}

func unmarshal(data []byte, into any, strict bool) ([]error, error) {
	if strict {
		return kjson.UnmarshalStrict(data, into)
	}
	return nil, kjson.UnmarshalCaseSensitivePreserveInts(data, into)
}

// A Part is one document of a text.
type Part struct {
	Document Document // nil with Err
	Warnings []*Fault
	Err      error
	Line     int // of its begin, from 1
}

// Text reads the documents of a text, YAML or JSON, such as a value of a ConfigMap.
func Text(text []byte) iter.Seq[Part] {
	return func(yield func(Part) bool) {
		text, err := yamlx.Text(text)
		if err != nil {
			yield(Part{Err: join([]*Fault{{Msg: err.Error()}}), Line: 1})
			return
		}
		for d := range yamlx.Split(text) {
			if !yield(part(d)) {
				return
			}
		}
	}
}

func part(d yamlx.Document) Part {
	p := Part{Line: d.Line}
	v, err := d.Decode(yamlx.Limits{})
	if err != nil {
		f := &Fault{Line: d.Line, Msg: "no YAML"}
		var e *yamlx.Error
		if errors.As(err, &e) {
			f.Line, f.Msg = e.Line, e.Msg
		}
		p.Err = join([]*Fault{f})
		return p
	}
	p.Document, p.Warnings, p.Err = Decode(v.JSON)
	if errors.Is(p.Err, ErrKind) {
		return p
	}
	placed := append(Faults(p.Err), p.Warnings...)
	if len(placed) > 0 {
		if positions, err := d.Positions(); err == nil {
			for _, f := range placed {
				f.Line, _, _ = positions.At(f.Path...)
			}
		}
	}
	p.repeats(v)
	return p
}

// repeats adds the keys that YAML sets twice, of which the JSON has the last one.
func (p *Part) repeats(v yamlx.Value) {
	var found []*Fault
	for _, n := range v.Notes {
		if n.Kind == yamlx.DuplicateKey {
			found = append(found, &Fault{Line: n.Line, Msg: "set twice"})
		}
	}
	if len(found) == 0 {
		return
	}
	var f format
	if p.Err == nil {
		f, _, _, _ = prepare(v.JSON)
	}
	switch f.strictness {
	case refuses:
		p.Err, p.Document, p.Warnings = join(append(Faults(p.Err), found...)), nil, nil
	case warns:
		p.Warnings = append(p.Warnings, found...)
	}
}
