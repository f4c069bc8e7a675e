// Package vendors records what the vendors of well-known add-ons give their service accounts. An account within its
// record is as its vendor means it to be.
package vendors

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

//go:embed accounts.txt
var text string

// Source says where the rights of a vendor's accounts were read.
type Source struct {
	Vendor, URL string
	Revision    string // of the source
	Date        string // of reading, as 2006-01-02
}

// Right is one rule that an account may have.
type Right struct {
	Source
	Account rbacv1.Subject
	Scope   string // a namespace, or "" for the cluster
	Rule    rbacv1.PolicyRule
}

// Rights lists every right, by vendor.
func Rights() ([]Right, error) {
	var out []Right
	var from Source
	for i, line := range strings.Split(text, "\n") {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0 || fields[0] == "#":
		case fields[0] == "vendor" && len(fields) == 5:
			from = Source{fields[1], fields[2], fields[3], fields[4]}
		case len(fields) == 4 || len(fields) == 5:
			for account := range strings.SplitSeq(fields[0], ",") {
				namespace, name, ok := strings.Cut(account, "/")
				if !ok {
					return nil, fmt.Errorf("line %d: account %q: want NAMESPACE/NAME", i+1, account)
				}
				subject := rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: name}
				scope := fields[1]
				if scope == "cluster" {
					scope = ""
				}
				for _, rule := range rules(fields[2:]) {
					out = append(out, Right{from, subject, scope, rule})
				}
			}
		default:
			return nil, fmt.Errorf("line %d: %d fields", i+1, len(fields))
		}
	}
	return out, nil
}

// rules are verbs, resources with their API groups, and names.
func rules(fields []string) []rbacv1.PolicyRule {
	verbs := strings.Split(fields[0], ",")
	var names []string
	if len(fields) == 3 {
		names = strings.Split(fields[2], ",")
	}
	var urls []string
	byGroup := map[string][]string{}
	var groups []string
	for resource := range strings.SplitSeq(fields[1], ",") {
		if strings.HasPrefix(resource, "/") || resource == "*" {
			urls = append(urls, resource)
			continue
		}
		name, group, _ := strings.Cut(resource, ".")
		if !slices.Contains(groups, group) {
			groups = append(groups, group)
		}
		byGroup[group] = append(byGroup[group], name)
	}
	var out []rbacv1.PolicyRule
	for _, group := range groups {
		out = append(out, rbacv1.PolicyRule{Verbs: verbs, APIGroups: []string{group}, Resources: byGroup[group], ResourceNames: names})
	}
	if len(urls) > 0 {
		out = append(out, rbacv1.PolicyRule{Verbs: verbs, NonResourceURLs: urls})
	}
	return out
}
