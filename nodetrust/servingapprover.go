package nodetrust

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/judge"
	"github.com/nist190/nist190/inventory"
)

var servingApprover = nist190.Metadata{
	ID: "nodetrust-serving-approver", Title: "Serving certificates of kubelets that nobody approves, or anybody gets", Risk: nist190.NodeTrust,
	Doc: `Kubelets ask the cluster for their serving certificates. The controller manager does not approve these: an approver of the
cloud or of your own has to. Without one the requests wait, and kubelets serve without a certificate. Approvers that do not
compare names and addresses with the node give a node the certificate of another.

Known to compare: kubelet-csr-approver of PostFinance, and those of EKS, GKE, AKS and OpenShift. Known not to:
kubelet-rubber-stamp, kubelet-serving-cert-approver, kapprover.

Before:

    image: quay.io/kontena/kubelet-rubber-stamp-amd64:0.3.1

After:

    image: ghcr.io/postfinance/kubelet-csr-approver:v1.2.15`,
	Claims: nist190.Claims("5a", "5f"), Controls: []string{"SC-17"}, CIS: []string{"4.2.11"}, Severity: nist190.SeverityMedium,
	Remediation: "Run an approver that compares the names and addresses of a request with those of its node, and remove others.",
	// An approver that was not seen may be the one, or a rubber stamp.
	Needs: inventory.WorkloadNeeds(inventory.Either),
	Since: "v0.1.0",
	Limits: `Approvers are known by their images; a controller of your own is not. What an approver is configured to compare is not
read.`,
}

// approver of serving certificates, by the end of its image's path.
type approver struct {
	image, does string // does is empty where it compares names with the node
}

// approvers: controller/certificatesigningrequest/helper.go of alex1989hu/kubelet-serving-cert-approver asks that there are
// names and not which; README.md of kontena/kubelet-rubber-stamp and of coreos/kapprover say what they ask.
var approvers = []approver{
	{image: "postfinance/kubelet-csr-approver"}, {image: "kubelet-csr-approver"},
	{image: "openshift/cluster-machine-approver"}, {image: "cluster-machine-approver"},
	{"kubelet-rubber-stamp", "approves what any node asks for"}, {"kubelet-rubber-stamp-amd64", "approves what any node asks for"},
	{"kubelet-rubber-stamp-arm64", "approves what any node asks for"},
	{"kubelet-serving-cert-approver", "does not compare names and addresses with the node"},
	{"coreos/kapprover", "approves everything"},
}

// ServingApprover finds who approves the serving certificates of kubelets.
func ServingApprover() nist190.Check {
	md := servingApprover
	md.Needs = inventory.JoinNeeds(md.Needs, controlplane.Needs())
	return nist190.NewCheck(md, checkServingApprover)
}

func checkServingApprover(ctx context.Context, e *nist190.Eval) error {
	workloads, err := inventory.WorkloadsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	v, err := controlplane.Of(ctx, e.Inventory)
	if err != nil {
		return err
	}
	good := false
	var seen []nist190.Evidence
	for _, w := range workloads {
		for i, c := range w.Template.Spec.Containers {
			a, ok := approverOf(c)
			if !ok {
				continue
			}
			at := nist190.Place(inventory.At{Object: w.Object, Path: w.TemplatePath}, "spec", "containers", i, "image").Showing(c.Image)
			if a.does != "" {
				e.Fail(w.Ref(), c.Name, fmt.Sprintf("container %q %s: a node gets the serving certificate of another", c.Name, a.does), at)
				seen = append(seen, at)
				continue
			}
			good = true
			e.Pass(w.Ref(), at)
		}
	}
	if good || len(seen) > 0 {
		return ctx.Err()
	}
	_, managed := v.Managed()
	asks, known := askingKubelets(v)
	switch {
	case managed:
		e.NotApplicable(inventory.Cluster, "the vendor of the control plane approves them")
	case asks != nil:
		out := nist190.Outcome{Status: nist190.Fail, Subject: inventory.Cluster, Message: "kubelets ask for serving certificates, and nothing that is known to approve them runs"}
		judge.Rest(&out, *asks)
		e.Report(out)
	case known:
		e.NotApplicable(inventory.Cluster, "no kubelet asks for a serving certificate")
	default:
		e.Report(judge.NotAssessed(inventory.Cluster, "kubelets", controlplane.Basis{
			Reason: "whether kubelets ask for serving certificates is not known", Wanted: []string{"/configz of the kubelet", "its KubeletConfiguration"}}))
	}
	return ctx.Err()
}

// askingKubelets is where one asks the cluster for its serving certificate; known, that none does.
func askingKubelets(v *controlplane.View) (asks *controlplane.Basis, known bool) {
	all := v.Kubelets()
	known = len(all) > 0
	for _, k := range all {
		answer := k.ServerTLSBootstrap()
		if yes := answer.Find(func(on bool) bool { return on }); len(yes) > 0 {
			return &yes[0].Basis, true
		}
		known = known && answer.OK()
	}
	return nil, known
}

func approverOf(c corev1.Container) (approver, bool) {
	path := "/" + inventory.ParseImage(c.Image).Path
	for _, a := range approvers {
		if strings.HasSuffix(path, "/"+a.image) {
			return a, true
		}
	}
	return approver{}, false
}
