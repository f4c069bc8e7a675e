package authn

import (
	"context"
	"fmt"
	"slices"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

// longToken is a day, in seconds.
const longToken = 24 * 60 * 60

var projectedToken = nist190.Metadata{
	ID: "authn-projected-token-lifetime", Title: "Projected token that is valid for long",
	Doc: `A volume of a workload asks for a token that is valid for more than a day.

The kubelet renews such a token when four fifths of its life are over, so that a long life buys nothing, but for whoever copies it.

Before:

    volumes: [{name: token, projected: {sources: [{serviceAccountToken: {path: token, expirationSeconds: 31536000}}]}}]

After:

    volumes: [{name: token, projected: {sources: [{serviceAccountToken: {path: token, expirationSeconds: 3600}}]}}]`,
	Claims: nist190.Claims("2b"), Controls: []string{"IA-5(13)", "AC-12"}, Severity: nist190.SeverityMedium,
	Remediation: "Set expirationSeconds to an hour, and read the token's file anew for each use.",
	Limits:      "The API server may grant less (--service-account-max-token-expiration).",
}

// ProjectedTokenLifetime finds workloads that ask for long tokens.
func ProjectedTokenLifetime() nist190.Check {
	md := projectedToken
	md.Needs, md.Subjects = inventory.WorkloadNeeds(inventory.Incriminating), inventory.WorkloadKinds()
	return making(md, func(ctx context.Context, e *nist190.Eval) error {
		all, err := inventory.WorkloadsOf(ctx, e.Inventory)
		if err != nil {
			return err
		}
		for _, w := range all {
			asks, bad := false, false
			spec := inventory.At{Object: w.Object, Path: append(slices.Clone(w.TemplatePath), "spec")}
			for i, v := range w.Template.Spec.Volumes {
				if v.Projected == nil {
					continue
				}
				for j, s := range v.Projected.Sources {
					if s.ServiceAccountToken == nil {
						continue
					}
					asks = true
					if life := s.ServiceAccountToken.ExpirationSeconds; life != nil && *life > longToken {
						bad = true
						e.Fail(w.Ref(), v.Name, fmt.Sprintf("volume %q asks for a token that is valid for %d hours", v.Name, *life/3600),
							nist190.Place(spec, "volumes", i, "projected", "sources", j, "serviceAccountToken", "expirationSeconds"))
					}
				}
			}
			if asks && !bad {
				e.Pass(w.Ref(), nist190.Place(spec, "volumes"))
			}
		}
		return nil
	})
}
