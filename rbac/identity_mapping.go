package rbac

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane/cloud"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/inventory"
)

// MappingSource is where an identity outside the cluster is given a name inside.
type MappingSource string

// The sources.
const (
	FromAWSAuth         MappingSource = "aws-auth"
	FromIdentityMapping MappingSource = "IAMIdentityMapping" // of aws-iam-authenticator, which EKS does not read
	FromAccessEntry     MappingSource = "access entry"       // of EKS
)

// IdentityMapping gives an identity of AWS IAM a user name and groups in the cluster, or rights by access policies.
type IdentityMapping struct {
	Source    MappingSource
	Principal string // an ARN as it is written, or the number of an account
	Account   bool   // Principal is an account: each of its users and roles is mapped to its own ARN
	Username  string // with templates
	Groups    []string
	Policies  []AccessPolicy
	// Unknown says what of it was not given; empty where everything was.
	Unknown string
	// Never says why nobody is mapped by it.
	Never string
	// Planned: it is asked for, and not what a cluster has.
	Planned bool
	At      nist190.Evidence
}

// AccessPolicy is an access policy of EKS that goes with a principal.
type AccessPolicy struct {
	Name       string   // the end of its ARN
	Namespaces []string // where it holds; none means everywhere
	At         nist190.Evidence
}

// IdentityMappingNeeds are the needs of [IdentityMappingsOf]. More mappings make more principals; an access entry takes the place of what
// aws-auth says of its principal.
func IdentityMappingNeeds() []inventory.Need {
	needs := []inventory.Need{AWSAuthNeed(inventory.Incriminating), {Group: identityMappingKind.Group, Kind: identityMappingKind.Kind,
		Resource: "iamidentitymappings", Bias: inventory.Incriminating}}
	return inventory.JoinNeeds(needs, cloud.Needs())
}

var identityMappingKind = schema.GroupKind{Group: "iamauthenticator.k8s.aws", Kind: "IAMIdentityMapping"}

var identityMappings = inventory.NewFact("identity mappings", func(_ context.Context, inv *inventory.Inventory) ([]IdentityMapping, error) {
	clusters := slices.DeleteFunc(cloud.Find(inv).Clusters, func(c cloud.Cluster) bool { return c.Vendor != cloud.EKS })
	out := accessEntries(clusters)
	byEntry := map[string]bool{}
	for i := range out {
		if out[i].Never == "" {
			byEntry[canonicalPrincipal(out[i].Principal)] = true
		}
	}
	never := ""
	if len(clusters) > 0 && !slices.ContainsFunc(clusters, func(c cloud.Cluster) bool { return !c.ConfigMapAuth.Known || c.ConfigMapAuth.V }) {
		never = "the cluster's authentication mode is API, in which the ConfigMap is not read"
	}
	if a := AWSAuthOf(inv); a != nil {
		for _, m := range a.All() {
			x := IdentityMapping{Source: FromAWSAuth, Principal: m.ARN, Account: m.Key == mapAccounts, Username: m.Username, Groups: m.Groups,
				Never: cmp.Or(m.Never, never), At: nist190.At(a.Object, "data", m.Key).Showing(m.ARN)}
			if x.Never == "" && byEntry[canonicalPrincipal(m.ARN)] {
				x.Never = "an access entry for the principal takes its place"
			}
			out = append(out, x)
		}
	}
	for o := range inv.ByKind(identityMappingKind) {
		var m struct {
			Spec struct {
				ARN      string   `json:"arn"`
				Username string   `json:"username"`
				Groups   []string `json:"groups"`
			} `json:"spec"`
		}
		if json.Unmarshal(o.JSON(), &m) != nil || m.Spec.ARN == "" {
			continue
		}
		x := IdentityMapping{Source: FromIdentityMapping, Principal: m.Spec.ARN, Username: m.Spec.Username, Groups: m.Spec.Groups,
			At: nist190.At(o, "spec", "arn").Showing(m.Spec.ARN)}
		if len(clusters) > 0 {
			x.Never = "the authenticator of EKS does not read it"
		}
		out = append(out, x)
	}
	return out, nil
})

// IdentityMappingsOf lists what maps identities of AWS IAM into the cluster: access entries first, then aws-auth, then
// IAMIdentityMappings. Access entries take precedence over the ConfigMap for the same principal
// (https://docs.aws.amazon.com/eks/latest/userguide/migrating-access-entries.html). See [IdentityMappingNeeds].
func IdentityMappingsOf(ctx context.Context, inv *inventory.Inventory) ([]IdentityMapping, error) {
	return identityMappings.Get(ctx, inv)
}

// canonicalPrincipal compares ARNs of IAM: case does not matter, and neither does the path of a role, whose name is unique.
func canonicalPrincipal(s string) string {
	s = strings.ToLower(s)
	if a, ok := parseARN(s); ok && strings.HasPrefix(a.resource, "role/") {
		return fmt.Sprintf("arn:%s:iam::%s:role/%s", a.partition, a.account, a.resource[strings.LastIndexByte(a.resource, '/')+1:])
	}
	return s
}

func evidenceAt(p process.Place) nist190.Evidence { return nist190.At(p.Object, p.Path...) }

func accessEntries(clusters []cloud.Cluster) []IdentityMapping {
	var out []IdentityMapping
	for i := range clusters {
		c := &clusters[i]
		for j := range c.Entries {
			e := &c.Entries[j]
			if e.Type.V == cloud.ConfigMapEntry {
				out = append(out, IdentityMapping{Source: FromAWSAuth, Principal: strings.TrimPrefix(e.Principal, "account "),
					Account: strings.HasPrefix(e.Principal, "account "), Username: e.Username.V, Groups: e.Groups.V, Planned: c.Planned, At: evidenceAt(e.Place)})
				continue
			}
			out = append(out, accessEntry(c, e))
		}
	}
	return out
}

// accessEntry fills in what EKS does: names by type, and for a role the ARN of the session
// (https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html).
func accessEntry(c *cloud.Cluster, e *cloud.AccessEntry) IdentityMapping {
	m := IdentityMapping{Source: FromAccessEntry, Principal: e.Principal, Username: e.Username.V, Groups: e.Groups.V, Planned: c.Planned, At: evidenceAt(e.Place).Showing(e.Principal)}
	if !e.Groups.Known || !e.PoliciesKnown {
		m.Unknown = "its groups or access policies were not given"
	}
	if c.DirectoryAuthorizes.Known && !c.DirectoryAuthorizes.V {
		m.Never = "the cluster's authentication mode is CONFIG_MAP, in which access entries do not count"
	}
	switch e.Type.V {
	case "EC2_LINUX", "EC2_WINDOWS", "EC2":
		m.Username, m.Groups = cmp.Or(m.Username, nodePrefix+privateDNSName), append(slices.Clip(m.Groups), allNodes)
	case "FARGATE_LINUX", "HYBRID_LINUX":
		m.Username, m.Groups = cmp.Or(m.Username, nodePrefix+sessionName), append(slices.Clip(m.Groups), allNodes)
	default:
		if a, ok := parseARN(e.Principal); m.Username == "" && ok {
			m.Username = e.Principal
			if role, isRole := strings.CutPrefix(a.resource, "role/"); isRole {
				m.Username = fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/%s", a.partition, a.account, role[strings.LastIndexByte(role, '/')+1:], sessionName)
			}
		}
	}
	slices.Sort(m.Groups)
	m.Groups = slices.Compact(m.Groups)
	for _, p := range e.Policies {
		x := AccessPolicy{Name: p.ARN[strings.LastIndexByte(p.ARN, '/')+1:], Namespaces: p.Namespaces, At: evidenceAt(p.Place).Showing(p.ARN)}
		switch {
		case p.ClusterWide.Known && p.ClusterWide.V:
			x.Namespaces = nil
		case len(p.Namespaces) == 0 && !p.ClusterWide.Known:
			m.Unknown = "the scope of an access policy was not given"
			continue
		case len(p.Namespaces) == 0:
			continue // holds nowhere
		}
		m.Policies = append(m.Policies, x)
	}
	return m
}

// policyBindings are the access policies of mappings as objects of RBAC, for a group that stands for the principal, so that
// they can be asked like any right.
func policyBindings(mappings []IdentityMapping) []*inventory.Object {
	var out []*inventory.Object
	add := func(o map[string]any) {
		raw, err := json.Marshal(o)
		if err != nil {
			return
		}
		if obj, err := inventory.NewObject(inventory.Item{JSON: raw, Strength: inventory.Observed}); err == nil {
			out = append(out, obj)
		}
	}
	const api = "rbac.authorization.k8s.io"
	used := map[string]bool{}
	for i := range mappings {
		m := &mappings[i]
		for j, p := range m.Policies {
			rules, ok := AccessPolicyRules(p.Name)
			if !ok || m.Never != "" {
				continue
			}
			role := "access policy " + p.Name
			if !used[role] {
				used[role] = true
				add(map[string]any{"apiVersion": api + "/v1", "kind": "ClusterRole", "metadata": map[string]any{"name": role}, "rules": rules})
			}
			binding := func(kind, namespace string) {
				add(map[string]any{
					"apiVersion": api + "/v1", "kind": kind, "metadata": map[string]any{"name": fmt.Sprintf("access entry %d, policy %d", i, j), "namespace": namespace},
					"roleRef":  map[string]any{"apiGroup": api, "kind": "ClusterRole", "name": role},
					"subjects": []any{map[string]any{"kind": "Group", "apiGroup": api, "name": policyGroup(m.Principal)}},
				})
			}
			if len(p.Namespaces) == 0 {
				binding("ClusterRoleBinding", "")
			}
			for _, ns := range p.Namespaces {
				binding("RoleBinding", ns)
			}
		}
	}
	return out
}

// policyGroup stands for a principal where access policies are asked. No authenticator gives it.
func policyGroup(principal string) string { return "access entry " + canonicalPrincipal(principal) }
