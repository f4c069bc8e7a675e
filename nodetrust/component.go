package nodetrust

import (
	"context"
	"slices"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/inventory"
)

// componentChecks ask how the components of the cluster trust one another: how nodes join, and what kubelets, the API
// server and etcd accept.
func componentChecks() []nist190.Check {
	return slices.Concat(kubeletChecks(), apiServerChecks(), etcdChecks(), controllerChecks(),
		joinChecks(), []nist190.Check{asking(nodeMapping, checkNodeMapping), ServingApprover()}, csrChecks(), versionChecks(), webhookTrustChecks(), []nist190.Check{asking(kubeconfigVerification, checkKubeconfigs)},
		certificateChecks(), []nist190.Check{ForeignNetwork(), WorkloadCertificate(), KubeletClients(), AdminSurface(), AdminSignOn()}, outsideChecks())
}

// asking makes a check of what the components do. What it reports rests on their effective values.
func asking(md nist190.Metadata, run func(e *nist190.Eval, v *controlplane.View)) nist190.Check {
	md.Risk, md.Since = nist190.NodeTrust, "v0.1.0"
	md.Needs = inventory.JoinNeeds(md.Needs, controlplane.Needs())
	return nist190.NewCheck(md, func(ctx context.Context, e *nist190.Eval) error {
		v, err := controlplane.Of(ctx, e.Inventory)
		if err != nil {
			return err
		}
		run(e, v)
		return ctx.Err()
	})
}
