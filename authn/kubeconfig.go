package authn

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"path"
	"slices"
	"strings"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane/config"
	"github.com/nist190/nist190/inventory"
)

// kubeconfigNeed: what they hold of credentials was removed when they were read. Where no such file was given there is nothing to
// judge, hence Alternative.
var kubeconfigNeed = inventory.Need{Kind: "Config", Resource: "configs", Bias: inventory.Alternative}

// kubeconfig is a client configuration as it was found.
type kubeconfig struct {
	object *inventory.Object
	*config.Kubeconfig
	users []kubeUser
}

// kubeUser is one of its users.
type kubeUser struct {
	index int
	*config.NamedAuthInfo
	certificate identity // of client-certificate-data; zero where it is not there or cannot be read
}

// identity is the subject of a certificate: the common name is the user, organizations are groups
// (apiserver/pkg/authentication/request/x509, CommonNameUserConversion).
type identity struct {
	user    string
	groups  []string
	expires time.Time
}

func (id identity) in(group string) bool { return slices.Contains(id.groups, group) }

// component reports a user that Kubernetes gives its own parts.
func (id identity) component() bool {
	return strings.HasPrefix(id.user, "system:") || strings.HasPrefix(id.user, "kube-apiserver-")
}

var kubeconfigs = inventory.NewFact("authn kubeconfigs", func(_ context.Context, inv *inventory.Inventory) ([]*kubeconfig, error) {
	var out []*kubeconfig
	for o := range inv.ByKind(kubeconfigNeed.GroupKind()) {
		doc, _, err := config.Decode(o.JSON())
		if err != nil {
			continue // the file is of another program, or nobody could log in with it
		}
		c, ok := doc.(*config.Kubeconfig)
		if !ok {
			continue
		}
		k := &kubeconfig{object: o, Kubeconfig: c}
		for i := range c.AuthInfos {
			k.users = append(k.users, kubeUser{i, &c.AuthInfos[i], certificateOf(c.AuthInfos[i].AuthInfo.ClientCertificateData)})
		}
		out = append(out, k)
	}
	return out, nil
})

func certificateOf(data string) identity {
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return identity{}
	}
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return identity{}
		}
		return identity{c.Subject.CommonName, c.Subject.Organization, c.NotAfter}
	}
	return identity{}
}

// requested is the subject of a certificate that somebody asks for.
func requested(csr *certificatesv1.CertificateSigningRequest) identity {
	block, _ := pem.Decode(csr.Spec.Request)
	if block == nil {
		return identity{}
	}
	r, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return identity{}
	}
	return identity{user: r.Subject.CommonName, groups: r.Subject.Organization}
}

// credential names the field that lets whoever has the file in; empty where nothing does. What is there to be replaced is no
// credential.
func (u kubeUser) credential() string {
	a := &u.AuthInfo
	switch {
	case held(a.ClientKeyData):
		return "client-key-data"
	case held(a.Token):
		return "token"
	case held(a.Password):
		return "password"
	}
	if a.AuthProvider != nil {
		for _, key := range []string{"refresh-token", "id-token", "access-token", "client-secret"} {
			if held(a.AuthProvider.Config[key]) {
				return "auth-provider"
			}
		}
	}
	if a.Exec != nil {
		for _, v := range a.Exec.Env {
			if held(v.Value) && looksSecret(v.Name) {
				return "exec"
			}
		}
	}
	return ""
}

func held(s config.Secret) bool { return s.Set() && s.Class != "placeholder" }

func looksSecret(name string) bool {
	name = strings.ToLower(name)
	for _, part := range []string{"secret", "token", "password", "passwd", "private_key", "api_key"} {
		if strings.Contains(name, part) && !strings.HasSuffix(name, "_file") && !strings.HasSuffix(name, "_path") {
			return true
		}
	}
	return false
}

// administrator says why a user of a kubeconfig is the cluster's administrator; empty where nothing tells. The names are those
// of kubeadm (cmd/kubeadm/app/phases/kubeconfig), of k3s and of RKE2.
func (k *kubeconfig) administrator(u kubeUser) string {
	switch base := path.Base(strings.ReplaceAll(k.object.Origin().URI, `\`, "/")); {
	case u.certificate.in("system:masters"):
		return "its certificate is of the group system:masters, which no authorizer holds back"
	case u.certificate.in("kubeadm:cluster-admins"):
		return "its certificate is of the group kubeadm:cluster-admins"
	case u.certificate.component():
		return ""
	case base == "admin.conf", base == "super-admin.conf":
		return "it is kubeadm's " + base
	case base == "k3s.yaml", base == "rke2.yaml":
		return "it is the administrator's file of the installer"
	case u.Name == "kubernetes-admin", u.Name == "kubernetes-super-admin":
		return "its user is " + u.Name
	case slices.Contains(u.AuthInfo.ImpersonateGroups, "system:masters"):
		return "it acts as the group system:masters"
	}
	return ""
}

func (k *kubeconfig) at(u kubeUser, field ...any) nist190.Evidence {
	return nist190.At(k.object, append([]any{"users", u.index, "user"}, field...)...)
}
