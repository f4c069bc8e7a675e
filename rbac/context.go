package rbac

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

// accountUses are the workloads that mount a token of a service account.
type accountUses map[Subject][]*inventory.Workload

// accountsInUse: the pod's automountServiceAccountToken decides, else the account's, else yes
// (plugin/pkg/admission/serviceaccount); a projected token counts as well.
var accountsInUse = inventory.NewFact("service accounts in use", func(ctx context.Context, inv *inventory.Inventory) (accountUses, error) {
	workloads, err := inventory.WorkloadsOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	mounts := map[Subject]bool{}
	for o, sa := range inventory.Typed[corev1.ServiceAccount](inv) {
		mounts[ServiceAccount(o.Namespace(), o.Name())] = sa.AutomountServiceAccountToken == nil || *sa.AutomountServiceAccountToken
	}
	out := accountUses{}
	for _, w := range workloads {
		for _, spec := range w.PodSpecs() {
			a := ServiceAccount(w.Namespace(), spec.ServiceAccountName)
			mounted, known := mounts[a]
			mounted = mounted || !known
			if spec.AutomountServiceAccountToken != nil {
				mounted = *spec.AutomountServiceAccountToken
			}
			mounted = mounted || slices.ContainsFunc(spec.Volumes, projectsToken)
			if mounted && !slices.Contains(out[a], w) {
				out[a] = append(out[a], w)
			}
		}
	}
	return out, nil
})

func projectsToken(v corev1.Volume) bool {
	return v.Projected != nil && slices.ContainsFunc(v.Projected.Sources, func(p corev1.VolumeProjection) bool { return p.ServiceAccountToken != nil })
}

// contextNeeds are the needs of what only raises a severity: which accounts pods can use.
func contextNeeds() []inventory.Need {
	return append(inventory.WorkloadNeeds(inventory.SeverityOnly), inventory.NeedOf[corev1.ServiceAccount](inventory.SeverityOnly))
}

// exposure says what makes a subject easier to come by than one that somebody has to steal: everybody, every pod of a
// namespace, whoever takes a node, or a running pod has it. It is empty where nothing does.
func exposure(s Subject, uses accountUses) string {
	switch {
	case s == User(anonymous), s == Group(allUnauthenticated):
		return "requests without credentials have it"
	case s == Group(allAuthenticated):
		return "every user and every pod has it"
	case s == Group(allServiceAccounts):
		return "every pod has it"
	case s == Group(allNodes), s.Kind == rbacv1.UserKind && strings.HasPrefix(s.Name, nodePrefix):
		return "whoever takes a node has it"
	case s.Kind == rbacv1.ServiceAccountKind && len(uses[s]) > 0:
		if i := slices.IndexFunc(uses[s], func(w *inventory.Workload) bool { return w.Ref().Kind == "DaemonSet" }); i >= 0 {
			return fmt.Sprintf("DaemonSet %q puts its token on every node that it runs on", uses[s][i].Object.Name())
		}
		return "its token is mounted by " + named(uses[s])
	case s.Kind == rbacv1.ServiceAccountKind && s.Name == "default":
		return fmt.Sprintf("every pod of namespace %q that names no service account has it", s.Namespace)
	}
	if ns, ok := s.accountsOf(); ok {
		return fmt.Sprintf("every pod of namespace %q has it", ns)
	}
	return ""
}

func named(ws []*inventory.Workload) string {
	first := fmt.Sprintf("%s %q", ws[0].Ref().Kind, ws[0].Namespace()+"/"+ws[0].Object.Name())
	if n := len(ws) - 1; n > 0 {
		return fmt.Sprintf("%s and %d more", first, n)
	}
	return first
}

// raised is one step worse.
func raised(s nist190.Severity) nist190.Severity { return min(s+1, nist190.SeverityCritical) }
