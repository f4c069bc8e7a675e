package config

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AuditPolicy is the file of --audit-policy-file, audit.k8s.io/v1 Policy. The first rule that matches a request counts.
type AuditPolicy struct {
	metav1.TypeMeta
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Rules             []AuditRule `json:"rules"`
	OmitStages        []string    `json:"omitStages,omitempty"`
	OmitManagedFields bool        `json:"omitManagedFields,omitempty"`
}

type AuditRule struct {
	Level             string           `json:"level"`
	Users             []string         `json:"users,omitempty"`
	UserGroups        []string         `json:"userGroups,omitempty"`
	Verbs             []string         `json:"verbs,omitempty"`
	Resources         []AuditResources `json:"resources,omitempty"`
	Namespaces        []string         `json:"namespaces,omitempty"`
	NonResourceURLs   []string         `json:"nonResourceURLs,omitempty"`
	OmitStages        []string         `json:"omitStages,omitempty"`
	OmitManagedFields *bool            `json:"omitManagedFields,omitempty"`
}

type AuditResources struct {
	Group         string   `json:"group,omitempty"`
	Resources     []string `json:"resources,omitempty"`
	ResourceNames []string `json:"resourceNames,omitempty"`
}

// Problems are those of pkg/apis/audit/validation, and a policy without rules (pkg/audit/policy/reader.go).
func (c *AuditPolicy) Problems() []*Fault {
	var p problems
	if len(c.Rules) == 0 {
		p.add("at least one rule is required", "rules")
	}
	p.stages(c.OmitStages, "omitStages")
	for i, r := range c.Rules {
		path := []any{"rules", i}
		switch r.Level {
		case "None", "Metadata", "Request", "RequestResponse":
		default:
			p.add("must be None, Metadata, Request or RequestResponse", at(path, "level")...)
		}
		for j, url := range r.NonResourceURLs {
			switch {
			case url == "*":
			case !strings.HasPrefix(url, "/"):
				p.add("must begin with /", at(path, "nonResourceURLs", j)...)
			case strings.Contains(url[:len(url)-1], "*"):
				p.add("* must be the last character", at(path, "nonResourceURLs", j)...)
			}
		}
		for j, g := range r.Resources {
			if g.Group != "" && g.Group != "*" && len(validation.NameIsDNSSubdomain(g.Group, false)) > 0 {
				p.add("no name of an API group; a version does not belong here", at(path, "resources", j, "group")...)
			}
			if len(g.ResourceNames) > 0 && len(g.Resources) == 0 {
				p.add("resourceNames need resources", at(path, "resources", j, "resourceNames")...)
			}
		}
		p.stages(r.OmitStages, at(path, "omitStages")...)
		if len(r.NonResourceURLs) > 0 && (len(r.Resources) > 0 || len(r.Namespaces) > 0) {
			p.add("a rule is for resources or for other URLs, not both", at(path, "nonResourceURLs")...)
		}
	}
	return p
}

func (p *problems) stages(stages []string, path ...any) {
	for i, s := range stages {
		switch s {
		case "RequestReceived", "ResponseStarted", "ResponseComplete", "Panic":
		default:
			p.add("must be RequestReceived, ResponseStarted, ResponseComplete or Panic", at(path, i)...)
		}
	}
}
