package placement

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

var unclassified = nist190.Metadata{
	ID:    "placement-unclassified",
	Title: "Workloads without a sensitivity level",
	Risk:  nist190.MixedSensitivityLevels,
	Doc: `Nobody has declared how sensitive the workloads of a namespace are.

SP 800-190 isolates deployments to hosts, and traffic to networks, by sensitivity level. Without levels neither can be
done or checked. A level comes from the label of the namespace, the labels of the workload or its pods, or a rule of the
sensitivity scheme. A label whose value is no level counts as none: a typo must not read as public. Pod Security labels
say how pods are hardened and do not count. Namespaces that are infrastructure need no level.

Where nothing at all has a level there is one failure, with a scheme to start from; otherwise one per namespace.

Before:

    metadata: {name: payments}

After:

    metadata: {name: payments, labels: {nist190.dev/sensitivity: confidential}}`,
	Claims:   nist190.Claims("4a"),
	Controls: []string{"AC-16", "RA-2"},
	Severity: nist190.SeverityMedium,
	Remediation: `Label the namespace with its level (the administrator's word), or write a rule in the sensitivity scheme. Label a workload
where it is more sensitive than its namespace.`,
	Subjects: []schema.GroupKind{{Kind: "Namespace"}},
	Needs: append(
		// Labels of unseen namespaces and workloads classify; where none is seen the finding is another one.
		sensitivity.DeclaredNeeds(),
		inventory.WorkloadNeeds(inventory.Either)...),
	Since:  "v0.1.0",
	Limits: `That a level is right is not checked: only people know. Nodes without a level are not reported here.`,
}

// Unclassified finds namespaces with workloads that have no declared sensitivity level.
func Unclassified() nist190.Check { return nist190.NewCheck(unclassified, checkUnclassified) }

// census is what one namespace holds.
type census struct {
	name    string
	class   sensitivity.Class
	total   int // workloads that need a level
	without []*inventory.Workload
	wrong   []sensitivity.Source // values that are no level
}

func checkUnclassified(ctx context.Context, e *nist190.Eval) error {
	workloads, err := inventory.WorkloadsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	levels, err := sensitivity.DeclaredOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	var all []*census
	anything := false
	for _, w := range workloads { // by namespace
		class := levels.Workload(w.Ref())
		if class.Level == sensitivity.Infra {
			continue
		}
		if len(all) == 0 || all[len(all)-1].name != w.Namespace() {
			all = append(all, &census{name: w.Namespace(), class: levels.Namespace(w.Namespace())})
		}
		c := all[len(all)-1]
		c.total++
		if class.Known() {
			anything = true
			continue
		}
		c.without = append(c.without, w)
		for _, s := range class.Unknown() {
			anything = true
			if !slices.ContainsFunc(c.wrong, func(t sensitivity.Source) bool { return t.String() == s.String() }) {
				c.wrong = append(c.wrong, s)
			}
		}
	}
	for o := range e.Inventory.ByKind(schema.GroupKind{Kind: "Namespace"}) {
		class := levels.Namespace(o.Name())
		anything = anything || class.Known() || len(class.Unknown()) > 0
	}
	if len(all) > 0 && !anything {
		e.Report(nothingLabelled(e.Inventory, levels, all))
		return nil
	}
	for _, c := range all {
		if len(c.without) == 0 {
			e.Pass(inventory.NamespaceRef(c.name), c.evidence(e.Inventory)...)
			continue
		}
		e.Report(c.failure(e.Inventory, levels))
	}
	return nil
}

// evidence is the namespace where it was collected, else its workloads.
func (c *census) evidence(inv *inventory.Inventory) []nist190.Evidence {
	var out []nist190.Evidence
	for _, s := range c.wrong {
		if s.At.Object != nil {
			out = append(out, nist190.Place(s.At).Showing(s.Value))
		}
	}
	if o, ok := inv.Lookup(inventory.NamespaceRef(c.name)); ok {
		out = append(out, nist190.At(o, "metadata", "name"))
	}
	for _, w := range c.without[:min(len(c.without), maxEvidence)] {
		out = append(out, nist190.At(w.Object, "metadata", "name"))
	}
	return out
}

const maxEvidence = 20

func (c *census) failure(inv *inventory.Inventory, levels *sensitivity.Levels) nist190.Outcome {
	out := nist190.Outcome{Status: nist190.Fail, Subject: inventory.NamespaceRef(c.name), Evidence: c.evidence(inv)}
	out.Message = fmt.Sprintf("%d of %s in namespace %q have no sensitivity level: %s", len(c.without), phrase.Count(c.total, "workload"), c.name, phrase.Workloads(c.without))
	if len(c.without) == 1 {
		out.Message = strings.Replace(out.Message, " have no", " has no", 1)
	}
	if len(c.wrong) > 0 {
		var texts []string
		for _, s := range c.wrong {
			texts = append(texts, s.String())
		}
		out.Message += "; " + phrase.Shorten(texts)
	}
	out.Remediation = fmt.Sprintf("Label the namespace with one of %s:\n\nkubectl label namespace %s %s=<level>\n", strings.Join(levels.Names(), ", "), c.name, levels.Key())
	return out
}

// nothingLabelled is one finding for the cluster: nobody has begun.
func nothingLabelled(inv *inventory.Inventory, levels *sensitivity.Levels, all []*census) nist190.Outcome {
	total := 0
	for _, c := range all {
		total += c.total
	}
	return nist190.Outcome{
		Status: nist190.Fail, Subject: inventory.Cluster,
		Message:     fmt.Sprintf("nothing has a sensitivity level: neither the %s of %s nor their namespaces declare one", phrase.Count(total, "workload"), phrase.Count(len(all), "namespace")),
		Remediation: starter(levels, all),
	}
}

const mostStarterRules = 50

// starter proposes a level per namespace from what its workloads use: state and Secrets suggest the second highest
// level, the rest the second lowest. It is a draft for people to correct.
func starter(levels *sensitivity.Levels, all []*census) string {
	names := levels.Names()
	low, high := names[min(1, len(names)-1)], names[max(len(names)-2, 0)]
	var b strings.Builder
	b.WriteString("Decide on a level for each namespace and label it:\n\n")
	level := func(c *census) (string, string) {
		if why := holdsData(c.without); why != "" {
			return high, why
		}
		return low, "nothing suggests more"
	}
	for i, c := range all {
		if i == mostStarterRules {
			fmt.Fprintf(&b, "# and %d more\n", len(all)-i)
			break
		}
		l, why := level(c)
		fmt.Fprintf(&b, "kubectl label namespace %s %s=%s # a guess: %s\n", c.name, levels.Key(), l, why)
	}
	fmt.Fprintf(&b, "\nOr, without touching the cluster, begin the configuration file with a scheme and correct its guesses:\n\napiVersion: nist190.dev/v1alpha1\nkind: Config\nsensitivity:\n  levels: [%s]\n  rules:\n", strings.Join(names, ", "))
	for i, c := range all {
		if i == mostStarterRules {
			break
		}
		l, why := level(c)
		fmt.Fprintf(&b, "  - selector: {namespaces: [%s]}\n    level: %s\n    reason: a guess, %s\n", c.name, l, why)
	}
	return b.String()
}

// holdsData tells why the workloads look as if they held data.
func holdsData(ws []*inventory.Workload) string {
	for _, w := range ws {
		spec := &w.Template.Spec
		for _, v := range spec.Volumes {
			switch {
			case v.PersistentVolumeClaim != nil:
				return fmt.Sprintf("%s %q keeps data", w.Ref().Kind, w.Object.Name())
			case v.Secret != nil:
				return fmt.Sprintf("%s %q uses a Secret", w.Ref().Kind, w.Object.Name())
			}
		}
		for _, c := range spec.Containers {
			for _, env := range c.Env {
				if env.ValueFrom != nil && env.ValueFrom.SecretKeyRef != nil {
					return fmt.Sprintf("%s %q uses a Secret", w.Ref().Kind, w.Object.Name())
				}
			}
			for _, from := range c.EnvFrom {
				if from.SecretRef != nil {
					return fmt.Sprintf("%s %q uses a Secret", w.Ref().Kind, w.Object.Name())
				}
			}
		}
		if w.Ref().Kind == "StatefulSet" {
			return fmt.Sprintf("%s %q keeps state", w.Ref().Kind, w.Object.Name())
		}
	}
	return ""
}
