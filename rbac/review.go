package rbac

import (
	"fmt"
	"regexp"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"

	"github.com/nist190/nist190/inventory"
)

// Review answers a SubjectAccessReview as an API server with the RBAC authorizer does
// (pkg/registry/authorization/subjectaccessreview): status.allowed and status.reason are set, status.denied never is. What
// the API server would refuse gets status.evaluationError and is not allowed. Groups are those of the review: none is
// added. Selectors of fields and labels do not matter to RBAC.
func (a *Access) Review(review *authorizationv1.SubjectAccessReview) {
	review.Status = authorizationv1.SubjectAccessReviewStatus{}
	r, err := RequestOf(&review.Spec)
	if err != nil {
		review.Status.EvaluationError = err.Error()
		return
	}
	d := a.Allows(Identity{User: review.Spec.User, Groups: review.Spec.Groups}, r)
	review.Status.Allowed, review.Status.Reason = d.Allowed, d.Reason()
	if d.Masters {
		// The authorizer of the privileged group comes first and gives no reason.
		review.Status.Reason = ""
	}
}

// RequestOf is the request that a review asks about. The error says why the API server would refuse the review
// (ValidateSubjectAccessReviewSpec of pkg/apis/authorization/validation).
func RequestOf(spec *authorizationv1.SubjectAccessReviewSpec) (Request, error) {
	res, url := spec.ResourceAttributes, spec.NonResourceAttributes
	switch {
	case (res == nil) == (url == nil):
		return Request{}, fmt.Errorf("spec: exactly one of nonResourceAttributes or resourceAttributes must be specified")
	case spec.User == "" && len(spec.Groups) == 0:
		return Request{}, fmt.Errorf("spec.user: at least one of user or group must be specified")
	case url != nil && url.Path == "":
		return Request{}, fmt.Errorf("spec.nonResourceAttributes.path: it is empty, and no request has an empty path")
	case url != nil:
		return Request{Verb: url.Verb, URL: url.Path}, nil
	}
	return Request{Verb: res.Verb, Namespace: res.Namespace, Group: res.Group, Resource: res.Resource, Subresource: res.Subresource, Name: res.Name}, nil
}

// ParseRequest reads "VERB RESOURCE[.GROUP][/SUBRESOURCE]", the subresource also before the group, and "VERB /PATH":
// "create pods/exec", "patch deployments.apps/scale", "approve signers.certificates.k8s.io", "get /metrics". Verbs and
// resources are taken as they are: some exist for authorization only.
func ParseRequest(s string) (Request, error) {
	fields := strings.Fields(s)
	if len(fields) != 2 {
		return Request{}, fmt.Errorf("%q is not VERB RESOURCE[.GROUP][/SUBRESOURCE] or VERB /PATH", s)
	}
	r := Request{Verb: fields[0]}
	what := fields[1]
	if strings.HasPrefix(what, "/") {
		r.URL = what
		return r, nil
	}
	before, after, split := strings.Cut(what, "/")
	r.Resource, r.Group, _ = strings.Cut(before, ".")
	if split {
		sub, group, grouped := strings.Cut(after, ".")
		// Keys of userextras are domains with a path.
		if r.Subresource = after; grouped && r.Group == "" && r.Resource != "userextras" {
			r.Subresource, r.Group = sub, group
		}
		if r.Subresource == "" {
			return Request{}, fmt.Errorf("%q has no subresource after the slash", s)
		}
	}
	if r.Resource == "" {
		return Request{}, fmt.Errorf("%q names no resource", s)
	}
	return r, nil
}

// Anywhere is the request in every namespace at once; of a resource that is known to be in none, in the cluster, and of one
// namespace, in itself.
func (r Request) Anywhere() Request {
	gk, ok := inventory.KindOfResource(qualified(r.Resource, r.Group))
	namespaced, known := inventory.Namespaced(gk)
	switch {
	case r.Group == "" && r.Resource == "namespaces" && r.Name != "":
		r.Namespace = r.Name
	case !ok || !known || namespaced:
		r.Namespace = AnyNamespace
	}
	return r
}

// ParseSubjects reads whom [Access.Lookup] looks for: "all", "users", "groups", "serviceaccounts", a regular expression
// between slashes over what [Subject.String] says without its quotes, or one subject as [ParseSubject] reads it.
func ParseSubjects(s string) (match func(Subject) bool, err error) {
	switch strings.ToLower(s) {
	case "all":
		return func(Subject) bool { return true }, nil
	case "users", "groups", "serviceaccounts":
		return func(t Subject) bool { return strings.EqualFold(t.Kind+"s", s) }, nil
	}
	if len(s) > 1 && strings.HasPrefix(s, "/") && strings.HasSuffix(s, "/") {
		pattern, err := regexp.Compile(s[1 : len(s)-1])
		if err != nil {
			return nil, fmt.Errorf("subjects %s: %w", s, err)
		}
		return func(t Subject) bool { return pattern.MatchString(strings.ReplaceAll(t.String(), `"`, "")) }, nil
	}
	want, err := ParseSubject(s)
	return func(t Subject) bool { return t == want }, err
}
