package redact

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/nist190/nist190/internal/format"
)

// payloadFields are the names under which clouds, Terraform and the distributions keep what lets somebody in. Certificates
// and certificate authorities are public.
var payloadFields = []string{
	"token", "password", "passwd", "secret", "clientSecret", "client_secret", "clientKey", "client_key",
	"client-key-data",
	"clientKeyData", "adminPassword", "admin_password", "privateKey", "private_key", "accessKey", "access_key",
	"secretKey",
	"secret_key", "sessionToken", "session_token", "apiKey", "api_key", "kube_config_raw", "kube_admin_config_raw",
	"connectionString", "connection_string", "serverAppSecret", "server_app_secret", "primarySharedKey",
	"primary_shared_key",
	"userData", "user_data", "user_data_base64", "customData", "custom_data",
	"httpProxy", "httpsProxy", "http_proxy", "https_proxy", // URLs that may carry a password
}

var (
	// cloudRule is for what clouds print: the metadata of machines and the values of add-ons are free-form.
	cloudRule = &rule{fields: payloadFields, settings: []string{"metadata", "configurationValues", "configuration_values",
		"configurationSettings", "configuration_settings"}, files: true, lines: true}
	configzRule = &rule{fields: payloadFields, maps: []string{"staticPodURLHeader"}, lines: true}
	kubeletRule = &rule{maps: []string{"staticPodURLHeader"}}
	eksctlRule  = &rule{fields: payloadFields, settings: []string{"configurationValues", "preBootstrapCommands",
		"overrideBootstrapCommand"}, files: true, lines: true}
	textRule = &rule{lines: true}
	nodeRule = &rule{fields: payloadFields, files: true, lines: true} // kops, and machines of Cluster API
	k3sRule  = &rule{fields: []string{
		"token", "t", "agent-token", "cluster-secret", "datastore-endpoint", "vpn-auth", "password", "secret",
		"etcd-s3-access-key", "etcd-s3-secret-key", "etcd-s3-session-token", "etcd-s3-proxy",
	}, lines: true, known: isRancherFlag}
)

// rancherFlags are the flags of k3s and RKE2 whose values are no credentials, beside those that end in -arg, -image, -file
// and -mount. The value of any other field, of a name with a typing error for one, is kept only where it is plain.
var rancherFlags = map[string]bool{
	"apiVersion": true, "kind": true, "profile": true, "cni": true, "selinux": true, "server": true, "tls-san": true,
	"data-dir":  true,
	"node-name": true, "node-label": true, "node-taint": true, "node-ip": true, "node-external-ip": true,
	"bind-address":      true,
	"advertise-address": true, "cluster-cidr": true, "service-cidr": true, "service-node-port-range": true,
	"cluster-dns":    true,
	"cluster-domain": true, "write-kubeconfig": true, "write-kubeconfig-group": true, "flannel-backend": true,
	"flannel-iface": true,
	"flannel-conf":  true, "egress-selector-mode": true, "servicelb-namespace": true, "disable": true, "snapshotter": true,
	"secrets-encryption-provider": true, "datastore-cafile": true, "datastore-certfile": true, "datastore-keyfile": true,
	"private-registry": true, "system-default-registry": true, "kubelet-path": true, "cloud-provider-name": true,
	"cloud-provider-config": true, "image-credential-provider-config": true, "image-credential-provider-bin-dir": true,
	"container-runtime-endpoint": true, "resolv-conf": true, "default-local-storage-path": true,
	"ingress-controller": true,
	"etcd-snapshot-name": true, "etcd-snapshot-dir": true, "etcd-snapshot-schedule-cron": true,
	"control-plane-resource-requests": true,
	"control-plane-resource-limits":   true, "control-plane-probe-configuration": true,
}

func isRancherFlag(k string) bool {
	k = strings.TrimSuffix(k, "+")
	return rancherFlags[k] || strings.HasSuffix(k, "-arg") || strings.HasSuffix(k, "-image") ||
		strings.HasSuffix(k, "-file") ||
		strings.HasSuffix(k, "-mount")
}

// unknownFields treats the fields that a rule does not know as free-form.
func (r *rule) unknownFields(m map[string]any) (changed bool) {
	for k, e := range m {
		if !r.known(k) && !fold(r.fields, k) {
			v, c := setting(e)
			m[k] = v
			changed = changed || c
		}
	}
	return changed
}

// formatRule is the rule of a file format. All of them have one, so that the text of such a file is never kept.
func formatRule(kind string) *rule {
	switch kind {
	case format.K3sConfig, format.RKE2Config:
		return k3sRule
	case format.KubeletConfigz:
		return configzRule
	case format.Flagz, format.Metrics, format.Version:
		return textRule
	}
	return cloudRule
}

// formatObject redacts the object of a file format. Its metadata is this module's own.
func formatObject(kind string, m map[string]any) (changed bool) {
	switch kind {
	case format.TerraformPlan:
		changed = plan(m)
	case format.K3sConfig, format.RKE2Config:
		changed = sameToken(m)
	}
	metadata, ok := m["metadata"]
	delete(m, "metadata")
	r := formatRule(kind)
	if r.known != nil {
		changed = r.unknownFields(m) || changed
	}
	changed = r.apply(m) || changed
	if ok {
		m["metadata"] = metadata
	}
	return changed
}

// sameToken notes where the token of agents is that of servers: a leaked one then joins a server.
func sameToken(m map[string]any) bool {
	server, agent := text(m["token"]), text(m["agent-token"])
	if server == "" {
		server = text(m["t"])
	}
	if agent == "" || server == "" || secretPart(agent) != secretPart(server) {
		return false
	}
	d := describe(agent)
	d["same"] = "token"
	m["agent-token"] = d
	return true
}

// secretPart drops the hash of the cluster's CA and the user from a token: K10<hash>::<user>:<password>.
func secretPart(token string) string {
	if _, rest, ok := strings.Cut(token, "::"); ok && strings.HasPrefix(token, "K10") {
		if _, password, ok := strings.Cut(rest, ":"); ok {
			return password
		}
		return rest
	}
	return token
}

// plan leaves of a Terraform plan what it is going to have of the resources that are evidence, without what Terraform calls
// sensitive. Lists keep their length, so that a path into the object is one into the file.
func plan(m map[string]any) (changed bool) {
	for k := range m {
		switch k {
		case "apiVersion", "kind", "metadata", "format_version", "terraform_version", "planned_values", "complete",
			"errored":
		default:
			delete(m, k)
			changed = true
		}
	}
	planned, _ := m["planned_values"].(map[string]any)
	for k := range planned {
		if k != "root_module" {
			delete(planned, k)
			changed = true
		}
	}
	return planModule(planned["root_module"]) || changed
}

func planModule(v any) (changed bool) {
	module, _ := v.(map[string]any)
	resources, _ := module["resources"].([]any)
	for _, e := range resources {
		r, _ := e.(map[string]any)
		mask, masked := r["sensitive_values"]
		if masked {
			r["values"] = hide(r["values"], mask)
			delete(r, "sensitive_values")
			changed = true
		}
		if _, ok := r["values"]; ok && !format.TerraformType(text(r["type"])) {
			delete(r, "values")
			changed = true
		}
	}
	children, _ := module["child_modules"].([]any)
	for _, c := range children {
		changed = planModule(c) || changed
	}
	return changed
}

// hide describes the values that a mask of the same shape marks with true.
func hide(v, mask any) any {
	switch mask := mask.(type) {
	case bool:
		if mask && v != nil {
			return describe(v)
		}
	case map[string]any:
		if m, ok := v.(map[string]any); ok {
			for k, inner := range mask {
				if e, ok := m[k]; ok {
					m[k] = hide(e, inner)
				}
			}
		}
	case []any:
		if l, ok := v.([]any); ok {
			for i, inner := range mask {
				if i < len(l) {
					l[i] = hide(l[i], inner)
				}
			}
		}
	}
	return v
}

// setting keeps of a free-form value what a switch may say, and describes the rest. A string of JSON is looked into.
func setting(v any) (any, bool) {
	switch v := v.(type) {
	case string:
		if plainSetting.MatchString(v) {
			return v, false
		}
		if m, ok := mapping(v); ok {
			settings(m)
			raw, err := json.Marshal(m)
			if err == nil {
				return string(raw), !bytes.Equal(raw, []byte(v))
			}
		}
		return describe(v), true
	case map[string]any:
		if isDescription(v) {
			return v, false
		}
		return v, settings(v)
	case []any:
		changed := false
		for i, e := range v {
			var c bool
			v[i], c = setting(e)
			changed = changed || c
		}
		return v, changed
	}
	return v, false
}

func settings(m map[string]any) (changed bool) {
	for k, e := range m {
		v, c := setting(e)
		m[k] = v
		changed = changed || c
	}
	return changed
}

// plainSetting is too plain to be a key.
var plainSetting = regexp.MustCompile(`^(?i:|true|false|enabled?|disabled?|on|off|strict|standard|none|[0-9]{1,4}|v?[0-9]{1,3}(\.[0-9]{1,3}){1,2})$`)

func mapping(s string) (m map[string]any, ok bool) {
	dec := json.NewDecoder(strings.NewReader(s))
	if dec.Decode(&m) != nil || m == nil || dec.More() {
		return nil, false
	}
	return m, true
}

var (
	// userinfo is the part of a URL that may hold a password.
	userinfo = regexp.MustCompile(`//[^/\s,"'@]*@`)
	// credentialFlag is a flag whose value is a credential and not the name of a file.
	credentialFlag = regexp.MustCompile(`(?im)^([ \t-]*[a-z0-9-]*(?:token|password|secret-key|access-key|private-key|certificate-key)(?:=|[ \t]*:[ \t]*|[ \t]+))(\S.*)$`)
)

const hidden = "(removed)"

// withoutCredentials removes passwords from a text of flags, or from one flag.
func withoutCredentials(s string) string {
	if strings.Contains(s, "//") {
		s = userinfo.ReplaceAllString(s, "//"+hidden+"@")
	}
	if !mentionsCredential(s) {
		return s
	}
	return credentialFlag.ReplaceAllStringFunc(s, func(m string) string {
		parts := credentialFlag.FindStringSubmatch(m)
		switch strings.TrimSpace(parts[2]) {
		case "true", "false", "CLASSIFIED", hidden: // a switch, or what /flagz prints for flags that are marked
			return m
		}
		return parts[1] + hidden
	})
}

// URL removes the user and password from the URLs in a text.
func URL(s string) string { return userinfo.ReplaceAllString(s, "//"+hidden+"@") }

func mentionsCredential(s string) bool {
	s = strings.ToLower(s)
	return strings.Contains(s, "token") || strings.Contains(s, "password") || strings.Contains(s, "-key")
}
