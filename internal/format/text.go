package format

import (
	"bytes"
	"regexp"
)

var (
	// flagzHead: k8s.io/apiserver/pkg/server/flagz/textserializer.go; before v1.33 the title was "flags".
	flagzHead = regexp.MustCompile(`^\s*[a-z][a-z0-9-]* flag[sz]\r?\nWarning: This endpoint is not meant to be machine parseable`)
	// metricsHead: the text format of Prometheus, as component-base/metrics writes it.
	metricsHead = regexp.MustCompile(`^\s*(# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) [^\n]*\n)?# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped)\r?\n`)
)

// IsFlagz reports whether text begins as an answer of /flagz does.
func IsFlagz(head []byte) bool { return flagzHead.Match(head) }

// IsMetrics reports the text format, or lines of it that somebody picked: the first is then a sample of a family that counts.
func IsMetrics(head []byte) bool {
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

// MetricLines are the samples of the families that count, with their line numbers: a few hundred of many thousands. Of the
// series of an admission plugin the first is kept.
func MetricLines(data []byte) (lines [][]byte, numbers []int) {
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
