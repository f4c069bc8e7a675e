package authn

import (
	"context"
	"slices"
	"strings"

	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/config"
	"github.com/nist190/nist190/inventory"
)

// AuditLevel is how much of a request is recorded.
type AuditLevel uint8

const (
	// AuditNone is the zero value: nothing is recorded.
	AuditNone AuditLevel = iota
	// AuditMetadata: who asked for what, and when.
	AuditMetadata
	// AuditRequest: the body of the request too.
	AuditRequest
	// AuditRequestResponse: the body of the answer too.
	AuditRequestResponse
)

var auditLevels = []string{"None", "Metadata", "Request", "RequestResponse"}

func (l AuditLevel) String() string { return auditLevels[min(int(l), len(auditLevels)-1)] }

// Stages at which an event can be written (apiserver/pkg/apis/audit/types.go).
const (
	stageReceived = "RequestReceived"
	stageStarted  = "ResponseStarted" // of requests that stay open, such as watches and exec
	stageComplete = "ResponseComplete"
)

// AuditQuestion is a request of which somebody wants to know how it is recorded. Either Path or Resource is set.
type AuditQuestion struct {
	User   string
	Groups []string
	Verb   string

	Namespace, Group, Resource, Subresource, Name string

	Path string
}

// AuditAnswer is how a request is recorded.
type AuditAnswer struct {
	Level AuditLevel
	// Omit are the stages at which no event is written.
	Omit []string
	// Rule is the index of the rule that decided; -1 where none matches.
	Rule int
}

// Recorded reports whether an event of the request is written. What stays open also writes one when it starts.
func (a AuditAnswer) Recorded(staysOpen bool) bool {
	return a.Level > AuditNone && (!slices.Contains(a.Omit, stageReceived) || !slices.Contains(a.Omit, stageComplete) ||
		staysOpen && !slices.Contains(a.Omit, stageStarted))
}

// AuditPolicy decides what is recorded, as the API server does: the first rule that matches a request counts, and what no rule
// matches is not recorded (apiserver/pkg/audit/policy/checker.go). The request is that of who sends it: impersonation is
// looked at later, and its event names both. It is immutable. The cost of an answer is linear in the rules.
type AuditPolicy struct{ config *config.AuditPolicy }

// Evaluate tells how a request is recorded.
func (p *AuditPolicy) Evaluate(q *AuditQuestion) AuditAnswer {
	if p == nil || p.config == nil {
		return AuditAnswer{Rule: -1}
	}
	for i := range p.config.Rules {
		if r := &p.config.Rules[i]; auditMatches(r, q) {
			return AuditAnswer{levelOf(r), slices.Concat(p.config.OmitStages, r.OmitStages), i}
		}
	}
	return AuditAnswer{Omit: p.config.OmitStages, Rule: -1}
}

func levelOf(r *config.AuditRule) AuditLevel {
	return AuditLevel(max(slices.Index(auditLevels, r.Level), 0))
}

// auditMatches is ruleMatches of checker.go.
func auditMatches(r *config.AuditRule, q *AuditQuestion) bool {
	switch {
	case len(r.Users) > 0 && !slices.Contains(r.Users, q.User),
		len(r.UserGroups) > 0 && !slices.ContainsFunc(q.Groups, func(g string) bool { return slices.Contains(r.UserGroups, g) }),
		len(r.Verbs) > 0 && !slices.Contains(r.Verbs, q.Verb):
		return false
	case len(r.Namespaces) > 0 || len(r.Resources) > 0:
		return q.Path == "" && auditMatchesResource(r, q)
	case len(r.NonResourceURLs) > 0:
		return q.Path != "" && slices.ContainsFunc(r.NonResourceURLs, func(spec string) bool {
			return spec == "*" || spec == q.Path || strings.HasSuffix(spec, "*") && strings.HasPrefix(q.Path, strings.TrimRight(spec, "*"))
		})
	}
	return true
}

// auditMatchesResource is ruleMatchesResource of checker.go: a cluster's own objects are in the namespace "".
func auditMatchesResource(r *config.AuditRule, q *AuditQuestion) bool {
	if len(r.Namespaces) > 0 && !slices.Contains(r.Namespaces, q.Namespace) {
		return false
	}
	if len(r.Resources) == 0 {
		return true
	}
	combined := q.Resource
	if q.Subresource != "" {
		combined += "/" + q.Subresource
	}
	for i := range r.Resources {
		g := &r.Resources[i]
		if g.Group != q.Group && g.Group != "*" {
			continue
		}
		if len(g.Resources) == 0 {
			return true
		}
		if len(g.ResourceNames) > 0 && !slices.Contains(g.ResourceNames, q.Name) {
			continue
		}
		for _, res := range g.Resources {
			sub, every := strings.CutPrefix(res, "*/")
			if res == combined || res == "*" || every && q.Subresource != "" && sub == q.Subresource || res == q.Resource+"/*" {
				return true
			}
		}
	}
	return false
}

// Audit is what the replicas of an API server record, as far as it is known.
type Audit struct {
	value controlplane.Value[controlplane.Audit]
}

// AuditOf finds the audit policies of the API server, once. See [AuditNeeds].
func AuditOf(ctx context.Context, inv *inventory.Inventory) (*Audit, error) {
	return auditFact.Get(ctx, inv)
}

// AuditNeeds are what [AuditOf] reads.
func AuditNeeds() []inventory.Need { return controlplane.Needs() }

var auditFact = inventory.NewFact("audit", func(ctx context.Context, inv *inventory.Inventory) (*Audit, error) {
	view, err := controlplane.Of(ctx, inv)
	if err != nil {
		return nil, err
	}
	return &Audit{view.APIServer().Audit()}, nil
})

// Evaluate tells how a request is recorded by the replica that records least of it. why says why that is not known, and is
// empty where it is.
func (a *Audit) Evaluate(q *AuditQuestion) (answer AuditAnswer, why string) {
	if len(a.value.Replicas) == 0 {
		return AuditAnswer{Rule: -1}, a.value.Reason
	}
	for i := range a.value.Replicas {
		r := &a.value.Replicas[i]
		if !r.OK() {
			return AuditAnswer{Rule: -1}, r.Reason
		}
		next := AuditAnswer{Rule: -1}
		if r.Value.Recorded() {
			next = (&AuditPolicy{r.Value.Policy}).Evaluate(q)
		}
		if i == 0 || next.Level < answer.Level {
			answer = next
		}
	}
	return answer, ""
}
