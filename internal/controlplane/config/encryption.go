package config

import (
	"net/url"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/internal/redact"
)

// EncryptionConfiguration is the file of --encryption-provider-config, apiserver.config.k8s.io/v1.
type EncryptionConfiguration struct {
	metav1.TypeMeta
	Resources []ResourceConfiguration `json:"resources"`
}

type ResourceConfiguration struct {
	Resources []string                `json:"resources"`
	Providers []ProviderConfiguration `json:"providers"`
}

type ProviderConfiguration struct {
	AESGCM    *AESConfiguration       `json:"aesgcm,omitempty"`
	AESCBC    *AESConfiguration       `json:"aescbc,omitempty"`
	Secretbox *SecretboxConfiguration `json:"secretbox,omitempty"`
	Identity  *IdentityConfiguration  `json:"identity,omitempty"`
	KMS       *KMSConfiguration       `json:"kms,omitempty"`
}

type AESConfiguration struct {
	Keys []Key `json:"keys"`
}

type SecretboxConfiguration struct {
	Keys []Key `json:"keys"`
}

// Key has the length of a key, and its class.
type Key struct {
	Name   string `json:"name"`
	Secret Secret `json:"secret"`
}

type IdentityConfiguration struct{}

type KMSConfiguration struct {
	APIVersion string    `json:"apiVersion"`
	Name       string    `json:"name"`
	CacheSize  *int32    `json:"cachesize,omitempty"`
	Endpoint   string    `json:"endpoint"`
	Timeout    *Duration `json:"timeout,omitempty"`
}

var anyResource = schema.GroupResource{Group: "*", Resource: "*"}

// Providers are those of a resource, by the order in which the API server looks for them: the resource itself, all of its
// group, all (pkg/server/options/encryptionconfig/config.go, transformerFromOverrides). The first one writes, all of them read.
// None means that the resource is stored as it is.
func (c *EncryptionConfiguration) Providers(resource schema.GroupResource) []ProviderConfiguration {
	for _, of := range []schema.GroupResource{resource, {Group: resource.Group, Resource: "*"}, anyResource} {
		var found []ProviderConfiguration
		for _, r := range c.Resources {
			for _, name := range r.Resources {
				if schema.ParseGroupResource(name) == of {
					found = append(found, r.Providers...) // of several entries one after the other
				}
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

// Problems are those of pkg/apis/apiserver/validation/validation_encryption.go, and an entry that an earlier wildcard masks
// (pkg/server/options/encryptionconfig/config.go). Names of KMS v1 providers may repeat only without
// --encryption-provider-config-automatic-reload, and are not looked at.
func (c *EncryptionConfiguration) Problems() []*Fault {
	var p problems
	if len(c.Resources) == 0 {
		p.add("at least one is required", "resources")
	}
	kms, seen := map[string]bool{}, map[schema.GroupResource]bool{}
	for i, r := range c.Resources {
		path := []any{"resources", i}
		if len(r.Resources) == 0 {
			p.add("at least one is required", at(path, "resources")...)
		}
		p.resources(r.Resources, at(path, "resources")...)
		for j, name := range r.Resources {
			gr := schema.ParseGroupResource(name)
			if seen[schema.GroupResource{Group: gr.Group, Resource: "*"}] || seen[anyResource] {
				p.add("an earlier wildcard masks it", at(path, "resources", j)...)
			}
			seen[gr] = true
		}
		if len(r.Providers) == 0 {
			p.add("at least one is required", at(path, "providers")...)
		}
		for j := range r.Providers {
			p.provider(&r.Providers[j], kms, at(path, "providers", j)...)
		}
	}
	return p
}

func (p *problems) resources(names []string, path ...any) {
	seen := map[schema.GroupResource]bool{}
	for _, name := range names {
		gr := schema.ParseGroupResource(name)
		if seen[gr] {
			p.add("a resource twice", path...)
			break
		}
		seen[gr] = true
	}
	for gr := range seen {
		if gr == anyResource && len(seen) > 1 || gr.Resource != "*" && seen[schema.GroupResource{Group: gr.Group, Resource: "*"}] {
			p.add("resources that overlap", path...)
			break
		}
	}
	for i, name := range names {
		gr := schema.ParseGroupResource(name)
		switch {
		case strings.ToLower(name) != name:
			p.add("must be in lower case", at(path, i)...)
		case name == "*":
			p.add("use *. for the core group or *.* for all", at(path, i)...)
		case name == "apiserveripinfo", name == "serviceipallocations", name == "servicenodeportallocations":
			p.add("no resource of an API", at(path, i)...)
		case gr.Group == "events.k8s.io":
			p.add("stored as events of the core group", at(path, i)...)
		case gr.Group == "extensions":
			p.add("the group is gone", at(path, i)...)
		case gr.Group == "*" && gr.Resource != "*":
			p.add("one resource of all groups", at(path, i)...)
		}
	}
}

func (p *problems) provider(c *ProviderConfiguration, kms map[string]bool, path ...any) {
	n := 0
	for _, set := range []bool{c.AESGCM != nil, c.AESCBC != nil, c.Secretbox != nil, c.Identity != nil, c.KMS != nil} {
		if set {
			n++
		}
	}
	if n != 1 {
		p.add("must be one of aesgcm, aescbc, secretbox, identity and kms", path...)
	}
	switch {
	case c.KMS != nil:
		p.kms(c.KMS, kms, at(path, "kms")...)
		kms[c.KMS.Name] = true
	case c.AESGCM != nil:
		p.keys(c.AESGCM.Keys, []int64{16, 24, 32}, at(path, "aesgcm", "keys")...)
	case c.AESCBC != nil:
		p.keys(c.AESCBC.Keys, []int64{16, 24, 32}, at(path, "aescbc", "keys")...)
	case c.Secretbox != nil:
		p.keys(c.Secretbox.Keys, []int64{32}, at(path, "secretbox", "keys")...)
	}
}

func (p *problems) keys(keys []Key, lengths []int64, path ...any) {
	if len(keys) == 0 {
		p.add("at least one is required", path...)
	}
	for i, k := range keys {
		if k.Name == "" {
			p.add("required", at(path, i, "name")...)
		}
		switch k.Secret.Class {
		case "", redact.Empty:
			p.add("required", at(path, i, "secret")...)
		case redact.Base64, redact.Repeated:
			if !slices.Contains(lengths, k.Secret.Length) {
				p.add("a key of another length than the algorithm has", at(path, i, "secret")...)
			}
		case redact.Placeholder:
			p.add("a placeholder", at(path, i, "secret")...)
		default:
			p.add("not base64", at(path, i, "secret")...)
		}
	}
}

func (p *problems) kms(c *KMSConfiguration, names map[string]bool, path ...any) {
	v1 := c.APIVersion == "" || c.APIVersion == "v1" // the default
	switch {
	case c.Name == "":
		p.add("required", at(path, "name")...)
	case !v1 && strings.Contains(c.Name, ":"):
		p.add("must not contain a colon", at(path, "name")...)
	}
	if !v1 && names[c.Name] {
		p.add("a name twice", at(path, "name")...)
	}
	if c.Timeout != nil && c.Timeout.Duration.Duration <= 0 {
		p.add("must be positive", at(path, "timeout")...)
	}
	if u, err := url.Parse(c.Endpoint); err != nil || u.Scheme != "unix" {
		p.add("must be unix://", at(path, "endpoint")...)
	}
	switch {
	case !v1 && c.CacheSize != nil:
		p.add("not in v2", at(path, "cachesize")...)
	case v1 && c.CacheSize != nil && *c.CacheSize == 0:
		p.add("must not be 0", at(path, "cachesize")...)
	}
	if !v1 && c.APIVersion != "v2" {
		p.add("must be v1 or v2", at(path, "apiVersion")...)
	}
}
