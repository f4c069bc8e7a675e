package nodetrust

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/cloud"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/internal/yamlx"
	"github.com/nist190/nist190/inventory"
)

var nodeMapping = nist190.Metadata{
	ID: "nodetrust-node-mapping", Title: "Role of nodes on EKS with other rights than those of a node",
	Doc: `On EKS a machine joins by its IAM role. The role is mapped to the group system:nodes and to further groups, to a name that
all nodes share, or is that of a person. Whoever gets the credentials of the role from one machine's metadata then has the
rights of those groups, or is every node at once.

An access entry of type EC2_LINUX, EC2_WINDOWS, HYBRID_LINUX or FARGATE_LINUX is mapped by EKS itself. In the ConfigMap
aws-auth the groups are system:bootstrappers and system:nodes, with eks:kube-proxy-windows for Windows, and the name holds
that of the machine.

Before:

    - rolearn: arn:aws:iam::111122223333:role/nodes
      username: node
      groups: [system:bootstrappers, system:nodes, system:masters]

After:

    - rolearn: arn:aws:iam::111122223333:role/nodes
      username: system:node:{{EC2PrivateDNSName}}
      groups: [system:bootstrappers, system:nodes]`,
	Claims: nist190.Claims("5a", "5b"), Controls: []string{"IA-3", "AC-6"}, Severity: nist190.SeverityHigh,
	Remediation: "Use an access entry of type EC2_LINUX for the role of nodes, or the two groups and the user name system:node:{{EC2PrivateDNSName}}.",
	Needs:       []inventory.Need{inventory.NeedOf[corev1.ConfigMap](inventory.Incriminating)},
	Limits:      "Who may take on the role is in IAM and is not seen.",
}

// mapping of an IAM principal to a user and groups.
type nodeMap struct {
	principal, username, kind string
	groups                    []string
	known                     bool
	process.Place
}

// nodeTypes are the types of access entries that EKS maps to nodes
// (https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html).
var nodeTypes = []string{"EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "HYBRID_LINUX", "EC2"}

func checkNodeMapping(e *nist190.Eval, v *controlplane.View) {
	managed, _ := v.Managed()
	maps := entriesOf(managed)
	o, cm, ok := inventory.TypedGet[corev1.ConfigMap](e.Inventory, "kube-system", "aws-auth")
	if ok {
		more, err := awsAuth(o, cm)
		if err != nil {
			e.NotAssessed(o.Ref(), nist190.ReasonUnknown, "mapRoles or mapUsers is no list of mappings", nist190.At(o, "data"))
		}
		maps = append(maps, more...)
	}
	found := false
	for _, m := range maps {
		if !m.isNode() {
			continue
		}
		found = true
		out := nist190.Outcome{Status: nist190.Pass, Subject: m.Object.Ref(), Key: m.principal, Evidence: []nist190.Evidence{nist190.At(m.Object, m.Path...)}}
		if why, severity := m.flaw(); why != "" {
			out.Status, out.Message, out.Severity = nist190.Fail, fmt.Sprintf("%q %s", m.principal, why), severity
		}
		e.Report(out)
	}
	switch {
	case found:
	case managed.Vendor == cloud.EKS:
		notSeen(e, "no mapping of the role of nodes was found", "aws eks describe-access-entry", "the ConfigMap kube-system/aws-auth")
	default:
		e.NotApplicable(inventory.Cluster, "no role of AWS is mapped to nodes")
	}
}

func entriesOf(m controlplane.Managed) []nodeMap {
	var out []nodeMap
	for i := range m.Clusters {
		for _, entry := range m.Clusters[i].Entries {
			if entry.Object == nil {
				continue
			}
			out = append(out, nodeMap{principal: entry.Principal, username: entry.Username.V, kind: entry.Type.V, groups: entry.Groups.V,
				known: entry.Groups.Known, Place: entry.Place})
		}
	}
	return out
}

// awsAuth reads the lists of the ConfigMap, as aws-iam-authenticator does (pkg/mapper/configmap).
func awsAuth(o *inventory.Object, cm *corev1.ConfigMap) (out []nodeMap, broken error) {
	for _, key := range [...]string{"mapRoles", "mapUsers"} {
		var list []struct {
			RoleARN  string   `json:"rolearn"`
			UserARN  string   `json:"userarn"`
			Username string   `json:"username"`
			Groups   []string `json:"groups"`
		}
		if strings.TrimSpace(cm.Data[key]) == "" {
			continue
		}
		if err := decodeYAML(cm.Data[key], &list); err != nil {
			broken = err
			continue
		}
		for _, m := range list {
			kind := cloud.ConfigMapEntry
			if key == "mapUsers" {
				kind = "user"
			}
			out = append(out, nodeMap{principal: m.RoleARN + m.UserARN, username: m.Username, kind: kind, groups: m.Groups, known: true, Place: process.At(o, "data", key)})
		}
	}
	return out, broken
}

// decodeYAML reads the first document of a text in a field.
func decodeYAML(s string, into any) error {
	text, err := yamlx.Text([]byte(s))
	if err != nil {
		return err
	}
	for d := range yamlx.Split(text) {
		v, err := d.Decode(yamlx.Limits{})
		if err != nil {
			return err
		}
		return json.Unmarshal(v.JSON, into)
	}
	return nil
}

func (m *nodeMap) isNode() bool {
	return slices.Contains(nodeTypes, m.kind) || strings.HasPrefix(m.username, "system:node:") ||
		slices.Contains(m.groups, "system:nodes") || slices.Contains(m.groups, "system:bootstrappers")
}

func (m *nodeMap) flaw() (string, nist190.Severity) {
	if slices.Contains(nodeTypes, m.kind) {
		return "", 0 // EKS gives the name and the groups
	}
	var more []string
	for _, g := range m.groups {
		if g != "system:bootstrappers" && g != "system:nodes" && g != "system:node-proxier" && g != "eks:kube-proxy-windows" {
			more = append(more, g)
		}
	}
	rest, isNode := strings.CutPrefix(m.username, "system:node:")
	switch {
	case slices.Contains(more, "system:masters"):
		return "makes every node an administrator of the cluster", nist190.SeverityCritical
	case len(more) > 0:
		return "gives nodes the rights of further groups: " + phrase.Shorten(more), 0
	case m.kind == "user":
		return "is a person's and has the identity of a node", 0
	case !isNode:
		return "is in the groups of nodes by a name that is none of a node", 0
	case !strings.Contains(rest, "{{"):
		return "gives all nodes one name", 0
	}
	return "", 0
}
