package sensitivity

import (
	"context"
	"iter"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
)

// Levels says where namespaces and workloads stand. It is immutable and safe for concurrent use.
type Levels struct {
	scheme     *scheme
	namespaces map[string]Class
	workloads  map[inventory.Ref]Class
}

// LevelsOf classifies by everything that counts. It reads namespaces, workloads and the metadata of the Secrets,
// ConfigMaps and claims that pods use; see [Needs]. Cost: linear in workloads and what they use, times the rules.
func LevelsOf(ctx context.Context, inv *inventory.Inventory) (*Levels, error) {
	return levels.Get(ctx, inv)
}

// DeclaredOf classifies by what people declared for namespaces and workloads, and leaves data out: it can be had where
// Secrets may not be listed. It reads namespaces and workloads; see [DeclaredNeeds].
func DeclaredOf(ctx context.Context, inv *inventory.Inventory) (*Levels, error) {
	return declared.Get(ctx, inv)
}

// DeclaredNeeds are the needs of [DeclaredOf] beside the workloads: unseen namespaces hide labels, which decide either
// way.
func DeclaredNeeds() []inventory.Need {
	return []inventory.Need{inventory.NeedOf[corev1.Namespace](inventory.Either)}
}

// Needs are the needs of [LevelsOf] beside the workloads. Unseen data can raise a level, and its label can be no level.
// Pods use data of their own namespace only.
func Needs() []inventory.Need {
	out := DeclaredNeeds()
	for _, n := range []inventory.Need{
		inventory.NeedOf[corev1.Secret](inventory.Either), inventory.NeedOf[corev1.ConfigMap](inventory.Either),
		inventory.NeedOf[corev1.PersistentVolumeClaim](inventory.Either),
	} {
		n.MetadataOnly = true
		out = append(out, n.InSubjectNamespace())
	}
	return out
}

// Namespace is the class of a namespace, whether or not its object was collected.
func (l *Levels) Namespace(name string) Class { return l.namespaces[name] }

// Workload is the class of a workload.
func (l *Levels) Workload(r inventory.Ref) Class { return l.workloads[r.Identity()] }

// Names lists the levels, the least sensitive first.
func (l *Levels) Names() []string { return slices.Clone(l.scheme.Levels) }

// Name is the name of a level.
func (l *Levels) Name(level Level) string { return l.scheme.name(level) }

// Parse reads the name of a level, or a synonym.
func (l *Levels) Parse(word string) (Level, bool) {
	level, ok := l.scheme.words[fold(word)]
	return level, ok
}

// Key is the label that should declare the level of a namespace or workload.
func (l *Levels) Key() string { return l.scheme.Keys[0] }

// NodeKey is the label that should declare the level of a node.
func (l *Levels) NodeKey() string { return l.scheme.NodeKeys[0] }

var compiled = inventory.NewFact("sensitivity scheme", func(_ context.Context, inv *inventory.Inventory) (*scheme, error) {
	return Setting.Get(inv).compile()
})

var declared = inventory.Derive("declared sensitivity", compiled, func(ctx context.Context, inv *inventory.Inventory, s *scheme) (*Levels, error) {
	all, err := inventory.WorkloadsOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	l := &Levels{scheme: s, namespaces: map[string]Class{}, workloads: make(map[inventory.Ref]Class, len(all))}
	for o := range inv.ByKind(namespaceKind) {
		l.namespaces[o.Name()] = s.namespace(inv, o.Name())
	}
	for _, w := range all {
		ns, ok := l.namespaces[w.Namespace()]
		if !ok {
			ns = s.namespace(inv, w.Namespace())
			l.namespaces[w.Namespace()] = ns
		}
		sources := slices.Clone(ns.Sources)
		if w.Object.GroupKind() != podKind {
			sources = append(sources, s.label(WorkloadLabel, w.Ref(), w.Object.Labels(), inventory.At{Object: w.Object, Path: []any{"metadata", "labels"}})...)
		}
		template := inventory.At{Object: w.Object, Path: w.TemplatePath}
		sources = append(sources, s.label(PodLabel, w.Ref(), w.Template.Labels, template.Field("metadata", "labels"))...)
		sources = append(sources, s.matching(inv, w.Ref())...)
		l.workloads[w.Ref().Identity()] = merge(sources)
	}
	return l, ctx.Err()
})

var levels = inventory.Derive("sensitivity", declared, func(ctx context.Context, inv *inventory.Inventory, d *Levels) (*Levels, error) {
	all, err := inventory.WorkloadsOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	l := &Levels{scheme: d.scheme, namespaces: d.namespaces, workloads: make(map[inventory.Ref]Class, len(all))}
	// Reads are recorded although no pod may use any of a kind: an unseen label must not look like none.
	inv.ByKind(secretKind)
	inv.ByKind(configMapKind)
	inv.ByKind(claimKind)
	for _, w := range all {
		class := d.workloads[w.Ref().Identity()]
		var data []Source
		for r := range dataOf(w) {
			data = append(data, d.scheme.matching(inv, r)...)
			if o, ok := inv.Get(r.GroupKind(), r.Namespace, r.Name); ok {
				data = append(data, d.scheme.label(DataLabel, o.Ref(), o.Labels(), inventory.At{Object: o, Path: []any{"metadata", "labels"}})...)
			}
		}
		if len(data) > 0 {
			class = merge(append(slices.Clone(class.Sources), data...))
		}
		l.workloads[w.Ref().Identity()] = class
	}
	return l, ctx.Err()
})

var (
	namespaceKind = schema.GroupKind{Kind: "Namespace"}
	podKind       = schema.GroupKind{Kind: "Pod"}
	secretKind    = schema.GroupKind{Kind: "Secret"}
	configMapKind = schema.GroupKind{Kind: "ConfigMap"}
	claimKind     = schema.GroupKind{Kind: "PersistentVolumeClaim"}
)

func (s *scheme) namespace(inv *inventory.Inventory, name string) Class {
	var sources []Source
	if o, ok := inv.Get(namespaceKind, "", name); ok {
		sources = s.label(NamespaceLabel, o.Ref(), o.Labels(), inventory.At{Object: o, Path: []any{"metadata", "labels"}})
	}
	sources = append(sources, s.matching(inv, inventory.NamespaceRef(name))...)
	if s.isInfra(name) {
		sources = append(sources, Source{Kind: InfraNamespace, Level: Infra, Of: inventory.NamespaceRef(name)})
	}
	return merge(sources)
}

// label is the statement of the first key that is there. Only administrators, who own namespaces and nodes, may say
// that something is infrastructure.
func (s *scheme) label(kind SourceKind, of inventory.Ref, labels map[string]string, at inventory.At) []Source {
	keys := s.Keys
	if kind == NodeLabel {
		keys = s.NodeKeys
	}
	for _, key := range keys {
		value, ok := labels[key]
		if !ok {
			continue
		}
		level, _ := s.parse(value)
		if level == Infra && kind != NamespaceLabel && kind != NodeLabel {
			level = Unclassified
		}
		return []Source{{Kind: kind, Level: level, Of: of, At: at.Field(key), Key: key, Value: value}}
	}
	return nil
}

func (s *scheme) matching(inv *inventory.Inventory, of inventory.Ref) []Source {
	var out []Source
	for _, r := range s.rules {
		if r.matcher.MatchRef(inv, of) {
			out = append(out, Source{Kind: RuleMatch, Level: r.level, Of: of, Rule: r.index, Reason: r.Reason})
		}
	}
	return out
}

// dataOf names the Secrets, ConfigMaps and claims that the pods of a workload see: volumes, projections and environment
// variables. What the kubelet alone uses, such as image pull secrets, is left out. Each is given once.
func dataOf(w *inventory.Workload) iter.Seq[inventory.Ref] {
	return func(yield func(inventory.Ref) bool) {
		seen := map[inventory.Ref]bool{}
		stopped := false
		use := func(kind schema.GroupKind, name string) {
			r := inventory.Ref{Version: "v1", Kind: kind.Kind, Namespace: w.Namespace(), Name: name}
			if name != "" && !seen[r] && !stopped {
				seen[r] = true
				stopped = !yield(r)
			}
		}
		for _, spec := range w.PodSpecs() {
			for i := range spec.Volumes {
				useVolume(&spec.Volumes[i], use)
			}
			for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
				useEnv(c.Env, c.EnvFrom, use)
			}
			for _, c := range spec.EphemeralContainers {
				useEnv(c.Env, c.EnvFrom, use)
			}
		}
	}
}

func useVolume(v *corev1.Volume, use func(schema.GroupKind, string)) {
	switch {
	case v.Secret != nil:
		use(secretKind, v.Secret.SecretName)
	case v.ConfigMap != nil:
		use(configMapKind, v.ConfigMap.Name)
	case v.PersistentVolumeClaim != nil:
		use(claimKind, v.PersistentVolumeClaim.ClaimName)
	case v.Projected != nil:
		for _, p := range v.Projected.Sources {
			if p.Secret != nil {
				use(secretKind, p.Secret.Name)
			}
			if p.ConfigMap != nil {
				use(configMapKind, p.ConfigMap.Name)
			}
		}
	}
}

func useEnv(env []corev1.EnvVar, from []corev1.EnvFromSource, use func(schema.GroupKind, string)) {
	for _, e := range env {
		if e.ValueFrom == nil {
			continue
		}
		if k := e.ValueFrom.SecretKeyRef; k != nil {
			use(secretKind, k.Name)
		}
		if k := e.ValueFrom.ConfigMapKeyRef; k != nil {
			use(configMapKind, k.Name)
		}
	}
	for _, e := range from {
		if e.SecretRef != nil {
			use(secretKind, e.SecretRef.Name)
		}
		if e.ConfigMapRef != nil {
			use(configMapKind, e.ConfigMapRef.Name)
		}
	}
}
