package reports

import (
	"slices"
	"strconv"
	"strings"

	"github.com/nist190/nist190/internal/controlplane/process"
)

// Metrics reads what /metrics of an API server proves. Counters begin at zero with the process and are its own: what is
// there is proof, what is not is no disproof.
//
//	kubernetes_feature_enabled{name,stage}                                component-base/metrics/prometheus/feature
//	apiserver_admission_controller_admission_duration_seconds_count{name}  apiserver/pkg/admission/metrics
//	apiserver_encryption_config_controller_last_config_info                apiserver/pkg/server/options/encryptionconfig/metrics
//	apiserver_authentication_config_controller_last_config_info            apiserver/pkg/server/options/authenticationconfig/metrics
//	apiserver_authorization_config_controller_last_config_info             apiserver/pkg/server/options/authorizationconfig/metrics
//	apiserver_storage_transformation_operations_total{resource,transformer_prefix}  apiserver/pkg/storage/value/transformer.go
//	apiserver_authorization_decisions_total{type}                          apiserver/pkg/authorization/metrics
func Metrics(text string, at process.Place) process.Process {
	p := process.Process{Component: process.KubeAPIServer, Partial: true, Source: "metrics",
		Incomplete: "/metrics tells only what was used since the API server started"}
	type fact struct {
		flag, item string
		on         bool
	}
	seen := map[fact]bool{}
	add := func(n int, flag, item string, on bool) {
		if f := (fact{flag, item, on}); !seen[f] {
			seen[f] = true
			p.Seen = append(p.Seen, process.Seen{Flag: flag, Item: item, On: on, Place: at.Field(n)})
		}
	}
	for n, line := range strings.Split(text, "\n") {
		name, labels, value, ok := sample(strings.TrimRight(line, "\r"))
		if !ok {
			continue
		}
		switch name {
		case "kubernetes_feature_enabled":
			if gate := labels["name"]; gate != "" {
				add(n, "feature-gates", gate, value != 0)
			}
		case "apiserver_admission_controller_admission_duration_seconds_count":
			if plugin := labels["name"]; plugin != "" {
				add(n, "enable-admission-plugins", plugin, true)
			}
		case "apiserver_authorization_decisions_total":
			if kind := labels["type"]; kind != "" && value > 0 {
				add(n, "authorization-mode", kind, true)
			}
		case "apiserver_encryption_config_controller_last_config_info":
			add(n, "encryption-provider-config", "", true)
		case "apiserver_authentication_config_controller_last_config_info":
			add(n, "authentication-config", "", true)
		case "apiserver_authorization_config_controller_last_config_info":
			add(n, "authorization-config", "", true)
		case "apiserver_storage_transformation_operations_total":
			if labels["status"] != "OK" || value <= 0 {
				continue
			}
			switch prefix := labels["transformer_prefix"]; {
			case labels["transformation_type"] == "to_storage" && (prefix == "" || strings.HasPrefix(prefix, "k8s:enc:")): // others are of keys
				add(n, process.WrittenBy, labels["resource"]+" "+prefix, true)
			case labels["transformation_type"] == "from_storage" && prefix == "identity":
				add(n, process.ReadPlain, labels["resource"], true)
			}
		case "kubernetes_build_info":
			if v := labels["git_version"]; p.Version == "" {
				p.Version = v
			}
		}
	}
	return p
}

// sample reads a line of Prometheus' text format: name{label="value",...} number.
func sample(line string) (name string, labels map[string]string, value float64, ok bool) {
	i := strings.IndexAny(line, "{ ")
	if i <= 0 || line[0] == '#' {
		return "", nil, 0, false
	}
	name, rest := line[:i], line[i:]
	labels = map[string]string{}
	if rest[0] == '{' {
		rest = rest[1:]
		for !strings.HasPrefix(rest, "}") {
			key, quoted, found := strings.Cut(rest, `="`)
			end := endOfQuote(quoted)
			if !found || end < 0 {
				return "", nil, 0, false
			}
			labels[strings.TrimLeft(key, ", ")] = unescape.Replace(quoted[:end])
			rest = strings.TrimLeft(quoted[end+1:], ", ")
		}
		rest = rest[1:]
	}
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return "", nil, 0, false
	}
	value, err := strconv.ParseFloat(fields[0], 64)
	return name, labels, value, err == nil
}

var unescape = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n")

func endOfQuote(s string) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

func sorted(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
