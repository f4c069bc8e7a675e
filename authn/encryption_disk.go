package authn

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/cloud"
	"github.com/nist190/nist190/internal/controlplane/distro"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
)

// Disk is the disks of a group of nodes, or of a member of etcd.
type Disk struct {
	Owner string // "InstanceGroup nodes", "pool main"
	Etcd  bool
	Protection
}

// Disks are those that installers, clouds and autoscalers are asked for or report, in the order of their sources.
func (e *Encryption) Disks() []Disk { return e.disks }

// templates of machines that have disks. Azure and Google encrypt every disk; Amazon does as the template or the account says.
var machineTemplates = []struct {
	schema.GroupKind
	resource string
	find     func(o *inventory.Object, spec map[string]any, path []any) []Disk
	path     []any
}{
	{schema.GroupKind{Group: "infrastructure.cluster.x-k8s.io", Kind: "AWSMachineTemplate"}, "awsmachinetemplates", awsMachine, []any{"spec", "template", "spec"}},
	{schema.GroupKind{Group: "infrastructure.cluster.x-k8s.io", Kind: "AWSMachinePool"}, "awsmachinepools", awsMachine, []any{"spec", "awsLaunchTemplate"}},
	{schema.GroupKind{Group: "infrastructure.cluster.x-k8s.io", Kind: "AzureMachineTemplate"}, "azuremachinetemplates", azureMachine, []any{"spec", "template", "spec"}},
	{schema.GroupKind{Group: "infrastructure.cluster.x-k8s.io", Kind: "GCPMachineTemplate"}, "gcpmachinetemplates", gcpMachine, []any{"spec", "template", "spec"}},
	{schema.GroupKind{Group: "karpenter.k8s.aws", Kind: "EC2NodeClass"}, "ec2nodeclasses", ec2NodeClass, []any{"spec"}},
}

var cephClusterKind = schema.GroupKind{Group: "ceph.rook.io", Kind: "CephCluster"}

// diskNeeds are alternatives: a cluster has machines of one maker.
func diskNeeds() []inventory.Need {
	out := controlplane.Needs()
	for _, t := range machineTemplates {
		out = append(out, inventory.Need{Group: t.Group, Kind: t.Kind, Resource: t.resource, Bias: inventory.Alternative})
	}
	return append(out, inventory.Need{Group: cephClusterKind.Group, Kind: cephClusterKind.Kind, Resource: "cephclusters", Bias: inventory.Alternative})
}

func disksOf(inv *inventory.Inventory, view *controlplane.View) []Disk {
	var out []Disk
	for _, v := range distro.Volumes(inv) {
		d := Disk{Owner: v.Owner, Etcd: v.Etcd}
		switch {
		case v.Encrypted == nil:
			d.Why = "kops takes the default of its version"
		case *v.Encrypted:
			d.Protection = diskEncrypted("it is asked for")
		default:
			d.Encrypted, d.Why = No, "it is turned off"
		}
		if d.Encrypted == Yes && v.Key != "" {
			d.Custody = CustomerKey
		}
		d.Evidence, d.Strength = []nist190.Evidence{placeOf(v.Place)}, v.Object.Strength()
		out = append(out, d)
	}
	for _, t := range machineTemplates {
		for o := range inv.ByKind(t.GroupKind) {
			spec := mappingAt(o.Unstructured().Object, t.path...)
			for _, d := range t.find(o, spec, t.path) {
				d.Owner, d.Strength = t.Kind+" "+o.Name(), o.Strength()
				out = append(out, d)
			}
		}
	}
	m, _ := view.Managed()
	for i := range m.Clusters {
		c := &m.Clusters[i]
		for j := range c.Pools {
			out = append(out, poolDisk(m, c, &c.Pools[j]))
		}
	}
	return out
}

func diskEncrypted(why string) Protection {
	return Protection{Encrypted: Yes, Authenticated: Undecided, Approved: Yes, Algorithm: "AES-256", Custody: ProviderKey, Why: why}
}

// poolDisk is what a cloud says of a pool, and for the rest what its vendor states of all disks.
func poolDisk(m controlplane.Managed, c *cloud.Cluster, p *cloud.Pool) Disk {
	d := Disk{Owner: "pool " + p.Name}
	d.Evidence, d.Strength = []nist190.Evidence{placeOf(p.Place)}, c.Object.Strength()
	asserted, ok := c.Asserted(cloud.DisksAtRest)
	switch e := p.DisksEncrypted; {
	case e.Known && e.V:
		d.Protection = diskEncrypted("it is asked for")
		d.Strength, d.Evidence = c.Object.Strength(), []nist190.Evidence{placeOf(e.Place)}
	case e.Known:
		d.Encrypted, d.Why, d.Evidence = No, "it is turned off", []nist190.Evidence{placeOf(e.Place)}
	case ok:
		at := d.Evidence
		d.Protection = diskEncrypted(fmt.Sprintf("%s: %s", asserted.Vendor, asserted.Statement))
		d.Source, d.Strength, d.Evidence = asserted.Document, inventory.VendorAsserted, at
	default:
		d.Why = e.Why
	}
	if d.Encrypted == Yes && p.DiskKey.Known && p.DiskKey.V.Set {
		d.Custody = CustomerKey
	}
	return d
}

// awsMachine: api/v1beta2 of cluster-api-provider-aws, Volume. What is left out is the account's default.
func awsMachine(o *inventory.Object, spec map[string]any, path []any) []Disk {
	var out []Disk
	add := func(v map[string]any, at []any) {
		d := Disk{Protection: Protection{Why: "the account's setting for new volumes decides"}}
		at = append(at[:len(at):len(at)], "encrypted")
		switch on, set := v["encrypted"].(bool); {
		case set && on:
			d.Protection = diskEncrypted("it is asked for")
			if s, _ := v["encryptionKey"].(string); s != "" {
				d.Custody = CustomerKey
			}
		case set:
			d.Encrypted, d.Why = No, "it is turned off"
		}
		d.Evidence = []nist190.Evidence{nist190.At(o, at...)}
		out = append(out, d)
	}
	add(mappingAt(spec, "rootVolume"), append(path[:len(path):len(path)], "rootVolume"))
	more, _ := spec["nonRootVolumes"].([]any)
	for i, v := range more {
		m, _ := v.(map[string]any)
		add(m, append(path[:len(path):len(path)], "nonRootVolumes", i))
	}
	return out
}

// azureMachine: managed disks are always encrypted; the customer's key is a disk encryption set (api/v1beta1, OSDisk).
func azureMachine(o *inventory.Object, spec map[string]any, path []any) []Disk {
	d := Disk{Protection: diskEncrypted("Azure encrypts every managed disk")}
	d.Source = "https://learn.microsoft.com/azure/virtual-machines/disk-encryption"
	if id, _ := mappingAt(spec, "osDisk", "managedDisk", "diskEncryptionSet")["id"].(string); id != "" {
		d.Custody = CustomerKey
	}
	d.Evidence = []nist190.Evidence{nist190.At(o, append(path[:len(path):len(path)], "osDisk")...)}
	return []Disk{d}
}

// gcpMachine: Compute Engine encrypts every disk (api/v1beta1, RootDiskEncryptionKey).
func gcpMachine(o *inventory.Object, spec map[string]any, path []any) []Disk {
	d := Disk{Protection: diskEncrypted("Compute Engine encrypts every disk")}
	d.Source = "https://cloud.google.com/compute/docs/disks/disk-encryption"
	if key := mappingAt(spec, "rootDiskEncryptionKey"); key != nil {
		d.Custody = CustomerKey
	}
	d.Evidence = []nist190.Evidence{nist190.At(o, path...)}
	return []Disk{d}
}

// ec2NodeClass: without mappings Karpenter takes those of the image's family, which are encrypted
// (karpenter.sh/docs/concepts/nodeclasses, spec.blockDeviceMappings), except for custom images.
func ec2NodeClass(o *inventory.Object, spec map[string]any, path []any) []Disk {
	mappings, _ := spec["blockDeviceMappings"].([]any)
	if len(mappings) == 0 {
		d := Disk{Protection: diskEncrypted("Karpenter's own mappings are encrypted")}
		d.Source = "https://karpenter.sh/docs/concepts/nodeclasses/#specblockdevicemappings"
		if family, _ := spec["amiFamily"].(string); strings.EqualFold(family, "Custom") {
			d.Protection = Protection{Why: "the image decides"}
		}
		d.Evidence = []nist190.Evidence{nist190.At(o, path...)}
		return []Disk{d}
	}
	var out []Disk
	for i, e := range mappings {
		m, _ := e.(map[string]any)
		ebs := mappingAt(m, "ebs")
		d := Disk{Protection: Protection{Why: "the account's setting for new volumes decides"}}
		switch on, set := ebs["encrypted"].(bool); {
		case set && on:
			d.Protection = diskEncrypted("it is asked for")
			if s, _ := ebs["kmsKeyID"].(string); s != "" {
				d.Custody = CustomerKey
			}
		case set:
			d.Encrypted, d.Why = No, "it is turned off"
		}
		d.Evidence = []nist190.Evidence{nist190.At(o, append(path[:len(path):len(path)], "blockDeviceMappings", i, "ebs", "encrypted")...)}
		out = append(out, d)
	}
	return out
}

// allDisks is what all disks of nodes have in common.
func allDisks(disks []Disk) Protection {
	if len(disks) == 0 {
		return Protection{Why: "nothing tells whether the disks of nodes are encrypted", missing: nodePools}
	}
	out := Protection{}
	for i := range disks {
		d := disks[i].Protection
		switch d.Encrypted {
		case No:
			d.Why = "the disks of " + disks[i].Owner + " are not encrypted"
		case Undecided:
			d.Why = fmt.Sprintf("whether the disks of %s are encrypted is not known: %s", disks[i].Owner, d.Why)
		default:
			d.Why = "the disks of nodes are encrypted"
		}
		if i == 0 {
			out = d
			continue
		}
		strength := min(out.Strength, d.Strength)
		out = weaker(out, d)
		out.Strength = strength
	}
	return out
}

// cephDisks is whether a Ceph cluster that Rook makes encrypts its disks (rook.io/docs, CephCluster CRD, encryptedDevice and
// storageClassDeviceSets[].encrypted).
func cephDisks(inv *inventory.Inventory) Protection {
	out := Protection{}
	for o := range inv.ByKind(cephClusterKind) {
		storage := mappingAt(o.Unstructured().Object, "spec", "storage")
		on := mappingAt(storage, "config")["encryptedDevice"] == "true"
		sets, _ := storage["storageClassDeviceSets"].([]any)
		if len(sets) > 0 {
			on = true
			for _, s := range sets {
				m, _ := s.(map[string]any)
				encrypted, _ := m["encrypted"].(bool)
				on = on && encrypted
			}
		}
		if !on {
			return Protection{Encrypted: No, Why: fmt.Sprintf("CephCluster %q does not encrypt its disks", o.Name()), Strength: o.Strength(),
				Evidence: []nist190.Evidence{placeOf(process.At(o, "spec", "storage"))}}
		}
		out = Protection{Encrypted: Yes, Approved: Yes, Authenticated: No, Algorithm: "XTS-AES", Custody: FileKey, Strength: o.Strength(),
			Why: fmt.Sprintf("CephCluster %q encrypts its disks", o.Name()), Evidence: []nist190.Evidence{placeOf(process.At(o, "spec", "storage"))}}
	}
	return out
}

// cephConnections is whether every Ceph cluster requires encryption on the wire (network.connections.encryption.enabled).
func cephConnections(inv *inventory.Inventory) bool {
	secure := false
	for o := range inv.ByKind(cephClusterKind) {
		on, _ := mappingAt(o.Unstructured().Object, "spec", "network", "connections", "encryption")["enabled"].(bool)
		if !on {
			return false
		}
		secure = true
	}
	return secure
}

func mappingAt(v any, path ...any) map[string]any {
	for _, e := range path {
		m, _ := v.(map[string]any)
		key, _ := e.(string)
		v = m[key]
	}
	m, _ := v.(map[string]any)
	return m
}
