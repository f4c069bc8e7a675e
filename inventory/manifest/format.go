package manifest

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/nist190/nist190/internal/format"
	"github.com/nist190/nist190/internal/rawjson"
	"github.com/nist190/nist190/internal/scanreport"
)

// part is what one object of a format is made of: a whole document, or a value in it.
type part struct {
	format string
	name   string // that the content gives to what it describes; empty where it gives none
	json   []byte
	path   []any // in the document
}

// recognize tells what a document is that is no API object, by its content. It returns nothing for files of other tools:
// every format is told by fields that no other file has together, and by values of their form.
func recognize(uri string, raw []byte) []part {
	raw = raw[rawjson.SkipSpace(raw, 0):]
	switch {
	case len(raw) == 0:
		return nil
	case raw[0] == '{':
		if p, ok := recognizeMapping(uri, raw, nil); ok {
			return []part{p}
		}
	case raw[0] == '[': // gcloud container clusters list, az aks list and the like
		var parts []part
		for _, s := range scanreport.List(raw) {
			parts = append(parts, part{format: s.Format, name: s.Name, json: s.JSON, path: []any{len(parts)}})
		}
		if len(parts) > 0 {
			return parts
		}
		for _, e := range rawjson.Elements(raw) {
			p, ok := recognizeMapping(uri, e, []any{len(parts)})
			if !ok || !slices.Contains(listed, p.format) {
				return nil
			}
			parts = append(parts, p)
		}
		return parts
	}
	return nil
}

func recognizeMapping(uri string, raw []byte, path []any) (part, bool) {
	m := mapping{}
	for k, v := range rawjson.Members(raw) {
		m[k] = v
	}
	for _, r := range recognizers {
		if p, ok := r(uri, m); ok {
			if p.path == nil {
				p.path, p.json = path, raw
			}
			return p, true
		}
	}
	return part{}, false
}

// recognizers look at the members of a mapping. Each reads few of them.
var recognizers = []func(uri string, m mapping) (part, bool){
	eksCommand, eksAccessPolicies, gkeCluster, aksCluster, terraformPlan, kubeletConfigz, serverVersion, scanReport, rancherConfig,
	scalingGroups, gceInstance, azureInstance,
}

// scanReport: a report of a scanner, of which a summary is kept.
func scanReport(_ string, m mapping) (part, bool) {
	s, ok := scanreport.Mapping(m)
	return part{format: s.Format, name: s.Name, json: s.JSON, path: []any{}}, ok
}

// listed are the formats that commands print as lists.
var listed = []string{format.GKECluster, format.AKSCluster, format.GCEInstances, format.AzureInstances}

// mapping is a JSON object whose values are not decoded.
type mapping map[string][]byte

// in returns the members of the mapping at key.
func (m mapping) in(key string) mapping {
	inner := mapping{}
	for k, v := range rawjson.Members(m.raw(key)) {
		inner[k] = v
	}
	return inner
}

// raw is the value of a key, whose first letter is upper-case where an SDK of AWS and not its command line printed it.
func (m mapping) raw(key string) []byte {
	if v, ok := m[key]; ok {
		return v
	}
	return m[strings.ToUpper(key[:1])+key[1:]]
}

func (m mapping) str(key string) string { return rawjson.String(m.raw(key)) }

func (m mapping) isMapping(key string) bool { return strings.HasPrefix(string(m.raw(key)), "{") }
func (m mapping) isList(key string) bool    { return strings.HasPrefix(string(m.raw(key)), "[") }

// only reports whether there is nothing beside the keys but what SDKs add to every response.
func (m mapping) only(keys ...string) bool {
	for k := range m {
		switch k {
		case "ResponseMetadata", "ResultMetadata", "$metadata", "nextToken", "NextToken":
		default:
			if !slices.Contains(keys, strings.ToLower(k[:min(1, len(k))])+k[min(1, len(k)):]) {
				return false
			}
		}
	}
	return true
}

var (
	eksARN    = regexp.MustCompile(`^arn:aws[a-z-]*:eks:[a-z0-9-]+:[0-9]{12}:(cluster|access-entry|addon|nodegroup)/`)
	iamARN    = regexp.MustCompile(`^arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:`)
	gkeLink   = regexp.MustCompile(`^https://container\.googleapis\.com/v[0-9][a-z0-9]*/projects/[^/]+/(locations|zones)/[^/]+/clusters/[^/]+$`)
	aksID     = regexp.MustCompile(`(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.ContainerService/managedClusters/[^/]+$`)
	gitTagged = regexp.MustCompile(`^v1\.[0-9]+\.[0-9]+`)
)

// eksCommand: aws eks describe-* and list-access-entries print one member (docs.aws.amazon.com/eks/latest/APIReference).
func eksCommand(_ string, m mapping) (part, bool) {
	if len(m) == 0 || len(m) > 3 {
		return part{}, false
	}
	isARN := func(inner mapping, key, of string) bool {
		found := eksARN.FindStringSubmatch(inner.str(key))
		return found != nil && found[1] == of
	}
	switch {
	case m.isMapping("cluster") && m.only("cluster"):
		c := m.in("cluster")
		return part{format: format.EKSCluster, name: c.str("name")}, isARN(c, "arn", "cluster") && c.str("name") != ""
	case m.isMapping("accessEntry") && m.only("accessEntry"):
		e := m.in("accessEntry")
		return part{format: format.EKSAccessEntry, name: e.str("clusterName") + "/" + e.str("principalArn")},
			isARN(e, "accessEntryArn", "access-entry") && e.str("clusterName") != "" &&
				iamARN.MatchString(e.str("principalArn"))
	case m.isMapping("addon") && m.only("addon"):
		a := m.in("addon")
		return part{format: format.EKSAddon, name: a.str("clusterName") + "/" + a.str("addonName")},
			isARN(a, "addonArn", "addon") && a.str("clusterName") != "" && a.str("addonName") != ""
	case m.isMapping("nodegroup") && m.only("nodegroup"):
		n := m.in("nodegroup")
		return part{format: format.EKSNodegroup, name: n.str("clusterName") + "/" + n.str("nodegroupName")},
			isARN(n, "nodegroupArn", "nodegroup") && n.str("clusterName") != "" && n.str("nodegroupName") != ""
	case m.isList("accessEntries") && m.only("accessEntries"):
		for _, e := range rawjson.Elements(m.raw("accessEntries")) {
			if !iamARN.MatchString(rawjson.String(e)) {
				return part{}, false
			}
		}
		return part{format: format.EKSAccessEntries}, true
	}
	return part{}, false
}

func eksAccessPolicies(_ string, m mapping) (part, bool) {
	ok := m.isList("associatedAccessPolicies") && m.only("associatedAccessPolicies", "clusterName", "principalArn") &&
		m.str("clusterName") != "" && iamARN.MatchString(m.str("principalArn"))
	return part{format: format.EKSAccessPolicies, name: m.str("clusterName") + "/" + m.str("principalArn")}, ok
}

// gkeCluster: the Cluster of container.googleapis.com (cloud.google.com/kubernetes-engine/docs/reference/rest).
func gkeCluster(_ string, m mapping) (part, bool) {
	name := rawjson.String(m["name"])
	ok := name != "" && gkeLink.MatchString(rawjson.String(m["selfLink"])) &&
		(m["nodePools"] != nil || m["currentMasterVersion"] != nil || m["initialClusterVersion"] != nil)
	return part{format: format.GKECluster, name: name}, ok
}

// aksCluster: the ManagedCluster of Microsoft.ContainerService as the command line flattens it. What the REST API prints
// has its fields under "properties" and is no such file.
func aksCluster(_ string, m mapping) (part, bool) {
	name := rawjson.String(m["name"])
	ok := name != "" && m["properties"] == nil && aksID.MatchString(rawjson.String(m["id"])) &&
		(m["agentPoolProfiles"] != nil || m["kubernetesVersion"] != nil)
	return part{format: format.AKSCluster, name: name}, ok
}

// terraformPlan: developer.hashicorp.com/terraform/internals/json-format.
func terraformPlan(_ string, m mapping) (part, bool) {
	ok := rawjson.String(m["format_version"]) != "" && rawjson.String(m["terraform_version"]) != "" &&
		m.in("planned_values").isMapping("root_module")
	return part{format: format.TerraformPlan}, ok
}

// kubeletConfigz: cmd/kubelet/app/server.go registers its configuration under this name with component-base/configz.
func kubeletConfigz(_ string, m mapping) (part, bool) {
	if len(m) != 1 || !m.isMapping("kubeletconfig") {
		return part{}, false
	}
	c := m.in("kubeletconfig")
	return part{format: format.KubeletConfigz}, c.isMapping("authentication") || c.isMapping("authorization")
}

// serverVersion: apimachinery/pkg/version.Info, alone or in what kubectl version -o json prints.
func serverVersion(_ string, m mapping) (part, bool) {
	if isVersionInfo(m) {
		return part{format: format.Version}, true
	}
	if m.isMapping("clientVersion") && m.isMapping("serverVersion") && isVersionInfo(m.in("serverVersion")) {
		return part{format: format.Version, json: m["serverVersion"], path: []any{"serverVersion"}}, true
	}
	return part{}, false
}

func isVersionInfo(m mapping) bool {
	for _, k := range [...]string{"major", "minor", "gitCommit", "goVersion", "platform"} {
		if rawjson.String(m[k]) == "" {
			return false
		}
	}
	return gitTagged.MatchString(rawjson.String(m["gitVersion"]))
}

// asObject writes the object of a part: its own members, behind those that make it an object. Members of these names in
// the file, such as kind of an AKS cluster, are left out.
func (p part) asObject() []byte {
	head := appendMember(appendMember([]byte{'{'}, "apiVersion", format.APIVersion), "kind", p.format)
	if p.name != "" {
		name, _ := json.Marshal(p.name)
		head = append(append(append(head, `"metadata":{"name":`...), name...), `},`...)
	}
	for k, v := range rawjson.Members(p.json) {
		switch k {
		case "apiVersion", "kind", "metadata":
			continue
		}
		key, _ := json.Marshal(k)
		head = append(append(append(append(head, key...), ':'), v...), ',')
	}
	return append(head[:len(head)-1], '}')
}

// formats adds the objects of a document that is a file of a format.
func (d *document) formats(parts []part) {
	whole := &text{doc: d.doc}
	d.texts = []*text{whole}
	for _, p := range parts {
		h := header{isMap: true, kind: p.format, apiVersion: format.APIVersion, hasKind: true, hasVersion: true}
		d.object(entry{header: h, json: p.asObject(), text: whole, path: p.path})
	}
	d.seal()
}
