package redact

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/internal/format"
)

// rule names the fields of a kind that hold payloads. Fields are found by their name wherever they stand, so that a
// document of a wrong shape gives nothing away either; names are compared without case for the same reason.
type rule struct {
	fields   []string                // replaced by their Class
	maps     []string                // every value in them is replaced
	settings []string                // free-form: what is in them is replaced unless it is as plain as a switch
	files    bool                    // file contents are replaced when they look like a payload
	lines    bool                    // credentials in URLs and flags are cut out of every text
	known    func(field string) bool // with it, all other fields of the top level are free-form
}

var (
	encryptionRule = &rule{fields: []string{"secret"}}
	kubeconfigRule = &rule{
		fields: []string{"token", "password", "client-key-data", "id-token", "refresh-token", "access-token",
			"client-secret", "value"},
		maps: []string{"config"}, // auth-provider.config; value is that of exec.env
	}
	kubeadmRule    = &rule{fields: []string{"token", "tlsBootstrapToken", "certificateKey"}, files: true, lines: true}
	schedulerRule  = &rule{fields: []string{"keyData"}}
	credentialRule = &rule{fields: []string{"token", "clientKeyData", "value"}}
)

// ruleOf is the rule of a kind; nil when it holds no payload that this package knows.
func ruleOf(apiVersion, kind string) *rule {
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return nil
	}
	switch gv.Group {
	case "":
		switch {
		case strings.EqualFold(kind, "Config"):
			return kubeconfigRule
		case strings.EqualFold(kind, "EncryptionConfig"), strings.EqualFold(kind, "EncryptionConfiguration"):
			return encryptionRule
		}
	case "apiserver.config.k8s.io", "apiserver.k8s.io":
		if strings.HasPrefix(strings.ToLower(kind), "encryptionconfig") {
			return encryptionRule
		}
	case "kubeadm.k8s.io", "bootstrap.cluster.x-k8s.io", "controlplane.cluster.x-k8s.io":
		return kubeadmRule
	case "client.authentication.k8s.io", "authentication.k8s.io":
		return credentialRule
	case "kubelet.config.k8s.io":
		switch {
		case strings.EqualFold(kind, "CredentialProviderConfig"):
			return credentialRule
		case strings.EqualFold(kind, "KubeletConfiguration"):
			return kubeletRule
		}
	case "kubescheduler.config.k8s.io":
		return schedulerRule
	case "config.k8s.io":
		if strings.EqualFold(kind, "Flagz") {
			return textRule
		}
	case "eksctl.io":
		return eksctlRule
	case "kops.k8s.io", "infrastructure.cluster.x-k8s.io":
		return nodeRule
	case format.Group:
		return formatRule(kind)
	}
	return nil
}

func (r *rule) apply(v any) (changed bool) {
	switch v := v.(type) {
	case []any:
		for i, e := range v {
			if s, ok := e.(string); ok && r.lines {
				if clean := withoutCredentials(s); clean != s {
					v[i] = clean
					changed = true
				}
				continue
			}
			changed = r.apply(e) || changed
		}
	case map[string]any:
		for k, e := range v {
			switch {
			case fold(r.fields, k):
				v[k] = describe(e)
				changed = true
			case fold(r.maps, k):
				changed = redactAll(e) || changed
			case fold(r.settings, k):
				var c bool
				v[k], c = setting(e)
				changed = changed || c
			case r.files && k == "content" && text(e) != "":
				var c bool
				v[k], c = fileContent(text(e), encodingOf(v))
				changed = changed || c
			case r.lines && text(e) != "":
				if clean := r.cleanFlag(k, text(e)); clean != e {
					v[k] = clean
					changed = true
				}
			default:
				changed = r.apply(e) || changed
			}
		}
	}
	return changed
}

func redactAll(v any) (changed bool) {
	m, _ := v.(map[string]any)
	for k, e := range m {
		m[k] = describe(e)
		changed = true
	}
	return changed
}

// encodingOf is that of a file of Cluster API or of kops.
func encodingOf(file map[string]any) string {
	if encoded, _ := file["isBase64"].(bool); encoded {
		return "base64"
	}
	return text(file["encoding"])
}

// cleanFlag is withoutCredentials for the value of a field, whose name may be that of a flag.
func (r *rule) cleanFlag(name, value string) string {
	if clean := withoutCredentials(name + "=" + value); strings.HasPrefix(clean, name+"=") {
		return clean[len(name)+1:]
	}
	return value
}

// fold compares names without case. k3s appends to a list where a key ends in "+".
func fold(names []string, k string) bool {
	k = strings.TrimSuffix(k, "+")
	for _, n := range names {
		if strings.EqualFold(n, k) {
			return true
		}
	}
	return false
}

// holdsPayload looks at the content of a file that a cloud-init of Cluster API writes to a node.
func holdsPayload(content string) bool {
	for _, sign := range []string{"PRIVATE KEY", "EncryptionConfig", "token:", "password:", "client-key-data", "secret:",
		"kind: Secret"} {
		if strings.Contains(content, sign) {
			return true
		}
	}
	return false
}
