package rbac

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"

	rbacv1 "k8s.io/api/rbac/v1"
)

//go:embed access_policies.txt
var accessPoliciesText string

// AccessPolicyRules are the rules that AWS publishes for an access policy of EKS, by the name at the end of its ARN; false for
// one whose rules are not published or not known here. An access policy is no object of RBAC: EKS decides by it beside RBAC,
// in the namespaces of its scope or everywhere.
func AccessPolicyRules(name string) ([]rbacv1.PolicyRule, bool) {
	rules, ok := accessPolicies()[name]
	return rules, ok
}

var accessPolicies = sync.OnceValue(func() map[string][]rbacv1.PolicyRule {
	out, err := parseAccessPolicies(accessPoliciesText)
	if err != nil {
		panic(err) // the data is the module's own and tested
	}
	return out
})

func parseAccessPolicies(text string) (map[string][]rbacv1.PolicyRule, error) {
	out := map[string][]rbacv1.PolicyRule{}
	name := ""
	for i, line := range strings.Split(text, "\n") {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0 || fields[0] == "#":
		case fields[0] == "policy" && len(fields) == 2:
			name = fields[1]
			out[name] = nil
		case name == "" || len(fields) != 3:
			return nil, fmt.Errorf("line %d: want three fields below a policy", i+1)
		case fields[0] == "url":
			out[name] = append(out[name], rbacv1.PolicyRule{NonResourceURLs: strings.Split(fields[1], ","), Verbs: strings.Split(fields[2], ",")})
		default:
			out[name] = append(out[name], rbacv1.PolicyRule{
				APIGroups: strings.Split(strings.Trim(fields[0], `"`), ","), Resources: strings.Split(fields[1], ","), Verbs: strings.Split(fields[2], ","),
			})
		}
	}
	return out, nil
}
