package nodetrust

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/inventory"
)

func certificateChecks() []nist190.Check {
	return []nist190.Check{CertificateExpiry(), SharedKeys()}
}

// seen is a public certificate that stands in an object.
type seenCertificate struct {
	*x509.Certificate
	of string // what it is
	at nist190.Evidence
	o  *inventory.Object
}

var kubeconfigKind = schema.GroupKind{Kind: "Config"}

func certificateNeeds() []inventory.Need {
	return []inventory.Need{
		// Each object answers for itself, and manifests seldom hold kubeconfigs.
		{Kind: "Config", Resource: "configs", Bias: inventory.Alternative},
		{Group: apiServiceKind.Group, Kind: apiServiceKind.Kind, Resource: "apiservices", Bias: inventory.Incriminating},
		{Group: crdKind.Group, Kind: crdKind.Kind, Resource: "customresourcedefinitions", Bias: inventory.Incriminating},
		inventory.NeedOf[admissionregistrationv1.MutatingWebhookConfiguration](inventory.Incriminating),
		inventory.NeedOf[admissionregistrationv1.ValidatingWebhookConfiguration](inventory.Incriminating),
		inventory.NeedOf[corev1.ConfigMap](inventory.Incriminating),
	}
}

var certificateExpiry = nist190.Metadata{
	ID: "nodetrust-certificate-expiry", Title: "Certificate that has ended or is about to", Risk: nist190.NodeTrust,
	Doc: `A public certificate that stands in a kubeconfig, a CA bundle or a ConfigMap of the cluster has ended, or ends within 30
days. What relies on it stops: a node drops out, a webhook refuses or lets through everything, clients turn verification
off to go on.

Certificates of kubeadm live for a year, its CAs for ten.

Before:

    client-certificate-data: LS0tLS1CRUdJTi... # until 2025-11-01

After: kubeadm certs renew all, or rotation by the kubelet.`,
	Claims: nist190.Claims("5b"), Controls: []string{"SC-12", "SC-17"}, Severity: nist190.SeverityMedium,
	Remediation: "Renew it (kubeadm certs renew, cert-manager, the vendor's rotation) and let what renews it run by itself.",
	Subjects:    []schema.GroupKind{apiServiceKind, crdKind, mutatingKind, validatingKind, {Kind: "ConfigMap"}},
	Needs:       certificateNeeds(),
	Since:       "v0.1.0",
	Limits:      "Certificates in Secrets and in files on nodes are not read. Of a bundle of several the one that ends last counts.",
}

// ends is how long before its end a certificate is reported.
const ends = 30 * 24 * time.Hour

// CertificateExpiry finds certificates that have ended or are about to.
func CertificateExpiry() nist190.Check { return nist190.NewCheck(certificateExpiry, checkExpiry) }

func checkExpiry(ctx context.Context, e *nist190.Eval) error {
	now := inventory.Now(e.Inventory)
	found := false
	for _, c := range certificatesIn(e.Inventory) {
		found = true
		out := nist190.Outcome{Status: nist190.Pass, Subject: c.o.Ref(), Key: c.at.Path, Evidence: []nist190.Evidence{c.at.Because("until " + c.NotAfter.UTC().Format(time.DateOnly))}}
		switch {
		case now.After(c.NotAfter):
			out.Status, out.Message = nist190.Fail, fmt.Sprintf("%s ended on %s", c.of, c.NotAfter.UTC().Format(time.DateOnly))
		case c.NotAfter.Sub(now) < ends:
			out.Status, out.Severity, out.Message = nist190.Fail, nist190.SeverityLow, fmt.Sprintf("%s ends on %s", c.of, c.NotAfter.UTC().Format(time.DateOnly))
		}
		e.Report(out)
	}
	if !found {
		notSeen(e, "no public certificate was seen", "kubeconfigs of nodes", "CA bundles of webhooks from the cluster")
	}
	return ctx.Err()
}

// clusterCAs are the ConfigMaps in which Kubernetes publishes CAs. kube-root-ca.crt is the same in every namespace.
var clusterCAs = map[string][]string{
	"kube-root-ca.crt":                   {"ca.crt"},
	"extension-apiserver-authentication": {"client-ca-file", "requestheader-client-ca-file"},
}

func certificatesIn(inv *inventory.Inventory) []seenCertificate {
	var out []seenCertificate
	add := func(o *inventory.Object, of, data string, isBase64 bool, path ...any) {
		raw := []byte(data)
		if isBase64 {
			var err error
			if raw, err = base64.StdEncoding.DecodeString(data); err != nil {
				return
			}
		}
		if c := lastOf(raw); c != nil {
			out = append(out, seenCertificate{c, of, nist190.At(o, path...), o})
		}
	}
	for o := range inv.ByKind(kubeconfigKind) {
		k := kubeconfigOf(o)
		for i, u := range k.Users {
			add(o, fmt.Sprintf("the client certificate of user %q", u.Name), u.User.ClientCertificateData, true, "users", i, "user", "client-certificate-data")
		}
		for i, c := range k.Clusters {
			add(o, fmt.Sprintf("the CA of cluster %q", c.Name), c.Cluster.CertificateAuthorityData, true, "clusters", i, "cluster", "certificate-authority-data")
		}
	}
	for o := range inv.ByKind(apiServiceKind) {
		var x struct{ Spec called }
		if json.Unmarshal(o.JSON(), &x) == nil {
			add(o, "the CA bundle", x.Spec.CABundle, true, "spec", "caBundle")
		}
	}
	for o := range inv.ByKind(crdKind) {
		var x struct {
			Spec struct {
				Conversion struct{ Webhook struct{ ClientConfig called } }
			}
		}
		if json.Unmarshal(o.JSON(), &x) == nil {
			add(o, "the CA bundle of the conversion webhook", x.Spec.Conversion.Webhook.ClientConfig.CABundle, true, "spec", "conversion", "webhook", "clientConfig", "caBundle")
		}
	}
	for _, gk := range [...]schema.GroupKind{mutatingKind, validatingKind} {
		for o := range inv.ByKind(gk) {
			var x struct {
				Webhooks []struct {
					Name         string
					ClientConfig called
				}
			}
			if json.Unmarshal(o.JSON(), &x) != nil {
				continue
			}
			for i, w := range x.Webhooks {
				add(o, fmt.Sprintf("the CA bundle of webhook %q", w.Name), w.ClientConfig.CABundle, true, "webhooks", i, "clientConfig", "caBundle")
			}
		}
	}
	for o, cm := range inventory.TypedIn[corev1.ConfigMap](inv, "kube-system") {
		for _, key := range clusterCAs[o.Name()] {
			add(o, "the CA of the cluster", cm.Data[key], false, "data", key)
		}
	}
	return out
}

// lastOf is the certificate of a bundle that ends last.
func lastOf(raw []byte) *x509.Certificate {
	var out *x509.Certificate
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil && (out == nil || c.NotAfter.After(out.NotAfter)) {
			out = c
		}
	}
	return out
}

// kubeconfig is what is public of one.
type kubeconfig struct {
	Clusters []struct {
		Name    string
		Cluster struct {
			CertificateAuthorityData string `json:"certificate-authority-data"`
		}
	}
	Users []struct {
		Name string
		User struct {
			ClientCertificateData string `json:"client-certificate-data"`
		}
	}
}

func kubeconfigOf(o *inventory.Object) kubeconfig {
	var k kubeconfig
	if json.Unmarshal(o.JSON(), &k) != nil {
		return kubeconfig{}
	}
	return k
}

var sharedKeys = nist190.Metadata{
	ID: "nodetrust-shared-keys", Title: "Nodes that share a key pair", Risk: nist190.NodeTrust,
	Doc: `Several nodes authenticate with one key pair: their kubeconfigs hold one certificate, their requests for certificates one
public key, or a template writes a key to every machine that is made of it. SP 800-190 asks that key pairs are not shared:
who takes the key of one node is all of them, and none can be shut out alone.

A machine image that was taken of a node that had joined already is the common cause.

Before:

    kind: KubeadmConfigTemplate
    spec: {template: {spec: {files: [{path: /var/lib/kubelet/pki/kubelet-client-current.pem, content: ...}]}}}

After: nodes that join by a bootstrap token or their cloud's identity, and make their keys themselves.`,
	Claims: nist190.Claims("5b", "5i"), Controls: []string{"IA-3", "IA-5(2)", "SC-12"}, Severity: nist190.SeverityHigh,
	Remediation: "Remove /var/lib/kubelet/pki and /etc/kubernetes from images and templates, delete the nodes and let each join anew.",
	Needs: []inventory.Need{
		{Kind: "Config", Resource: "configs", Bias: inventory.Alternative},
		inventory.NeedOf[certificatesv1.CertificateSigningRequest](inventory.Incriminating),
		{Group: "bootstrap.cluster.x-k8s.io", Kind: "KubeadmConfigTemplate", Resource: "kubeadmconfigtemplates", Bias: inventory.Incriminating},
		{Group: "controlplane.cluster.x-k8s.io", Kind: "KubeadmControlPlane", Resource: "kubeadmcontrolplanes", Bias: inventory.Incriminating},
	},
	Since: "v0.1.0",
	Limits: `Keys themselves are never read: what is compared is public. A kubeconfig that names its certificate by a file, as kubelets
that rotate have it, tells nothing. Nodes with one machine identity are found elsewhere.`,
}

// SharedKeys finds nodes that authenticate with one key pair.
func SharedKeys() nist190.Check { return nist190.NewCheck(sharedKeys, checkSharedKeys) }

// keyUse is a public key in somebody's hands.
type keyUse struct {
	holder string // node, or directory of the file
	at     nist190.Evidence
}

func checkSharedKeys(ctx context.Context, e *nist190.Eval) error {
	uses := map[[sha256.Size]byte][]keyUse{}
	var order [][sha256.Size]byte
	note := func(spki []byte, u keyUse) {
		k := sha256.Sum256(spki)
		if uses[k] == nil {
			order = append(order, k)
		}
		uses[k] = append(uses[k], u)
	}
	for o := range e.Inventory.ByKind(kubeconfigKind) {
		for i, u := range kubeconfigOf(o).Users {
			raw, err := base64.StdEncoding.DecodeString(u.User.ClientCertificateData)
			if c := lastOf(raw); err == nil && c != nil && isOfNode(c) {
				note(c.RawSubjectPublicKeyInfo, keyUse{"files in " + path.Dir(o.Origin().URI), nist190.At(o, "users", i, "user", "client-certificate-data")})
			}
		}
	}
	for o, csr := range inventory.Typed[certificatesv1.CertificateSigningRequest](e.Inventory) {
		r, err := requestOf(csr.Spec.Request)
		if err != nil {
			continue
		}
		if node, ok := strings.CutPrefix(r.Subject.CommonName, "system:node:"); ok {
			note(r.RawSubjectPublicKeyInfo, keyUse{"node " + node, nist190.At(o, "spec", "request")})
		}
	}
	shared, nodes := false, map[string]bool{}
	for _, k := range order {
		var holders []string
		var evidence []nist190.Evidence
		for _, u := range uses[k] {
			nodes[u.holder] = true
			if !slices.Contains(holders, u.holder) {
				holders = append(holders, u.holder)
				evidence = append(evidence, u.at)
			}
		}
		if len(holders) < 2 {
			continue
		}
		shared = true
		slices.Sort(holders)
		e.Report(nist190.Outcome{Status: nist190.Fail, Subject: inventory.Cluster, Key: holders[0], Evidence: evidence[:min(len(evidence), mostPlaces)],
			Message: fmt.Sprintf("one key pair is that of %s", phrase.Shorten(holders))})
	}
	shared = templatesWithKeys(e) || shared
	switch {
	case shared:
	case len(nodes) > 1:
		e.Report(nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster, Message: fmt.Sprintf("%d nodes have keys of their own", len(nodes)), Evidence: []nist190.Evidence{uses[order[0]][0].at}})
	default:
		notSeen(e, "no keys of two nodes were seen", "kubeconfigs of nodes", "certificatesigningrequests.certificates.k8s.io")
	}
	return ctx.Err()
}

func isOfNode(c *x509.Certificate) bool {
	return strings.HasPrefix(c.Subject.CommonName, "system:node:") || slices.Contains(c.Subject.Organization, "system:nodes")
}

// nodeKeys are the places where a kubelet keeps what it proves itself with.
var nodeKeys = []string{"/var/lib/kubelet/pki/", "/etc/kubernetes/kubelet.conf", "/etc/kubernetes/pki/kubelet"}

// templatesWithKeys fails templates that write a key of a kubelet to every machine.
func templatesWithKeys(e *nist190.Eval) (found bool) {
	for _, k := range [...]struct {
		schema.GroupKind
		path []any
	}{
		{schema.GroupKind{Group: "bootstrap.cluster.x-k8s.io", Kind: "KubeadmConfigTemplate"}, []any{"spec", "template", "spec", "files"}},
		{schema.GroupKind{Group: "controlplane.cluster.x-k8s.io", Kind: "KubeadmControlPlane"}, []any{"spec", "kubeadmConfigSpec", "files"}},
	} {
		for o := range e.Inventory.ByKind(k.GroupKind) {
			var v any = o.Unstructured().Object
			for _, step := range k.path {
				m, _ := v.(map[string]any)
				v = m[step.(string)]
			}
			files, _ := v.([]any)
			for i, f := range files {
				m, _ := f.(map[string]any)
				name, _ := m["path"].(string)
				if strings.HasSuffix(name, ".crt") || !slices.ContainsFunc(nodeKeys, func(p string) bool { return strings.HasPrefix(name, p) }) {
					continue
				}
				found = true
				e.Fail(o.Ref(), name, fmt.Sprintf("every machine of the template gets the one %s", name), nist190.At(o, append(slices.Clone(k.path), i)...))
			}
		}
	}
	return found
}
