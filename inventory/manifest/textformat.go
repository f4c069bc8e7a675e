package manifest

import (
	"bytes"
	"encoding/json"
	"regexp"

	"github.com/nist190/nist190/internal/format"
	"github.com/nist190/nist190/internal/scanreport"
	"github.com/nist190/nist190/inventory"
)

// textFormat makes an object of a file that is a format of plain text. It is false for all others.
func (in *input) textFormat(r *result, data []byte) bool {
	head := data[:min(len(data), 1<<12)]
	var name string
	var lines [][]byte // that are kept
	var numbers []int  // of these lines, from 1
	switch {
	case format.IsFlagz(head):
		name = format.Flagz
		for l := range bytes.Lines(data) {
			lines = append(lines, l)
			numbers = append(numbers, len(lines))
		}
	case format.IsMetrics(head):
		name = format.Metrics
		if lines, numbers = format.MetricLines(data); len(lines) == 0 {
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

// maybe decides on a file whose name does not say that it is a manifest: whether it is worth reading as one.
func maybe(data []byte) bool {
	head := data[:min(len(data), 1<<12)]
	return format.IsFlagz(head) || format.IsMetrics(head) || scanreport.IsXML(head) || configurationLine.Match(data)
}

// configurationLine: the kinds of the files that kubelets read with the extension .conf: drop-ins of their
// configuration (cmd/kubelet/app/server.go, mergeKubeletConfigurations) and kubeconfigs; and /configz.
var configurationLine = regexp.MustCompile(`(?m)^\s*\{?\s*["']?(kind["']?:\s*["']?(KubeletConfiguration|Config)["']?\s*[,}]?\s*$|kubeletconfig":\s*\{)|"kind":\s*"(KubeletConfiguration|Config)"`)
