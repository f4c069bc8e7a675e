package rbac

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190/internal/yamlx"
	"github.com/nist190/nist190/inventory"
)

// AWSAuth is the ConfigMap kube-system/aws-auth as aws-iam-authenticator reads it (pkg/mapper/configmap, v0.7): what is
// mapped, and what is written there and is not what it looks like.
type AWSAuth struct {
	Object   *inventory.Object
	Roles    []AWSMapping // that are kept, in order; those that a later one replaces included
	Users    []AWSMapping
	Accounts []AWSMapping // every user and role of which has its own ARN for a name
	Faults   []MappingFault
}

// AWSMapping is one entry of a list of mappings.
type AWSMapping struct {
	Key      string // mapRoles, mapUsers or mapAccounts
	Index    int    // in the list
	ARN      string // as it is written; the number of an account in mapAccounts
	Username string // with templates such as {{SessionName}}
	Groups   []string
	// Never says why nobody is mapped by it; empty where somebody can be.
	Never string
}

// FaultKind is what is wrong with a mapping.
type FaultKind string

// The kinds. All but the last three cost what is written there its effect.
const (
	UnknownKey       FaultKind = "unknown key"        // of the ConfigMap: keys are case-sensitive
	NoYAML           FaultKind = "no YAML"            // the whole key is dropped
	WrongType        FaultKind = "wrong type"         // the value is dropped
	UnknownField     FaultKind = "unknown field"      // of an entry; case does not matter there
	IncompleteEntry  FaultKind = "incomplete entry"   // the entry is dropped
	NeverMatches     FaultKind = "never matches"      // no caller has the ARN
	UnknownTemplate  FaultKind = "unknown template"   // the braces stay in the name
	ReplacedEntry    FaultKind = "replaced entry"     // a later entry for the same ARN counts
	AmbiguousEntries FaultKind = "ambiguous entries"  // which of them counts changes from start to start
	MergedGroups     FaultKind = "merged groups"      // a group that is two lines of the list
	SpacedName       FaultKind = "name with spaces"   // a user or group with space around it, which no binding names by chance
	PatternARN       FaultKind = "pattern in the ARN" // which newer versions of the authenticator match, and older ones do not
)

// MappingFault is something in a mapping that is not what it looks like.
type MappingFault struct {
	Kind  FaultKind
	Key   string // of the ConfigMap
	Index int    // of the entry; -1 where it is about the key
	Msg   string // one sentence, quoting no more than keys, fields, ARNs and names
}

const (
	mapRoles    = "mapRoles"
	mapUsers    = "mapUsers"
	mapAccounts = "mapAccounts"
)

// AWSAuthNeed is the need of [AWSAuthOf].
func AWSAuthNeed(bias inventory.Bias) inventory.Need { return inventory.NeedOf[corev1.ConfigMap](bias) }

// AWSAuthOf reads the ConfigMap of an inventory; nil where there is none.
func AWSAuthOf(inv *inventory.Inventory) *AWSAuth {
	o, ok := inv.Get(inventory.NeedOf[corev1.ConfigMap](inventory.Either).GroupKind(), "kube-system", "aws-auth")
	if !ok {
		return nil
	}
	cm, err := inventory.As[corev1.ConfigMap](o)
	if err != nil {
		return nil // a problem of the inventory
	}
	a := ParseAWSAuth(cm.Data)
	a.Object = o
	return a
}

// ParseAWSAuth reads the data of the ConfigMap. It never fails: what cannot be read is a fault.
func ParseAWSAuth(data map[string]string) *AWSAuth {
	a := &AWSAuth{}
	for _, key := range slices.Sorted(maps.Keys(data)) {
		if key != mapRoles && key != mapUsers && key != mapAccounts {
			msg := fmt.Sprintf("the key %q is not read", key)
			for _, want := range []string{mapRoles, mapUsers, mapAccounts} {
				if strings.EqualFold(key, want) {
					msg += fmt.Sprintf("; it is written %s", want)
				}
			}
			a.fault(UnknownKey, key, -1, "%s", msg)
		}
	}
	a.Roles = a.entries(mapRoles, data[mapRoles])
	a.Users = a.entries(mapUsers, data[mapUsers])
	a.accounts(data[mapAccounts])
	a.repeated(mapRoles, a.Roles, false)
	a.repeated(mapUsers, a.Users, true)
	return a
}

// All lists every mapping that is kept, in the order in which they are asked: roles, users, accounts.
func (a *AWSAuth) All() []AWSMapping { return slices.Concat(a.Roles, a.Users, a.Accounts) }

func (a *AWSAuth) fault(kind FaultKind, key string, index int, format string, args ...any) {
	a.Faults = append(a.Faults, MappingFault{kind, key, index, fmt.Sprintf(format, args...)})
}

// skippable: isSkippable of pkg/mapper/configmap.
func skippable(text string) bool {
	text = strings.TrimSpace(text)
	return text == "" || text == "``" || text == `""`
}

// mappingFields are those of RoleMapping and UserMapping of pkg/config, beside the ARN.
var mappingFields = []string{"username", "groups"}

func (a *AWSAuth) entries(key, text string) []AWSMapping {
	if skippable(text) {
		return nil
	}
	doc, err := a.decode(key, text)
	if err != nil {
		return nil
	}
	var list []json.RawMessage
	if json.Unmarshal(doc, &list) != nil {
		a.fault(WrongType, key, -1, "%s is no list of mappings", key)
		return nil
	}
	arnField := "rolearn"
	if key == mapUsers {
		arnField = "userarn"
	}
	var out []AWSMapping
	for i, raw := range list {
		if m, ok := a.entry(key, arnField, i, raw); ok {
			out = append(out, m)
		}
	}
	return out
}

func (a *AWSAuth) decode(key, text string) ([]byte, error) {
	var first []byte
	for d := range yamlx.Split([]byte(text)) {
		v, err := d.Decode(yamlx.Limits{})
		if err != nil {
			at := ""
			var e *yamlx.Error
			if errors.As(err, &e) && e.Line > 0 {
				at = fmt.Sprintf(", line %d", e.Line)
			}
			a.fault(NoYAML, key, -1, "%s is no YAML%s; all of it is dropped", key, at)
			return nil, err
		}
		first = v.JSON
		break
	}
	if first == nil {
		return []byte("[]"), nil
	}
	return first, nil
}

// entry decodes as encoding/json does: field names without case, and a value of a wrong type is left out.
func (a *AWSAuth) entry(key, arnField string, i int, raw json.RawMessage) (AWSMapping, bool) {
	m := AWSMapping{Key: key, Index: i}
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil || fields == nil {
		a.fault(IncompleteEntry, key, i, "entry %d is no mapping and is dropped", i)
		return m, false
	}
	sso := false
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		value := fields[name]
		wrong := func(want string) { a.fault(WrongType, key, i, "%s of entry %d is no %s", name, i, want) }
		switch {
		case strings.EqualFold(name, arnField):
			if json.Unmarshal(value, &m.ARN) != nil {
				wrong("text")
			}
		case strings.EqualFold(name, "username"):
			if json.Unmarshal(value, &m.Username) != nil {
				wrong("text")
			}
		case strings.EqualFold(name, "groups"):
			if json.Unmarshal(value, &m.Groups) != nil {
				wrong("list of texts")
			}
		case key == mapRoles && strings.EqualFold(name, "sso"):
			sso = string(value) != "null"
		case key == mapUsers && strings.EqualFold(name, "rolearn"), key == mapRoles && strings.EqualFold(name, "userarn"):
			a.fault(UnknownField, key, i, "%s of entry %d belongs into the other list", name, i)
		default:
			a.fault(UnknownField, key, i, "the field %q of entry %d is not read; the fields are %s, %s", name, i, arnField, strings.Join(mappingFields, ", "))
		}
	}
	m.Groups = slices.DeleteFunc(m.Groups, func(g string) bool { return g == "" })
	switch {
	case sso && m.ARN != "":
		a.fault(IncompleteEntry, key, i, "entry %d has both rolearn and sso and is dropped", i)
		return m, false
	case sso:
		m.Never = "matching by SSO permission set is an alpha feature that is off"
		a.fault(NeverMatches, key, i, "entry %d maps nobody: %s", i, m.Never)
	case m.ARN == "":
		a.fault(IncompleteEntry, key, i, "entry %d has no %s and is dropped", i, arnField)
		return m, false
	default:
		a.judgeARN(&m)
	}
	a.judgeNames(&m)
	return m, true
}

func (a *AWSAuth) accounts(text string) {
	if skippable(text) {
		return
	}
	list, err := yamlx.Texts([]byte(text))
	if err != nil {
		a.fault(NoYAML, mapAccounts, -1, "%s is no list of account numbers; all of it is dropped", mapAccounts)
		return
	}
	for i, number := range list {
		m := AWSMapping{Key: mapAccounts, Index: i, ARN: number}
		if !isAccount(number) {
			m.Never = "an account has 12 digits"
			a.fault(NeverMatches, mapAccounts, i, "entry %d maps nobody: %s", i, m.Never)
		}
		a.Accounts = append(a.Accounts, m)
	}
}

func isAccount(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}

// judgeARN compares what is written with what callers have: Canonicalize of pkg/arn makes the role of a session from STS'
// answer, which leaves the path of the role out.
func (a *AWSAuth) judgeARN(m *AWSMapping) {
	arn, ok := parseARN(m.ARN)
	role, isRole := strings.CutPrefix(arn.resource, "role/")
	switch {
	case !ok:
		m.Never = "it is no ARN of IAM"
	case strings.ContainsAny(m.ARN, "*?"):
		a.fault(PatternARN, m.Key, m.Index, "entry %d has a pattern for an ARN, which only newer versions of the authenticator match", m.Index)
		return
	case arn.service == "sts" && strings.HasPrefix(arn.resource, "assumed-role/"):
		m.Never = "callers with a session are known by the ARN of the role, arn:aws:iam::ACCOUNT:role/NAME"
	case arn.service == "sts" && strings.HasPrefix(arn.resource, "federated-user/"):
	case arn.service != "iam":
		m.Never = "it is no ARN of IAM"
	case arn.service == "iam" && strings.HasPrefix(arn.resource, "group/"):
		m.Never = "groups of IAM are no identities"
	case isRole && strings.Contains(role, "/"):
		m.Never = "sessions do not have the path of their role; write it without"
	case !isRole && !strings.HasPrefix(arn.resource, "user/") && arn.resource != "root":
		m.Never = "it is neither a role nor a user"
	}
	switch {
	case m.Never != "" && ok:
		a.fault(NeverMatches, m.Key, m.Index, "entry %d, %q, maps nobody: %s", m.Index, m.ARN, m.Never)
	case m.Never != "":
		a.fault(NeverMatches, m.Key, m.Index, "entry %d maps nobody: %s", m.Index, m.Never)
	}
}

type arn struct{ partition, service, account, resource string }

// parseARN splits arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE.
func parseARN(s string) (arn, bool) {
	p := strings.SplitN(s, ":", 6)
	if len(p) != 6 || !strings.EqualFold(p[0], "arn") || p[5] == "" {
		return arn{}, false
	}
	kind, rest, found := strings.Cut(p[5], "/")
	resource := strings.ToLower(kind)
	if found {
		resource += "/" + rest
	}
	return arn{strings.ToLower(p[1]), strings.ToLower(p[2]), p[4], resource}, true
}

// templates of pkg/server, in names of users and groups.
const (
	sessionName    = "{{SessionName}}"
	sessionNameRaw = "{{SessionNameRaw}}"
	privateDNSName = "{{EC2PrivateDNSName}}"
)

var templates = []string{"{{AccountID}}", sessionName, sessionNameRaw, privateDNSName, "{{AccessKeyID}}"}

func (a *AWSAuth) judgeNames(m *AWSMapping) {
	for i, name := range append([]string{m.Username}, m.Groups...) {
		what := "the user name"
		if i > 0 {
			what = "the group"
		}
		rest := name
		for _, t := range templates {
			rest = strings.ReplaceAll(rest, t, "")
		}
		switch {
		case strings.Contains(rest, "{{"):
			a.fault(UnknownTemplate, m.Key, m.Index, "%s %q of entry %d has a template that is not filled in; they are %s", what, name, m.Index,
				strings.Join(templates, ", "))
		case i > 0 && strings.Contains(name, " - "):
			a.fault(MergedGroups, m.Key, m.Index, "%s %q of entry %d is several lines of a list: one of them is indented too far", what, name, m.Index)
		case strings.TrimSpace(name) != name:
			a.fault(SpacedName, m.Key, m.Index, "%s %q of entry %d has space around it", what, name, m.Index)
		}
	}
}

// repeated: roles are kept by their ARN without case, of which the last counts. Users are kept by their ARN as it is
// written and found without case, so that of two which differ in case either can be found first.
func (a *AWSAuth) repeated(key string, list []AWSMapping, byCase bool) {
	for i := range list {
		m := &list[i]
		for j := i + 1; j < len(list); j++ {
			if !strings.EqualFold(m.ARN, list[j].ARN) || m.ARN == "" {
				continue
			}
			if byCase && m.ARN != list[j].ARN {
				a.fault(AmbiguousEntries, key, m.Index, "entries %d and %d are for the same user in another case, and either is found", m.Index, list[j].Index)
				continue
			}
			m.Never = fmt.Sprintf("entry %d, for the same ARN, replaces it", list[j].Index)
			a.fault(ReplacedEntry, key, m.Index, "entry %d, %q, is replaced by entry %d", m.Index, m.ARN, list[j].Index)
			break
		}
	}
}
