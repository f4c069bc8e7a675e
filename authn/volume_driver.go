package authn

import (
	"slices"
	"strings"

	"github.com/nist190/nist190/inventory"
)

// wire is how a volume's data travels.
type wire uint8

const (
	noWire    wire = iota // a block device, or a path that the vendor secures
	nfsWire               // sec=krb5p or xprtsec= encrypts (nfs(5))
	smbWire               // seal encrypts (mount.cifs(8))
	cephWire              // ms_mode=secure encrypts (mount.ceph(8))
	efsWire               // TLS unless encryptInTransit is "false"
	azureWire             // SMB 3 is encrypted by the account's default, NFS by encryptInTransit
	ossWire               // TLS where encryptInTransit is "true"
)

// bound is where a volume lives.
type bound uint8

const (
	_ bound = iota // every node reaches it
	// onNodes: a storage system of the cluster keeps replicas on disks of nodes: it is found from every node.
	onNodes
	// oneNode: it is on one node, and found from no other.
	oneNode
	// inMemory: nothing of it is at rest.
	inMemory
)

// driver is what a vendor documents of a storage driver. Names of parameters are compared without case, as most drivers do.
type driver struct {
	names []string // of provisioners; "*" in front stands for what a deployment adds (Rook adds its namespace)
	// always: every volume is encrypted, with the provider's key where the customer names none.
	always bool
	// switches are parameters that turn encryption on.
	switches []string
	// on is the value that does; empty is "true".
	on []string
	// off: a switch of value "false" means that the volume is not encrypted. Otherwise it decides something else.
	off bool
	// byDefault holds where nothing is set, because.
	byDefault Answer
	because   string
	// customer are parameters that name the customer's key; provider are values of them that are the provider's after all.
	customer, provider []string
	// secret: the key is in the Secret of the parameter node-stage-secret-name or node-publish-secret-name. It alone turns
	// encryption on where there are no switches, and has to be there where there are.
	secret bool
	// copied is a parameter that every volume of the driver has among its attributes: where it is there, all are.
	copied string
	// integrity is a parameter that adds authentication.
	integrity string
	algorithm string
	where     bound
	wire      wire
	// document says it; read is the day on which the parameters of the row were compared with it, or with the driver's own
	// source. It is empty where they were not, and where something outside of the cluster decides.
	document, read string
}

const readDrivers = "2026-11-25"

// drivers are those that are known.
var drivers = []driver{
	// Amazon. The default of the driver is that of the account and region ("EBS encryption by default").
	{names: []string{"ebs.csi.aws.com", "kubernetes.io/aws-ebs", "ebs.csi.eks.amazonaws.com"},
		switches: []string{"encrypted"}, off: true, because: "the account's setting for new volumes decides",
		customer: []string{"kmsKeyId"}, provider: []string{"alias/aws/ebs"}, algorithm: "AES-256",
		document: "https://github.com/kubernetes-sigs/aws-ebs-csi-driver/blob/master/docs/parameters.md",
		read:     readDrivers},
	{names: []string{"efs.csi.aws.com"}, because: "the file system's own setting decides, which is made with it",
		wire: efsWire, algorithm: "AES-256", document: "https://docs.aws.amazon.com/efs/latest/ug/encryption-at-rest.html"},
	{names: []string{"fsx.csi.aws.com"}, always: true, customer: []string{"kmsKeyId"}, algorithm: "AES-256",
		document: "https://docs.aws.amazon.com/fsx/latest/LustreGuide/encryption-at-rest.html", read: readDrivers},
	{names: []string{"fsx.openzfs.csi.aws.com"}, always: true, customer: []string{"KmsKeyId"}, wire: nfsWire,
		algorithm: "AES-256", document: "https://docs.aws.amazon.com/fsx/latest/OpenZFSGuide/encryption-rest.html"},
	{names: []string{"s3.csi.aws.com"}, always: true, algorithm: "AES-256",
		document: "https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html"},
	// Google.
	{names: []string{"pd.csi.storage.gke.io", "kubernetes.io/gce-pd"}, always: true,
		customer: []string{"disk-encryption-kms-key"}, algorithm: "AES-256",
		document: "https://cloud.google.com/kubernetes-engine/docs/how-to/using-cmek", read: readDrivers},
	{names: []string{"filestore.csi.storage.gke.io"}, always: true, customer: []string{"instance-encryption-kms-key"},
		wire: nfsWire, algorithm: "AES-256", document: "https://cloud.google.com/filestore/docs/cmek", read: readDrivers},
	{names: []string{"gcsfuse.csi.storage.gke.io"}, always: true, algorithm: "AES-256",
		document: "https://cloud.google.com/storage/docs/encryption/default-keys"},
	// Microsoft. Storage service encryption cannot be turned off.
	{names: []string{"disk.csi.azure.com", "kubernetes.io/azure-disk"}, always: true,
		customer: []string{"diskEncryptionSetID"}, algorithm: "AES-256",
		document: "https://github.com/kubernetes-sigs/azuredisk-csi-driver/blob/master/docs/driver-parameters.md",
		read:     readDrivers},
	{names: []string{"file.csi.azure.com", "kubernetes.io/azure-file"}, always: true, wire: azureWire,
		algorithm: "AES-256", document: "https://learn.microsoft.com/azure/storage/common/storage-service-encryption",
		read: readDrivers},
	{names: []string{"blob.csi.azure.com"}, always: true, wire: azureWire, algorithm: "AES-256",
		document: "https://learn.microsoft.com/azure/storage/common/storage-service-encryption"},
	// Ceph. Below the driver the disks of the storage cluster can be encrypted as well.
	{names: []string{"*rbd.csi.ceph.com", "kubernetes.io/rbd"}, switches: []string{"encrypted"},
		because:  "the class does not ask for it, and whether the disks of the Ceph cluster are is not known",
		customer: []string{"encryptionKMSID"}, copied: "clusterID", integrity: "integrityMode", algorithm: "XTS-AES",
		wire: noWire, document: "https://github.com/ceph/ceph-csi/blob/devel/docs/encrypted-volumes.md", read: readDrivers},
	{names: []string{"*cephfs.csi.ceph.com", "kubernetes.io/cephfs"}, switches: []string{"encrypted"},
		because:  "the class does not ask for it, and whether the disks of the Ceph cluster are is not known",
		customer: []string{"encryptionKMSID"}, copied: "clusterID", algorithm: "XTS-AES", wire: cephWire,
		document: "https://github.com/ceph/ceph-csi/blob/devel/docs/encrypted-volumes.md", read: readDrivers},
	{names: []string{"*nfs.csi.ceph.com"}, because: "whether the disks of the Ceph cluster are is not known",
		wire: nfsWire, document: "https://github.com/ceph/ceph-csi/blob/devel/docs/design/proposals/nfs.md"},
	// Storage systems on the disks of nodes.
	{names: []string{"driver.longhorn.io"}, switches: []string{"encrypted"}, secret: true, copied: "numberOfReplicas",
		algorithm: "XTS-AES", where: onNodes, because: "the class does not ask for it",
		document: "https://longhorn.io/docs/1.9.0/advanced-resources/security/volume-encryption/", read: readDrivers},
	{names: []string{"pxd.portworx.com", "pxd.openstorage.org", "kubernetes.io/portworx-volume"},
		switches: []string{"secure"}, algorithm: "XTS-AES", where: onNodes, because: "the class does not ask for it",
		document: "https://docs.portworx.com/portworx-enterprise/platform/secure/encryption", read: readDrivers},
	{names: []string{"linstor.csi.linbit.com"}, switches: []string{"encryption", "linstor.csi.linbit.com/encryption"},
		algorithm: "XTS-AES", where: onNodes, because: "the class does not ask for it",
		document: "https://linbit.com/drbd-user-guide/linstor-guide-1_0-en/", read: readDrivers},
	{names: []string{"io.openebs.csi-mayastor"}, where: onNodes, because: "its disk pools decide",
		document: "https://openebs.io/docs/user-guides/replicated-storage-user-guide/replicated-pv-mayastor/rs-configuration"},
	// Disks of one node.
	{names: []string{"zfs.csi.openebs.io"}, where: oneNode, because: "the properties of the pool decide",
		document: "https://github.com/openebs/zfs-localpv/blob/develop/docs/storageclasses.md", read: readDrivers},
	{names: []string{"local.csi.openebs.io", "openebs.io/local", "topolvm.io", "topolvm.cybozu.com", "rancher.io/local-path", "kubernetes.io/no-provisioner", "kubernetes.io/host-path", "microk8s.io/hostpath", "k8s.io/minikube-hostpath", "docker.io/hostpath", "hostpath.csi.k8s.io", "local.csi.kubernetes.io", "local.csi.aws.com", "local-path"},
		where: oneNode, because: "it is on a disk of the node",
		document: "https://kubernetes.io/docs/concepts/storage/volumes/#local", read: readDrivers},
	// Other clouds.
	{names: []string{"blockvolume.csi.oraclecloud.com"}, always: true, customer: []string{"kms-key-id"},
		algorithm: "AES-256",
		document:  "https://docs.oracle.com/iaas/Content/ContEng/Tasks/contengcreatingpersistentvolumeclaim_topic-Provisioning_PVCs_on_BV.htm",
		read:      readDrivers},
	{names: []string{"fss.csi.oraclecloud.com"}, always: true, customer: []string{"kmsKeyOcid"}, wire: ossWire,
		algorithm: "AES-256",
		document:  "https://docs.oracle.com/iaas/Content/ContEng/Tasks/contengcreatingpersistentvolumeclaim_Provisioning_PVCs_on_FSS.htm",
		read:      readDrivers},
	{names: []string{"dobs.csi.digitalocean.com"}, always: true, algorithm: "XTS-AES",
		document: "https://docs.digitalocean.com/products/volumes/", read: readDrivers},
	// What "encrypted" turns on here is the customer's key: volumes are encrypted with IBM's without it.
	{names: []string{"vpc.block.csi.ibm.io", "vpc.file.csi.ibm.io"}, always: true, customer: []string{"encryptionKey"},
		algorithm: "AES-256", document: "https://cloud.ibm.com/docs/vpc?topic=vpc-block-storage-vpc-encryption",
		read: readDrivers},
	{names: []string{"diskplugin.csi.alibabacloud.com"}, switches: []string{"encrypted"}, off: true,
		because: "the account's setting for new disks decides", customer: []string{"kmsKeyId"}, algorithm: "AES-256",
		document: "https://www.alibabacloud.com/help/en/ack/ack-managed-and-ack-dedicated/user-guide/encrypt-disks",
		read:     readDrivers},
	{names: []string{"nasplugin.csi.alibabacloud.com"},
		because: "the file system's own setting decides, which is made with it", wire: nfsWire,
		document: "https://www.alibabacloud.com/help/en/ack/ack-managed-and-ack-dedicated/user-guide/use-dynamically-provisioned-nas-volumes"},
	{names: []string{"csi.hetzner.cloud"}, secret: true, byDefault: No,
		because: "volumes are as they are unless the class names a Secret with a passphrase", algorithm: "XTS-AES",
		document: "https://github.com/hetznercloud/csi-driver/blob/main/docs/kubernetes/guides/encrypted-volumes.md",
		read:     readDrivers},
	{names: []string{"linodebs.csi.linode.com"},
		switches: []string{"linodebs.csi.linode.com/encrypted", "linodebs.csi.linode.com/luks-encrypted"}, byDefault: No,
		because: "the class does not ask for it", algorithm: "XTS-AES",
		document: "https://github.com/linode/linode-blockstorage-csi-driver/blob/main/docs/encrypted-drives.md",
		read:     readDrivers},
	{names: []string{"csi.scaleway.com"}, switches: []string{"encrypted"}, byDefault: No,
		because: "the class does not ask for it", algorithm: "XTS-AES",
		document: "https://github.com/scaleway/scaleway-csi/blob/master/examples/kubernetes/README.md", read: readDrivers},
	{names: []string{"storage.csi.upcloud.com"}, switches: []string{"encryption"},
		on: []string{"data-at-rest"}, byDefault: No, because: "the class does not ask for it",
		document: "https://upcloud.com/docs/guides/storage-encryption-at-rest/", read: readDrivers},
	// What something outside of the cluster decides.
	{names: []string{"csi.vsphere.vmware.com", "kubernetes.io/vsphere-volume"},
		because:  "the storage policy in vCenter decides",
		document: "https://techdocs.broadcom.com/us/en/vmware-cis/vsphere/container-storage-plugin/3-0.html"},
	{names: []string{"cinder.csi.openstack.org", "kubernetes.io/cinder"}, because: "the volume type in OpenStack decides",
		document: "https://docs.openstack.org/cinder/latest/configuration/block-storage/volume-encryption.html"},
	{names: []string{"manila.csi.openstack.org", "nfs.manila.csi.openstack.org"},
		because: "the share type in OpenStack decides", wire: nfsWire,
		document: "https://github.com/kubernetes/cloud-provider-openstack/blob/master/docs/manila-csi-plugin/using-manila-csi-plugin.md"},
	{names: []string{"csi.trident.netapp.io", "netapp.io/trident"}, because: "the backend of Trident decides",
		document: "https://docs.netapp.com/us-en/trident/trident-reco/security-reco.html"},
	{names: []string{"nfs.csi.k8s.io", "k8s-sigs.io/nfs-subdir-external-provisioner", "cluster.local/nfs-subdir-external-provisioner", "kubernetes.io/nfs"},
		because: "the file server decides", wire: nfsWire,
		document: "https://github.com/kubernetes-csi/csi-driver-nfs/blob/master/docs/driver-parameters.md",
		read:     readDrivers},
	{names: []string{"smb.csi.k8s.io"}, because: "the file server decides", wire: smbWire,
		document: "https://github.com/kubernetes-csi/csi-driver-smb/blob/master/docs/driver-parameters.md",
		read:     readDrivers},
	{names: []string{"kubernetes.io/iscsi", "kubernetes.io/fc", "kubernetes.io/glusterfs", "kubernetes.io/quobyte", "kubernetes.io/scaleio", "kubernetes.io/storageos"},
		because: "the storage system behind it decides", document: "https://kubernetes.io/docs/concepts/storage/volumes/"},
	// Volumes of tmpfs.
	{names: []string{"secrets-store.csi.k8s.io", "csi.cert-manager.io", "spiffe.csi.cert-manager.io", "csi.spiffe.io"},
		where: inMemory, because: "it is in memory", document: "https://secrets-store-csi-driver.sigs.k8s.io/concepts"},
}

// driverOf looks a driver up.
func driverOf(name string) (*driver, bool) {
	for i := range drivers {
		d := &drivers[i]
		if slices.ContainsFunc(d.names, func(n string) bool {
			suffix, any := strings.CutPrefix(n, "*")
			return n == name || any && (name == suffix || strings.HasSuffix(name, "."+suffix))
		}) {
			return d, true
		}
	}
	return nil, false
}

// parameter finds a parameter without regard to case.
func parameter(m map[string]string, name string) (value string, ok bool) {
	if v, ok := m[name]; ok {
		return v, true
	}
	for k, v := range m {
		if strings.EqualFold(k, name) {
			return v, true
		}
	}
	return "", false
}

// protect is what the parameters of a class, or the attributes of a volume, come to. said is the parameter that decided; empty
// where the driver's default does, so that an attribute that is not there can be looked for elsewhere.
func (d *driver) protect(params map[string]string, hasSecret bool) (p Protection, said string) {
	p = Protection{Source: d.document}
	yes := func(why string) {
		p.Encrypted, p.Algorithm, p.Why, p.Custody = Yes, d.algorithm, why, ProviderKey
		p.Authenticated, p.Approved = No, Undecided // XTS and its like change blocks one by one
		if p.Algorithm != "" {
			p.Approved = Yes
		}
	}
	switch {
	case d.where == inMemory:
		yes(d.because)
		p.Custody, p.Algorithm, p.Approved, p.Authenticated = CustodyUnknown, "", Undecided, Undecided
		return p, ""
	case d.always:
		yes("the provider encrypts every volume")
		p.Authenticated, p.Strength = Undecided, inventory.VendorAsserted
	}
	for _, s := range d.switches {
		v, ok := parameter(params, s)
		if !ok {
			continue
		}
		said = s
		switch {
		case d.isOn(v):
			yes(s + " is set")
			if d.secret && !hasSecret {
				p = Protection{Encrypted: No, Source: d.document, Why: s + " is set, and no Secret with a key is named"}
			}
		case d.off && strings.EqualFold(v, "false"):
			p.Encrypted, p.Why = No, s+" is false"
		}
		if p.Encrypted == Yes {
			break
		}
	}
	if len(d.switches) == 0 && d.secret && hasSecret {
		yes("the class names a Secret with a passphrase")
		said = "node-publish-secret-name"
	}
	if p.Encrypted == Undecided {
		p.Encrypted, p.Why = d.byDefault, d.because
		return p, said
	}
	if p.Encrypted == No {
		return p, said
	}
	if strings.HasPrefix(d.algorithm, "XTS") && !d.always { // by the driver, on the node
		p.Custody = CustodyUnknown
		if hasSecret {
			p.Custody = SecretKey
		}
	}
	for _, c := range d.customer {
		if v, ok := parameter(params, c); ok && v != "" && !slices.ContainsFunc(d.provider, func(own string) bool { return strings.HasSuffix(v, own) }) {
			p.Custody, p.Strength, said = CustomerKey, inventory.StrengthUnset, c
		}
	}
	if v, ok := parameter(params, d.integrity); d.integrity != "" && ok && v != "" {
		p.Authenticated = Yes
	}
	return p, said
}

func (d *driver) isOn(v string) bool {
	if len(d.on) == 0 {
		return strings.EqualFold(v, "true")
	}
	return slices.ContainsFunc(d.on, func(on string) bool { return strings.EqualFold(on, v) })
}
