package authn

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/yamlx"
	"github.com/nist190/nist190/inventory"
)

// mapping is one entry of the ConfigMap kube-system/aws-auth, or an IAMIdentityMapping: who an IAM principal is in the
// cluster (github.com/kubernetes-sigs/aws-iam-authenticator, pkg/config/types.go).
type mapping struct {
	ARN      string   `json:"-"`
	RoleARN  string   `json:"rolearn"`
	UserARN  string   `json:"userarn"`
	SSO      any      `json:"sso"`
	Username string   `json:"username"`
	Groups   []string `json:"groups"`
	// Fault says why the authenticator drops it, or why it is not what was meant.
	Fault string `json:"-"`
	at    nist190.Evidence
	owner *inventory.Object
	field []any
	key   string // where in the owner: "mapRoles 2"
}

// mappings are all of them.
type mappings struct {
	entries  []mapping
	accounts []mapping // whole AWS accounts of mapAccounts; ARN is the account
	broken   []mapping // keys and objects that are not read at all
}

var awsMappings = inventory.NewFact("authn aws-auth", func(_ context.Context, inv *inventory.Inventory) (*mappings, error) {
	m := &mappings{}
	// By itself: there are thousands of others, which nobody has to decode for it.
	if o, ok := inv.Get(configMapKind, "kube-system", "aws-auth"); ok {
		if cm, err := inventory.As[corev1.ConfigMap](o); err == nil { // else the API server would refuse it
			m.configMap(o, cm)
		}
	}
	for o := range inv.ByKind(iamIdentityMapping.GroupKind()) {
		spec, _ := o.Unstructured().Object["spec"].(map[string]any)
		raw, err := json.Marshal(spec)
		if err != nil {
			continue
		}
		var x struct {
			ARN      string
			Username string
			Groups   []string
		}
		e := mapping{owner: o, key: "spec", field: []any{"spec"}, at: nist190.At(o, "spec")}
		if json.Unmarshal(raw, &x) != nil {
			e.Fault = "its spec is of another shape than arn, username and groups"
			m.broken = append(m.broken, e)
			continue
		}
		e.ARN, e.Username, e.Groups = x.ARN, x.Username, x.Groups
		m.entries = append(m.entries, e)
	}
	return m, nil
})

var configMapKind = schema.GroupKind{Kind: "ConfigMap"}

// iamIdentityMapping is the custom resource of aws-iam-authenticator.
var iamIdentityMapping = inventory.Need{Group: "iamauthenticator.k8s.aws", Kind: "IAMIdentityMapping", Resource: "iamidentitymappings", Bias: inventory.Incriminating}

func mappingNeeds() []inventory.Need {
	return []inventory.Need{inventory.NeedOf[corev1.ConfigMap](inventory.Incriminating), iamIdentityMapping}
}

// configMap follows ParseMap of pkg/mapper/configmap: keys are matched with case, fields within without; a key that cannot be
// decoded is dropped alone, and so is an entry that does not validate.
func (m *mappings) configMap(o *inventory.Object, cm *corev1.ConfigMap) {
	for _, key := range slices.Sorted(maps.Keys(cm.Data)) {
		text := cm.Data[key]
		at := nist190.At(o, "data", key)
		whole := mapping{owner: o, key: key, at: at}
		switch key {
		case "mapRoles", "mapUsers":
			var list []mapping
			if err := decodeText(text, &list); err != nil {
				whole.Fault = "the authenticator cannot read " + key + ", so that nobody in it gets in"
				m.broken = append(m.broken, whole)
				continue
			}
			for i, e := range list {
				e.owner, e.at, e.field, e.key = o, at, []any{"data", key}, fmt.Sprintf("%s %d", key, i+1)
				e.ARN, e.Fault = e.principal(key)
				m.entries = append(m.entries, e)
			}
		case "mapAccounts":
			var list []string
			if err := decodeText(text, &list); err != nil {
				whole.Fault = "the authenticator cannot read mapAccounts"
				m.broken = append(m.broken, whole)
				continue
			}
			for i, account := range list {
				m.accounts = append(m.accounts, mapping{ARN: account, owner: o, at: at, field: []any{"data", key}, key: fmt.Sprintf("%s %d", key, i+1)})
			}
		default:
			for _, want := range [...]string{"mapRoles", "mapUsers", "mapAccounts"} {
				if strings.EqualFold(key, want) {
					whole.Fault = fmt.Sprintf("the key %s is not read: it is written %s", key, want)
					m.broken = append(m.broken, whole)
				}
			}
		}
	}
}

// principal is the ARN of an entry, or why Validate of pkg/config/mapper.go refuses it.
func (e *mapping) principal(key string) (arn, fault string) {
	if key == "mapUsers" {
		if e.UserARN == "" {
			return "", "the entry has no userarn and is dropped"
		}
		return e.UserARN, ""
	}
	switch {
	case e.RoleARN != "" && e.SSO != nil:
		return e.RoleARN, "the entry has both rolearn and sso and is dropped"
	case e.SSO != nil:
		return "", "sso is a feature of the authenticator that EKS does not turn on"
	case e.RoleARN == "":
		return "", "the entry has no rolearn and is dropped"
	}
	return e.RoleARN, ""
}

// decodeText reads YAML as the authenticator does: nothing there is an empty list.
func decodeText(text string, into any) error {
	if s := strings.TrimSpace(text); s == "" || s == `""` {
		return nil
	}
	data, err := yamlx.Text([]byte(text))
	if err != nil {
		return err
	}
	for d := range yamlx.Split(data) {
		v, err := d.Decode(yamlx.Limits{})
		if err != nil {
			return err
		}
		return json.Unmarshal(v.JSON, into) // names of fields without case
	}
	return nil
}

// roleWithPath is a role below a path. STS leaves the path out of the ARN of who assumed it, and the authenticator compares
// that (pkg/arn/arn.go, Canonicalize).
var roleWithPath = regexp.MustCompile(`^arn:[^:]+:iam::\d+:role/.+/[^/]+$`)

// mistaken says why an entry is not what it seems to be, beyond entries that are dropped.
func (e *mapping) mistaken() string {
	if e.Fault != "" {
		return e.Fault
	}
	for _, g := range e.Groups {
		if strings.Contains(g, " - ") || strings.TrimSpace(g) != g || strings.Contains(g, "\n") {
			return fmt.Sprintf("the group %q is one name: a line is indented too far, and the principal is in neither group", g)
		}
	}
	if roleWithPath.MatchString(e.ARN) {
		return fmt.Sprintf("the role %q has a path, which AWS leaves out of who assumed it: the entry matches nobody", e.ARN)
	}
	return ""
}

// sessionTemplate is what the caller chooses by itself when it assumes a role.
var sessionTemplate = regexp.MustCompile(`\{\{\s*SessionName(Raw)?\s*\}\}`)

// spoofable reports that the caller chooses the whole name, or all of a group's.
func (e *mapping) spoofable() string {
	for _, name := range append([]string{e.Username}, e.Groups...) {
		at := sessionTemplate.FindStringIndex(name)
		if at == nil {
			continue
		}
		prefix := name[:at[0]]
		if !strings.ContainsAny(prefix, ":/") || strings.HasPrefix("system:node:", prefix) {
			return name
		}
	}
	return ""
}

// forNode: nodes have the name that EC2 gives them, and Fargate that of its session.
func (e *mapping) forNode() bool {
	return strings.HasPrefix(e.Username, "system:node:") && slices.Contains(e.Groups, "system:nodes")
}

// give are the names that the entry gives: whatever a template stands for is open.
func (e *mapping) give() (users, groups Names) {
	if e.Fault != "" {
		return Names{}, Names{}
	}
	for _, g := range e.Groups {
		groups.patterns = append(groups.patterns, templated(g))
	}
	users.patterns = []pattern{templated(e.Username)}
	if e.Username == "" {
		users.patterns = []pattern{{text: e.ARN}}
	}
	return users, groups
}

func templated(name string) pattern {
	prefix, _, open := strings.Cut(name, "{{")
	return pattern{prefix, open}
}
