package authn

import (
	"context"
	"fmt"
	"slices"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
)

var nodeDiskEncryption = nist190.Metadata{
	ID: "authn-node-disk-encryption", Title: "Disks of nodes or of etcd that are not encrypted",
	Doc: `A group of nodes, or a member of etcd, has a disk that is not encrypted.

On the disks of nodes are the images, the containers' own files, emptyDir volumes, logs, and what local volumes and storage
systems keep there; on that of etcd is everything. Google and Microsoft encrypt every disk, which counts as asserted by the
vendor. On Amazon the template says so, or the account does.

Before:

    managedNodeGroups: [{name: main, volumeEncrypted: false}]

After:

    managedNodeGroups: [{name: main, volumeEncrypted: true, volumeKmsKeyID: ...}]

Read are kops, eksctl, Cluster API for Amazon, Microsoft and Google, Karpenter for Amazon, Terraform plans and what clouds
describe of their pools.`,
	Claims: []nist190.Claim{{Sentence: "2d", Conclusive: true}, {Sentence: "2e"}}, Controls: []string{"SC-28", "SC-28(1)"}, Severity: nist190.SeverityHigh,
	Remediation: "Turn encryption on in the template of the nodes and replace them; for the whole account with aws ec2 enable-ebs-encryption-by-default.",
	Limits: `Machines that nothing describes, such as those of a data center, are not assessed: attest them. A description of
some pools says nothing of nodes beside them. Temporary disks and caches of AKS are encrypted by EncryptionAtHost alone,
which is not asked for here.`,
}

// NodeDiskEncryption finds disks of nodes that are not encrypted.
func NodeDiskEncryption() nist190.Check {
	return onVolumes(nodeDiskEncryption, diskOnlyNeeds(), checkNodeDisks)
}

func checkNodeDisks(_ context.Context, ev *nist190.Eval, e *Encryption) error {
	if len(e.disks) == 0 {
		ev.Report(nist190.Outcome{Status: nist190.NotAssessed, Subject: inventory.Cluster, Reason: nist190.ReasonMissingEvidence,
			Message: "attest that the disks of nodes are encrypted: nothing describes them",
			Missing: []nist190.Missing{{Evidence: nodePools, State: inventory.NotCollected, Reason: "nothing describes the disks of nodes"}}})
		return nil
	}
	seen := map[string]int{}
	unknown := map[string][]Disk{}
	for _, d := range e.disks {
		key := d.Owner
		if seen[key]++; seen[key] > 1 {
			key = fmt.Sprintf("%s, disk %d", key, seen[d.Owner])
		}
		if d.Encrypted == Undecided {
			unknown[d.Why] = append(unknown[d.Why], d)
			continue
		}
		ev.Report(d.Protection.outcome(d.Evidence[0].Ref, key, fmt.Sprintf("the disk of %s is", d.Owner)))
	}
	for why, ds := range unknown { // one finding for all of a kind
		var owners []string
		var at []nist190.Evidence
		for _, d := range ds {
			if !slices.Contains(owners, d.Owner) {
				owners = append(owners, d.Owner)
				at = append(at, d.Evidence...)
			}
		}
		ev.Report(nist190.Outcome{Status: nist190.NotAssessed, Subject: inventory.Cluster, Key: why, Reason: nist190.ReasonUnknown, Evidence: at[:min(len(at), 3)],
			Message: fmt.Sprintf("whether disks are encrypted is not known (%s): %s", phrase.Shorten(owners), why)})
	}
	return nil
}

var providerKey = nist190.Metadata{
	ID: "authn-provider-key", Title: "Data that is encrypted with the provider's key alone",
	Doc: `Data is encrypted, and the key is the cloud's own: of Secrets in etcd, of volumes of a class, or of disks of nodes.

Encrypted and encrypted with a key of one's own are two answers. With the provider's key the disk that is thrown away tells
nothing; whoever may use the volume in the account, and the provider, reads it. A key of one's own can be withdrawn, and each
use of it is on record.

Before:

    provisioner: pd.csi.storage.gke.io
    parameters: {type: pd-ssd}

After:

    parameters: {type: pd-ssd, disk-encryption-kms-key: projects/.../cryptoKeys/volumes}

Whether it is needed is for the owner of the data to say; the check decides no sentence.`,
	Claims: nist190.Claims("2e"), Controls: []string{"SC-12", "SC-12(3)"}, Severity: nist190.SeverityInfo, Advisory: true,
	Remediation: "Name a key of the cloud's key management service in the class, the template of the nodes and the cluster.",
	Limits:      "Who may use a customer's key, and whether it is rotated, no object of the cluster tells.",
}

// ProviderKeyOnly finds what is encrypted with a key of the provider.
func ProviderKeyOnly() nist190.Check {
	return onVolumes(providerKey, inventory.JoinNeeds(EncryptionNeeds(), inventory.WorkloadNeeds(inventory.Incriminating)), checkProviderKey)
}

func checkProviderKey(ctx context.Context, ev *nist190.Eval, e *Encryption) error {
	judge := func(p Protection, subject inventory.Ref, key, what string) {
		switch {
		case p.Encrypted != Yes:
			return // other checks say it
		case p.Custody == ProviderKey:
			ev.Report(nist190.Outcome{Status: nist190.Fail, Subject: subject, Key: key, Evidence: p.Evidence, Message: what + " encrypted with the provider's key: " + p.Why})
		case p.Custody != CustodyUnknown:
			ev.Report(nist190.Outcome{Status: nist190.Pass, Subject: subject, Key: key, Evidence: p.Evidence})
		}
	}
	judge(e.Stored(secrets), inventory.Cluster, "secrets", "Secrets in etcd are")
	byName, _, err := e.demand(ctx)
	if err != nil {
		return err
	}
	for name, c := range e.classes {
		if byName[name] != nil || c.byDefault {
			judge(c.Protection, c.object.Ref(), "", "volumes of the class are")
		}
	}
	seen := map[string]bool{}
	for _, d := range e.disks {
		if !seen[d.Owner] {
			seen[d.Owner] = true
			judge(d.Protection, d.Evidence[0].Ref, d.Owner, "the disks of "+d.Owner+" are")
		}
	}
	return nil
}
