package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	authorizationv1 "k8s.io/api/authorization/v1"

	"github.com/nist190/nist190/rbac"
)

// review answers a stream of reviews, one after the other as they come.
func review(access *rbac.Access, in io.Reader, out io.Writer) error {
	decoder, encoder := json.NewDecoder(in), json.NewEncoder(out)
	for n := 1; ; n++ {
		var r authorizationv1.SubjectAccessReview
		switch err := decoder.Decode(&r); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("review %d: %w", n, err)
		}
		access.Review(&r)
		if err := encoder.Encode(&r); err != nil {
			return err
		}
	}
}

// row is a grant as it is printed.
type row struct {
	Subject   string   `json:"subject"`
	Via       string   `json:"via,omitempty"`       // the group through which it is reached
	Namespace string   `json:"namespace,omitempty"` // empty: everywhere
	Binding   string   `json:"binding,omitempty"`
	Role      string   `json:"role,omitempty"`
	Rule      string   `json:"rule,omitempty"`
	Origin    string   `json:"origin,omitempty"`
	Path      []string `json:"path,omitempty"`
}

func rowOf(s rbac.Subject, g rbac.Grant) row {
	b := g.Binding
	r := row{Subject: s.String(), Namespace: b.Namespace, Binding: b.String(), Role: b.Role.String(), Origin: b.Object.Origin().String()}
	if to := g.To(); to != s {
		r.Via = to.String()
	}
	return r
}

func (q *question) printWhoCan(access *rbac.Access, out io.Writer) error {
	request, err := rbac.ParseRequest(q.whoCan)
	if err != nil {
		return err
	}
	if request.Namespace, request.Name = q.namespace, q.name; q.namespace == "" {
		request = request.Anywhere()
	}
	var rows []row
	for _, h := range access.WhoCan(request) {
		if len(h.Grants) == 0 {
			rows = append(rows, row{Subject: h.Subject.String(), Rule: "passes before RBAC is asked"})
		}
		for _, g := range h.Grants {
			r := rowOf(h.Subject, g)
			r.Path = g.Steps()
			r.Rule = r.Path[len(r.Path)-1]
			rows = append(rows, r)
		}
	}
	return q.print(out, rows, []string{"SUBJECT", "SCOPE", "THROUGH", "ROLE", "RULE"}, func(r row) []string {
		return []string{r.Subject, scope(r), r.Binding, r.Role, r.Rule}
	})
}

func (q *question) printLookup(access *rbac.Access, out io.Writer) error {
	match, err := rbac.ParseSubjects(q.lookup)
	if err != nil {
		return err
	}
	var rows []row
	for _, s := range access.Lookup(match) {
		for _, g := range access.GrantsOf(s) {
			rows = append(rows, rowOf(s, g))
		}
	}
	return q.print(out, rows, []string{"SUBJECT", "VIA", "SCOPE", "THROUGH", "ROLE"}, func(r row) []string {
		return []string{r.Subject, r.Via, scope(r), r.Binding, r.Role}
	})
}

func (q *question) printRules(access *rbac.Access, out io.Writer) error {
	s, err := rbac.ParseSubject(q.rules)
	if err != nil {
		return err
	}
	var rows []row
	for _, g := range access.RulesFor(s.Identity(), q.namespace) {
		r := rowOf(s, g)
		steps := g.Steps()
		r.Rule = steps[len(steps)-1]
		rows = append(rows, r)
	}
	return q.print(out, rows, []string{"RULE", "VIA", "SCOPE", "THROUGH", "ROLE"}, func(r row) []string {
		return []string{r.Rule, r.Via, scope(r), r.Binding, r.Role}
	})
}

func scope(r row) string {
	if r.Namespace != "" {
		return "namespace " + r.Namespace
	}
	return "cluster"
}

func (q *question) print(out io.Writer, rows []row, head []string, cells func(row) []string) error {
	if q.json {
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		for _, r := range rows {
			if err := encoder.Encode(r); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(head, "\t"))
	for _, r := range rows {
		fmt.Fprintln(w, strings.Join(cells(r), "\t"))
	}
	return w.Flush()
}
