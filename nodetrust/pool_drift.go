package nodetrust

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
)

var poolDrift = nist190.Metadata{
	ID: "nodetrust-pool-drift", Title: "Nodes of one pool that differ",
	Doc: `Nodes of one pool run different versions of the kubelet, the runtime, the kernel or the operating system, have different
taints, or kubelets with different settings of security.

Nodes of a pool are made from one description, so that a difference is an update that stopped half-way, or something that
was changed by hand on one machine. A pod that is judged safe on one of them then runs on another. The finding names the
nodes that differ from most. Differences of versions alone are low, since an update makes them for a while.

Before:

    node-1 (pool web): kubelet v1.34.2, authorization.mode Webhook
    node-2 (pool web): kubelet v1.34.2, authorization.mode AlwaysAllow

After: both are made anew from the description of the pool.`,
	Claims: nist190.Claims("5c", "5h"), Controls: []string{"CM-2", "CM-3", "CM-6"}, Severity: nist190.SeverityMedium,
	Remediation: "Replace the nodes that differ rather than repair them, and change the description of the pool where the change was meant.",
	Limits:      "A pool is known by the labels that clouds and what makes nodes set. Kubelets are compared where their configuration is seen.",
}

// PoolDrift finds nodes that are not as the others of their pool.
func PoolDrift() nist190.Check {
	md := poolDrift
	md.Risk, md.Since, md.Subjects = nist190.NodeTrust, "v0.1.0", []schema.GroupKind{nodeKind}
	md.Needs = inventory.JoinNeeds([]inventory.Need{inventory.NeedOf[corev1.Node](inventory.Either)}, controlplane.Needs())
	return nist190.NewCheck(md, checkPoolDrift)
}

// trait is something in which nodes of a pool are alike.
type trait struct {
	name    string
	version bool
	path    []any
	of      func(*NodeRecord, *controlplane.View) (string, bool)
}

func ofInfo(name string, get func(*corev1.NodeSystemInfo) string) trait {
	return trait{name, true, []any{"status", "nodeInfo", name}, func(r *NodeRecord, _ *controlplane.View) (string, bool) {
		v := get(&r.Node.Status.NodeInfo)
		return v, v != ""
	}}
}

func ofKubelet[T any](name string, get func(controlplane.Kubelet) controlplane.Value[T]) trait {
	return trait{name, false, nil, func(r *NodeRecord, view *controlplane.View) (string, bool) {
		v := get(view.Kubelet(r.Name))
		return fmt.Sprint(v.Value), v.OK()
	}}
}

var traits = []trait{
	ofInfo("kubeletVersion", func(i *corev1.NodeSystemInfo) string { return i.KubeletVersion }),
	ofInfo("containerRuntimeVersion", func(i *corev1.NodeSystemInfo) string { return i.ContainerRuntimeVersion }),
	ofInfo("osImage", func(i *corev1.NodeSystemInfo) string { return i.OSImage }),
	ofInfo("kernelVersion", func(i *corev1.NodeSystemInfo) string { return i.KernelVersion }),
	{"taints", false, []any{"spec", "taints"}, func(r *NodeRecord, _ *controlplane.View) (string, bool) {
		var out []string
		for _, t := range r.Node.Spec.Taints {
			// Those that controllers set for a while, and what is being taken away.
			if !strings.HasPrefix(t.Key, "node.kubernetes.io/") && !strings.HasPrefix(t.Key, "node.cloudprovider.kubernetes.io/") &&
				!strings.Contains(t.Key, "ClusterAutoscaler") && !strings.HasPrefix(t.Key, "karpenter.sh/") && t.Key != "node.cilium.io/agent-not-ready" {
				out = append(out, taintText(t))
			}
		}
		slices.Sort(out)
		return strings.Join(out, " "), true
	}},
	ofKubelet("authentication.anonymous", controlplane.Kubelet.AnonymousAuth),
	ofKubelet("authentication.webhook", controlplane.Kubelet.WebhookAuthentication),
	ofKubelet("authorization.mode", controlplane.Kubelet.AuthorizationMode),
	ofKubelet("readOnlyPort", controlplane.Kubelet.ReadOnlyPort),
	ofKubelet("rotateCertificates", controlplane.Kubelet.RotateCertificates),
	ofKubelet("serverTLSBootstrap", controlplane.Kubelet.ServerTLSBootstrap),
	ofKubelet("tlsMinVersion", controlplane.Kubelet.TLSMinVersion),
	ofKubelet("protectKernelDefaults", controlplane.Kubelet.ProtectKernelDefaults),
	ofKubelet("seccompDefault", controlplane.Kubelet.SeccompDefault),
}

func checkPoolDrift(ctx context.Context, e *nist190.Eval) error {
	view, err := controlplane.Of(ctx, e.Inventory)
	if err != nil {
		return err
	}
	pools := map[string][]*NodeRecord{}
	for o, x := range inventory.Typed[corev1.Node](e.Inventory) {
		r := newRecord(o, x)
		if r.Pool == "" {
			e.NotApplicable(o.Ref(), "no label says which pool it is of")
			continue
		}
		pools[r.Pool] = append(pools[r.Pool], r)
	}
	for _, pool := range sortedKeys(pools) {
		members := pools[pool]
		slices.SortFunc(members, func(a, b *NodeRecord) int { return strings.Compare(a.Name, b.Name) })
		odd := map[*NodeRecord][]string{}
		severity := nist190.SeverityLow
		evidence := map[*NodeRecord][]nist190.Evidence{}
		for _, t := range traits {
			most, others := divide(members, t, view)
			for _, r := range others {
				v, _ := t.of(r, view)
				odd[r] = append(odd[r], fmt.Sprintf("%s %q and not %q", t.name, v, most))
				if t.path != nil {
					evidence[r] = append(evidence[r], nist190.At(r.Object, t.path...).Showing(v))
				}
				if !t.version {
					severity = nist190.SeverityMedium
				}
			}
		}
		if len(odd) == 0 {
			for _, r := range members {
				e.Pass(r.Object.Ref(), nist190.At(r.Object))
			}
			continue
		}
		var differing []string
		var first *NodeRecord
		for _, r := range members {
			if odd[r] == nil {
				continue
			}
			if differing = append(differing, fmt.Sprintf("%q", r.Name)); first == nil {
				first = r
			}
		}
		out := nist190.Outcome{Status: nist190.Fail, Subject: first.Object.Ref(), Key: pool, Severity: severity, Evidence: append([]nist190.Evidence{nist190.At(first.Object)}, evidence[first]...)}
		out.Message = fmt.Sprintf("%s of the pool %q differ from most: %s of %d; this one has %s", phrase.Count(len(differing), "node"), pool, phrase.Shorten(differing), len(members), phrase.Shorten(odd[first]))
		e.Report(out)
	}
	return nil
}

// divide tells what most nodes have, and which have something else. Of two values that are as common the later counts as
// that of most: versions grow. Nodes of which it is not known are left out.
func divide(members []*NodeRecord, t trait, view *controlplane.View) (most string, others []*NodeRecord) {
	count := map[string]int{}
	for _, r := range members {
		if v, ok := t.of(r, view); ok {
			count[v]++
		}
	}
	for _, v := range sortedKeys(count) {
		if most == "" && count[most] == 0 || count[v] >= count[most] {
			most = v
		}
	}
	for _, r := range members {
		if v, ok := t.of(r, view); ok && v != most {
			others = append(others, r)
		}
	}
	return most, others
}
