package manifest

import (
	"bytes"
	"encoding/json"
	"regexp"

	"github.com/nist190/nist190/internal/format"
	"github.com/nist190/nist190/internal/scanreport"
	"github.com/nist190/nist190/inventory"
)

var (
	// flagzHead: k8s.io/apiserver/pkg/server/flagz/textserializer.go; before v1.33 the title was "flags".
	flagzHead = regexp.MustCompile(`^\s*[a-z][a-z0-9-]* flag[sz]\r?\nWarning: This endpoint is not meant to be machine parseable`)
	// metricsHead: the text format of Prometheus, as component-base/metrics writes it.
	metricsHead = regexp.MustCompile(`^\s*(# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) [^\n]*\n)?# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped)\r?\n`)
)

// textFormat makes an object of a file that is a format of plain text. It is false for all others.
func (in *input) textFormat(r *result, data []byte) bool {
	head := data[:min(len(data), 1<<12)]
	var name string
	var lines [][]byte // that are kept
	var numbers []int  // of these lines, from 1
	switch {
	case flagzHead.Match(head):
		name = format.Flagz
		for l := range bytes.Lines(data) {
			lines = append(lines, l)
			numbers = append(numbers, len(lines))
		}
	case isMetrics(head):
		name = format.Metrics
		if lines, numbers = metricLines(data); len(lines) == 0 {
			r.foreign = append(r.foreign, in.uri) // of a component that tells nothing of the cluster
			return true
		}
	case scanreport.IsXML(head):
		return in.xmlReport(r, data)
	default:
		return false
	}
	content, _ := json.Marshal(string(bytes.Join(lines, nil)))
	raw := appendMember(appendMember([]byte{'{'}, "apiVersion", format.APIVersion), "kind", name)
	raw = append(append(append(raw, `"`+format.TextField+`":`...), content...), '}')
	at := inventory.Origin{URI: in.uri, Line: 1, Column: 1}
	o, err := inventory.NewObject(inventory.Item{JSON: raw, Origin: at, Configuration: true,
		Locate: func(path ...any) inventory.Origin {
			here := at
			if len(path) > 1 && path[0] == format.TextField {
				if n, ok := path[1].(int); ok && n >= 0 && n < len(numbers) {
					here.Line = numbers[n]
				}
			}
			return here
		}})
	if err != nil {
		in.broken(r, inventory.ProblemInvalid, at, err)
		return true
	}
	r.objects = append(r.objects, o)
	return true
}

// xmlReport makes an object of the results of XCCDF. A benchmark without results is a file of another tool.
func (in *input) xmlReport(r *result, data []byte) bool {
	s, ok := scanreport.XML(data)
	if !ok {
		r.foreign = append(r.foreign, in.uri)
		return true
	}
	at := inventory.Origin{URI: in.uri, Line: 1, Column: 1}
	o, err := inventory.NewObject(inventory.Item{JSON: part{format: s.Format, name: s.Name, json: s.JSON}.asObject(), Origin: at, Configuration: true})
	if err != nil {
		in.broken(r, inventory.ProblemInvalid, at, err)
		return true
	}
	r.objects = append(r.objects, o)
	return true
}

// isMetrics reports the text format, or lines of it that somebody picked: the first is then a sample of a family that counts.
func isMetrics(head []byte) bool {
	if metricsHead.Match(head) {
		return true
	}
	head = bytes.TrimLeft(head, " \t\r\n")
	end := bytes.IndexByte(head, '{')
	return end > 0 && families[string(head[:end])]
}

// families are the metrics that say how a cluster is configured; of those that are true only one series is enough.
var families = map[string]bool{
	"kubernetes_feature_enabled": true, "kubernetes_build_info": true,
	"apiserver_admission_controller_admission_duration_seconds_count": true,
	"apiserver_encryption_config_controller_last_config_info":         true,
	"apiserver_authentication_config_controller_last_config_info":     true,
	"apiserver_authorization_config_controller_last_config_info":      true,
	"apiserver_storage_transformation_operations_total":               true,
	"apiserver_authorization_decisions_total":                         true,
	"apiserver_client_certificate_expiration_seconds_bucket":          true,
	"apiserver_client_certificate_expiration_seconds_count":           true,
}

// metricLines are the samples of the families that count, with their line numbers: a few hundred of many thousands. Of the
// series of an admission plugin the first is kept.
func metricLines(data []byte) (lines [][]byte, numbers []int) {
	plugins := map[string]bool{}
	n := 0
	for l := range bytes.Lines(data) {
		n++
		end := bytes.IndexAny(l, "{ ")
		if end <= 0 || l[0] == '#' || !families[string(l[:end])] {
			continue
		}
		if bytes.HasPrefix(l, []byte("apiserver_admission_")) {
			name := pluginName.FindSubmatch(l)
			if name == nil || plugins[string(name[1])] {
				continue
			}
			plugins[string(name[1])] = true
		}
		lines = append(lines, l)
		numbers = append(numbers, n)
	}
	return lines, numbers
}

var pluginName = regexp.MustCompile(`[{,]name="([^"]*)"`)

// maybe decides on a file whose name does not say that it is a manifest: whether it is worth reading as one.
func maybe(data []byte) bool {
	head := data[:min(len(data), 1<<12)]
	return flagzHead.Match(head) || isMetrics(head) || scanreport.IsXML(head) || configurationLine.Match(data)
}

// configurationLine: the kinds of the files that kubelets read with the extension .conf: drop-ins of their
// configuration (cmd/kubelet/app/server.go, mergeKubeletConfigurations) and kubeconfigs; and /configz.
var configurationLine = regexp.MustCompile(`(?m)^\s*\{?\s*["']?(kind["']?:\s*["']?(KubeletConfiguration|Config)["']?\s*[,}]?\s*$|kubeletconfig":\s*\{)|"kind":\s*"(KubeletConfiguration|Config)"`)
