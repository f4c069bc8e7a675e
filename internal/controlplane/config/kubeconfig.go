package config

import (
	"encoding/base64"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/nist190/nist190/internal/redact"
)

// Kubeconfig is a client configuration, v1 Config. Credentials are class and length; what is base64 stays text, since
// "kubectl config view" writes words in its place.
type Kubeconfig struct {
	Kind           string           `json:"kind,omitempty"`
	APIVersion     string           `json:"apiVersion,omitempty"`
	Preferences    Preferences      `json:"preferences,omitzero"`
	Clusters       []NamedCluster   `json:"clusters"`
	AuthInfos      []NamedAuthInfo  `json:"users"`
	Contexts       []NamedContext   `json:"contexts"`
	CurrentContext string           `json:"current-context"`
	Extensions     []NamedExtension `json:"extensions,omitempty"`
}

type Preferences struct {
	Colors     bool             `json:"colors,omitempty"`
	Extensions []NamedExtension `json:"extensions,omitempty"`
}

type Cluster struct {
	Server                   string           `json:"server"`
	TLSServerName            string           `json:"tls-server-name,omitempty"`
	InsecureSkipTLSVerify    bool             `json:"insecure-skip-tls-verify,omitempty"`
	CertificateAuthority     string           `json:"certificate-authority,omitempty"`
	CertificateAuthorityData string           `json:"certificate-authority-data,omitempty"`
	ProxyURL                 string           `json:"proxy-url,omitempty"`
	DisableCompression       bool             `json:"disable-compression,omitempty"`
	Extensions               []NamedExtension `json:"extensions,omitempty"`
}

type AuthInfo struct {
	ClientCertificate     string              `json:"client-certificate,omitempty"`
	ClientCertificateData string              `json:"client-certificate-data,omitempty"`
	ClientKey             string              `json:"client-key,omitempty"`
	ClientKeyData         Secret              `json:"client-key-data,omitempty"`
	Token                 Secret              `json:"token,omitempty"`
	TokenFile             string              `json:"tokenFile,omitempty"`
	Impersonate           string              `json:"as,omitempty"`
	ImpersonateUID        string              `json:"as-uid,omitempty"`
	ImpersonateGroups     []string            `json:"as-groups,omitempty"`
	ImpersonateUserExtra  map[string][]string `json:"as-user-extra,omitempty"`
	Username              string              `json:"username,omitempty"`
	Password              Secret              `json:"password,omitempty"`
	AuthProvider          *AuthProviderConfig `json:"auth-provider,omitempty"`
	Exec                  *ExecConfig         `json:"exec,omitempty"`
	Extensions            []NamedExtension    `json:"extensions,omitempty"`
}

type Context struct {
	Cluster    string           `json:"cluster"`
	AuthInfo   string           `json:"user"`
	Namespace  string           `json:"namespace,omitempty"`
	Extensions []NamedExtension `json:"extensions,omitempty"`
}

type NamedCluster struct {
	Name    string  `json:"name"`
	Cluster Cluster `json:"cluster"`
}

type NamedContext struct {
	Name    string  `json:"name"`
	Context Context `json:"context"`
}

type NamedAuthInfo struct {
	Name     string   `json:"name"`
	AuthInfo AuthInfo `json:"user"`
}

type NamedExtension struct {
	Name      string               `json:"name"`
	Extension runtime.RawExtension `json:"extension"`
}

type AuthProviderConfig struct {
	Name   string            `json:"name"`
	Config map[string]Secret `json:"config"`
}

type ExecConfig struct {
	Command            string       `json:"command"`
	Args               []string     `json:"args"`
	Env                []ExecEnvVar `json:"env"`
	APIVersion         string       `json:"apiVersion,omitempty"`
	InstallHint        string       `json:"installHint,omitempty"`
	ProvideClusterInfo bool         `json:"provideClusterInfo"`
	InteractiveMode    string       `json:"interactiveMode,omitempty"`
}

type ExecEnvVar struct {
	Name  string `json:"name"`
	Value Secret `json:"value"`
}

// decodeNested refuses lists that have a name twice, as the conversion to maps does (tools/clientcmd/api/v1/conversion.go).
func (c *Kubeconfig) decodeNested([]byte) ([]error, error) {
	var p problems
	p.repeated(len(c.Clusters), func(i int) string { return c.Clusters[i].Name }, "clusters")
	p.repeated(len(c.AuthInfos), func(i int) string { return c.AuthInfos[i].Name }, "users")
	p.repeated(len(c.Contexts), func(i int) string { return c.Contexts[i].Name }, "contexts")
	p.extensions(c.Extensions, "extensions")
	p.extensions(c.Preferences.Extensions, "preferences", "extensions")
	for i := range c.Clusters {
		p.extensions(c.Clusters[i].Cluster.Extensions, "clusters", i, "cluster", "extensions")
	}
	for i := range c.AuthInfos {
		p.extensions(c.AuthInfos[i].AuthInfo.Extensions, "users", i, "user", "extensions")
	}
	for i := range c.Contexts {
		p.extensions(c.Contexts[i].Context.Extensions, "contexts", i, "context", "extensions")
	}
	if len(p) > 0 {
		return nil, p[0]
	}
	return nil, nil
}

func (p *problems) extensions(list []NamedExtension, path ...any) {
	p.repeated(len(list), func(i int) string { return list[i].Name }, path...)
}

func (p *problems) repeated(n int, name func(i int) string, path ...any) {
	seen := map[string]bool{}
	for i := range n {
		if seen[name(i)] {
			p.add("a name twice", at(path, i, "name")...)
		}
		seen[name(i)] = true
	}
}

// Problems are values that must be base64 and are not: client-go refuses the file. In a file that "kubectl config view"
// printed they are words.
func (c *Kubeconfig) Problems() []*Fault {
	var p problems
	for i, n := range c.Clusters {
		p.base64(n.Cluster.CertificateAuthorityData, "clusters", i, "cluster", "certificate-authority-data")
	}
	for i, n := range c.AuthInfos {
		p.base64(n.AuthInfo.ClientCertificateData, "users", i, "user", "client-certificate-data")
		switch n.AuthInfo.ClientKeyData.Class {
		case redact.Text, redact.Placeholder, redact.Other:
			p.add("not base64", "users", i, "user", "client-key-data")
		}
	}
	return p
}

func (p *problems) base64(s string, path ...any) {
	if _, err := base64.StdEncoding.DecodeString(s); err != nil {
		p.add("not base64", path...)
	}
}
