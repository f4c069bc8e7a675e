package controlplane

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/internal/controlplane/cloud"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
)

// Managed is a control plane that a vendor runs. Its flags are nobody's to see.
type Managed struct {
	Vendor cloud.Vendor
	// Why says what gives it away, for people.
	Why string
	process.Place
	// Clusters are the descriptions that were given; none where only nodes or the version tell.
	Clusters []cloud.Cluster
}

// Managed tells whether a vendor runs the control plane: where nodes or the version say so, or a cluster of a vendor is
// described. It is false where the flags of an API server are described as well: then it is somebody's own.
func (v *View) Managed() (Managed, bool) { return v.managed, v.managed.Vendor != "" }

func findManaged(inv *inventory.Inventory, processes []process.Process) (Managed, []inventory.Problem) {
	found := cloud.Find(inv)
	m := Managed{Clusters: found.Clusters}
	own := slices.ContainsFunc(processes, func(p process.Process) bool { return p.Component == process.KubeAPIServer && !p.Partial })
	sign, ok := cloud.Detect(inv)
	switch {
	case own:
		return Managed{}, found.Problems
	case ok:
		m.Vendor, m.Why, m.Place = sign.Vendor, sign.Why, sign.Place
	case len(found.Clusters) > 0:
		c := &found.Clusters[0]
		m.Vendor, m.Why, m.Place = c.Vendor, c.Source, c.Place
		for i := range found.Clusters { // of two vendors nobody knows which one is meant
			if found.Clusters[i].Vendor != c.Vendor {
				return Managed{}, found.Problems
			}
		}
	}
	m.Clusters = slices.DeleteFunc(m.Clusters, func(c cloud.Cluster) bool { return c.Vendor != m.Vendor })
	return m, found.Problems
}

// Cluster is the one cluster that is described, as the cloud reports it before what is planned; false where none is, or
// several.
func (m Managed) Cluster() (*cloud.Cluster, bool) {
	for i := range m.Clusters {
		if m.Clusters[i].Name != m.Clusters[0].Name {
			return nil, false
		}
	}
	if len(m.Clusters) == 0 {
		return nil, false
	}
	return &m.Clusters[0], true
}

// Asserted is what the vendor documents of its clusters, where that holds for this one.
func (m Managed) Asserted(claim cloud.Claim) (cloud.Assertion, bool) {
	c, ok := m.Cluster()
	if !ok {
		return cloud.Assertion{}, false
	}
	return c.Asserted(claim)
}

// commands print the description of a cluster.
var commands = map[cloud.Vendor]string{
	cloud.EKS: "aws eks describe-cluster", cloud.GKE: "gcloud container clusters describe --format json", cloud.AKS: "az aks show",
}

// hidden is the answer where no description of a component was found.
func (v *View) hidden(c process.Component) Basis {
	if m, ok := v.Managed(); ok {
		wanted := []string{fmt.Sprintf("an attestation of what %s states of %s", m.Vendor, c)}
		if c == process.KubeAPIServer { // its metrics and what the vendor describes tell a part
			wanted = []string{"/metrics of " + string(c), commands[m.Vendor]}
		}
		b := unknown(fmt.Sprintf("the control plane is that of %s, which does not show the flags of %s", m.Vendor, c), wanted...)
		if !m.IsZero() {
			b.Places = []process.Place{m.Place}
		}
		return b
	}
	return unknown("control plane not visible: nothing describes "+string(c), "the static pod of "+string(c), "/flagz of "+string(c), "the kubeadm ClusterConfiguration")
}

// asserted is the basis of an answer that rests on a vendor's word.
func (v *View) asserted(claim cloud.Claim) (Basis, bool) {
	a, ok := v.managed.Asserted(claim)
	if !ok {
		return Basis{}, false
	}
	c, _ := v.managed.Cluster()
	return Basis{Known: Asserted, Places: []process.Place{c.Place}, Strength: inventory.VendorAsserted, Source: c.Source,
		Reason: fmt.Sprintf("%s: %s (%s, read %s)", a.Vendor, a.Statement, a.Document, a.Read)}, true
}

// managedEncryption is how a vendor stores a resource: with the customer's key, or with its own as it documents.
func (v *View) managedEncryption(resource schema.GroupResource) (Answer[Encryption], bool) {
	c, ok := v.managed.Cluster()
	if !ok {
		return Answer[Encryption]{}, false
	}
	if key := c.SecretsKey; key.Known && key.V.Set && covers(key.V.Resources, resource) {
		return Answer[Encryption]{Encryption{Configured: true, Providers: []Provider{{Type: "kms", Name: key.V.Name}}},
			Basis{Known: Explicit, Places: []process.Place{key.Place}, Strength: c.Object.Strength(), Source: c.Source}}, true
	}
	if b, ok := v.asserted(cloud.EtcdEnveloped); ok {
		return Answer[Encryption]{Encryption{Configured: true, Providers: []Provider{{Type: "kms", Name: strings.ToLower(string(c.Vendor)) + ", a key of the vendor"}}}, b}, true
	}
	if !c.SecretsKey.Known || c.SecretsKey.V.Set {
		return Answer[Encryption]{}, false
	}
	reason := "no key of the customer envelopes Secrets"
	if b, ok := v.asserted(cloud.EtcdAtRest); ok {
		reason += "; of the storage below etcd, " + b.Reason
	}
	b := unknown(reason)
	b.Places, b.Source = []process.Place{c.SecretsKey.Place}, c.Source
	return Answer[Encryption]{Basis: b}, true
}

// covers: nothing stands for what the vendor encrypts with a key, which are Secrets at least.
func covers(resources []string, resource schema.GroupResource) bool {
	if resources == nil {
		return resource == schema.GroupResource{Resource: "secrets"}
	}
	return slices.Contains(resources, "*.*") || slices.Contains(resources, resource.String())
}
