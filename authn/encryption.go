package authn

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/inventory"
)

// Answer is yes, no, or not known.
type Answer uint8

const (
	// Undecided is the zero value: the evidence does not tell.
	Undecided Answer = iota
	Yes
	No
)

func (a Answer) String() string { return [...]string{"unknown", "yes", "no"}[min(a, No)] }

// Custody says whose the key is.
type Custody uint8

const (
	// CustodyUnknown is the zero value.
	CustodyUnknown Custody = iota
	// FileKey: it lies in a file beside the data, so that it protects copies of the data alone.
	FileKey
	// SecretKey: it is in a Secret of the cluster.
	SecretKey
	// ProviderKey: it is the cloud's own.
	ProviderKey
	// CustomerKey: the customer's, in a key management service.
	CustomerKey
)

func (c Custody) String() string {
	return [...]string{"unknown", "a key in a file", "a key in a Secret", "the provider's key", "the customer's key"}[min(c, CustomerKey)]
}

// Protection is how data at rest is protected at one place. Confidentiality, integrity, the algorithm and whose the key is are
// answers of their own: SP 800-111 asks for approved algorithms, SP 800-190 for barriers to access and to tampering.
type Protection struct {
	// Encrypted: what is written is encrypted.
	Encrypted Answer
	// Authenticated: a change of what was written is noticed when it is read.
	Authenticated Answer
	// Approved: the algorithm is one of FIPS 140-3 (SP 800-140C). Whether its implementation was validated is not judged.
	Approved  Answer
	Algorithm string
	Custody   Custody
	// Why says what decides, for people.
	Why string
	// Source is the document that a statement of a vendor stands in.
	Source   string
	Strength inventory.Strength
	Evidence []nist190.Evidence

	missing string // evidence that nobody gave and that would decide it
}

// nodePools is the evidence that tells of the disks of nodes.
const nodePools = "a description of node pools or machine templates"

// weaker is the one of two protections of the same data that decides: what is not encrypted, then what is not known.
func weaker(a, b Protection) Protection {
	rank := map[Answer]int{No: 0, Undecided: 1, Yes: 2}
	if rank[b.Encrypted] < rank[a.Encrypted] {
		return b
	}
	return a
}

// Encryption says how the data of a cluster is protected at rest: objects in etcd, volumes by class, claim and workload, and
// the disks of nodes. It is immutable and safe for concurrent use.
//
// Objects: the providers of a resource are found as the API server finds them, by its exact name, then its group, then
// everything (apiserver/pkg/server/options/encryptionconfig/config.go, transformerFromOverrides); the first provider writes.
// Volumes: a table of drivers says which parameters decide, with the document that says so. What a PersistentVolume itself
// says wins over its class, which may have been replaced since. A driver that is not in the table is Undecided, whatever its
// class is called. Cost: linear in volumes and workloads.
type Encryption struct {
	view    *controlplane.View
	inv     *inventory.Inventory
	classes map[string]*class
	// defaultClass is what claims get that name none; nil where none was seen.
	defaultClass *class
	byName       map[string]*volume
	byClaim      map[claimKey]*volume
	// claimNames are those of a namespace, ordered.
	claimNames map[string][]string
	disks      []Disk
	nodes      Protection
	ceph       Protection
	// cephSecure: every Ceph cluster encrypts its connections.
	cephSecure bool
}

// EncryptionOf finds how data is protected, once. See [EncryptionNeeds].
func EncryptionOf(ctx context.Context, inv *inventory.Inventory) (*Encryption, error) {
	return encryptionFact.Get(ctx, inv)
}

var encryptionFact = inventory.NewFact("encryption", func(ctx context.Context, inv *inventory.Inventory) (*Encryption, error) {
	view, err := controlplane.Of(ctx, inv)
	if err != nil {
		return nil, err
	}
	e := &Encryption{view: view, inv: inv}
	e.disks = disksOf(inv, view)
	e.nodes = allDisks(e.disks)
	e.ceph, e.cephSecure = cephDisks(inv), cephConnections(inv)
	e.collectClasses(inv)
	e.collectVolumes(inv)
	return e, ctx.Err()
})

// Stored is how a resource is protected in etcd, by the replica that protects it least.
func (e *Encryption) Stored(resource schema.GroupResource) Protection {
	v := e.view.APIServer().EncryptionFor(resource)
	if len(v.Replicas) == 0 {
		return storedBy(v.Answer)
	}
	out := storedBy(v.Replicas[0])
	for _, r := range v.Replicas[1:] {
		out = weaker(out, storedBy(r))
	}
	return out
}

func storedBy(a controlplane.Answer[controlplane.Encryption]) Protection {
	if !a.OK() {
		return Protection{Why: a.Reason}
	}
	p := Protection{Encrypted: No, Why: "it is stored as it is"}
	if a.Value.Encrypted() {
		p = providerProtection(a.Value.Providers[0])
	}
	p.Strength = a.Strength
	if a.Known == controlplane.Asserted {
		p.Custody, p.Source = ProviderKey, a.Reason
	}
	if len(a.Places) > 0 && a.Places[0].Object != nil {
		p.Evidence = []nist190.Evidence{placeOf(a.Places[0])}
	}
	return p
}

// providerProtection is what a provider does (apiserver/pkg/storage/value/encrypt). KMS plugins are given keys to wrap; the
// data itself is encrypted by AES-GCM, of v1 since Kubernetes 1.25.
func providerProtection(p controlplane.Provider) Protection {
	switch p.Type {
	case "kms":
		return Protection{Encrypted: Yes, Authenticated: Yes, Approved: Yes, Algorithm: "AES-GCM", Custody: CustomerKey, Why: "KMS " + p.Version}
	case "aesgcm":
		return Protection{Encrypted: Yes, Authenticated: Yes, Approved: Yes, Algorithm: "AES-GCM", Custody: FileKey, Why: "provider aesgcm"}
	case "aescbc":
		return Protection{Encrypted: Yes, Authenticated: No, Approved: Yes, Algorithm: "AES-CBC", Custody: FileKey, Why: "provider aescbc"}
	case "secretbox":
		return Protection{Encrypted: Yes, Authenticated: Yes, Approved: No, Algorithm: "XSalsa20-Poly1305", Custody: FileKey, Why: "provider secretbox"}
	}
	return Protection{Encrypted: No, Why: "provider " + p.Type}
}
