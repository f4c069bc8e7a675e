// Package openreports writes a [nist190.Report] as Report and ClusterReport objects of openreports.io/v1alpha1, the
// successor of PolicyReport, for dashboards that read them from a cluster.
//
// Source: github.com/openreports/reports-api, v0.2.1.
package openreports

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/report/internal/jsonstream"
	"github.com/nist190/nist190/report/internal/plain"
	"github.com/nist190/nist190/report/internal/view"
)

// Options are those of [Write].
type Options struct {
	// Name of the objects, and of those that a split adds, with a number behind it; empty means "nist190".
	Name string
	// MaxBytes bounds each object; 0 means 1 MiB. etcd refuses requests above 1.5 MiB, and kubectl apply objects above
	// 256 KiB unless it is told --server-side. The least is 32 KiB.
	MaxBytes int
	// OpenOnly leaves out what passes or does not apply.
	OpenOnly bool
}

const (
	apiVersion = "openreports.io/v1alpha1"
	source     = "nist190"
	// textLimit keeps one result below the least MaxBytes: it has at most 14 texts, of which JSON may double each byte.
	textLimit = 1024
)

// dnsLabel is what a namespace is called: RFC 1123. What has another name is in a ClusterReport.
var dnsLabel = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// Write writes a List: a Report for each namespace and a ClusterReport for the rest, each split where it would be too
// large, with a label that tells how many parts there are. A failure is "fail"; one that is accepted, that missing
// evidence could still refute or whose check is advisory is "warn" and not scored; what could not be assessed or does not
// apply is "skip"; a malfunction is "error".
func Write(w io.Writer, rep *nist190.Report, o Options) error {
	o.Name, o.MaxBytes = cmp.Or(o.Name, source), cmp.Or(o.MaxBytes, 1<<20)
	const least = 32 << 10
	if o.MaxBytes < least {
		return fmt.Errorf("openreports: MaxBytes is %d, the least is %d", o.MaxBytes, least)
	}
	if len(o.Name) > 50 || !dnsLabel.MatchString(o.Name) {
		return fmt.Errorf("openreports: %q is no name of at most 50 characters a-z, 0-9 and -", o.Name)
	}
	byNamespace := map[string][]*nist190.Finding{}
	for f := range rep.Findings() {
		if s := view.SortOf(f); o.OpenOnly && (s == view.Passed || s == view.NotApplicable) {
			continue
		}
		ns := f.Subject.Namespace
		if !dnsLabel.MatchString(ns) {
			ns = ""
		}
		byNamespace[ns] = append(byNamespace[ns], f)
	}
	namespaces := make([]string, 0, len(byNamespace))
	for ns := range byNamespace {
		namespaces = append(namespaces, ns)
	}
	slices.Sort(namespaces)
	s := jsonstream.New(w, "")
	s.Begin(list{"v1", "List"}, "items", 0)
	first := true
	for _, ns := range namespaces {
		for _, p := range parts(rep, byNamespace[ns], o) {
			if s.Err() != nil {
				return s.Err()
			}
			p.APIVersion, p.Kind, p.Metadata.Namespace = apiVersion, "Report", ns
			if ns == "" {
				p.Kind = "ClusterReport"
			}
			s.Separate(first, 0)
			s.Write(s.Encode(p, 0))
			first = false
		}
	}
	s.End(first, 0)
	s.Write([]byte("\n"))
	return s.Flush()
}

// headBytes is more than an object takes beside its results.
const headBytes = 1 << 10

// parts cuts the findings of one namespace into objects that are small enough.
func parts(rep *nist190.Report, findings []*nist190.Finding, o Options) []object {
	var out []object
	size := o.MaxBytes
	for _, f := range findings {
		r := resultOf(rep, f)
		raw, err := marshal(r)
		if err != nil {
			continue // strings only: it cannot be
		}
		if size+len(raw)+1 > o.MaxBytes {
			name := o.Name
			if n := len(out) + 1; n > 1 {
				name = fmt.Sprintf("%s-%d", o.Name, n)
			}
			out = append(out, object{Source: source, Metadata: metadata{Name: name}})
			size = headBytes
		}
		p := &out[len(out)-1]
		p.Results = append(p.Results, raw)
		p.Summary.add(r.Result)
		size += len(raw) + 1
	}
	for i := range out {
		out[i].Metadata.Labels = map[string]string{
			"app.kubernetes.io/managed-by": source, "nist190.dev/part": fmt.Sprint(i + 1), "nist190.dev/parts": fmt.Sprint(len(out)),
		}
	}
	return out
}

func marshal(v any) (json.RawMessage, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return json.RawMessage(strings.TrimSuffix(b.String(), "\n")), err
}

func verdict(f *nist190.Finding) (word string, scored bool) {
	switch view.SortOf(f) {
	case view.Passed:
		return "pass", !f.Check.Advisory
	case view.Open:
		if f.Check.Advisory {
			return "warn", false
		}
		return "fail", true
	case view.Suppressed, view.Unproven:
		return "warn", false
	case view.Malfunction:
		return "error", false
	}
	return "skip", false
}

func resultOf(rep *nist190.Report, f *nist190.Finding) result {
	r := result{
		Policy: short(plain.Line(f.Check.ID)), Category: "NIST SP 800-190 " + string(f.Check.Risk), Severity: f.Severity.String(),
		Message: short(view.Message(f) + view.WhatIsMissing(f)), Properties: map[string]string{},
	}
	r.Result, r.Scored = verdict(f)
	if t := rep.Run.Started; !t.IsZero() {
		r.Timestamp = &timestamp{t.Unix(), int32(t.Nanosecond())}
	}
	if f.Subject.Name != "" {
		r.Resources = []reference{{
			APIVersion: short(plain.Line(f.Subject.APIVersion())), Kind: short(plain.Line(f.Subject.Kind)), Namespace: short(plain.Line(f.Subject.Namespace)), Name: short(plain.Line(f.Subject.Name)),
		}}
	}
	for _, p := range []struct{ name, value string }{
		{"fingerprint", plain.Line(f.Fingerprint)}, {"sentences", strings.Join(view.Sentences(f.Check), " ")}, {"status", f.Status.String()},
		{"key", plain.Line(f.Key)}, {"reason", plain.Line(string(f.Reason))}, {"strength", f.Strength.String()},
		{"origin", plain.Line(view.Place(f).String())}, {"path", strings.Join(view.Lines(f.Path), " > ")},
	} {
		if p.value != "" {
			r.Properties[p.name] = short(p.value)
		}
	}
	if f.Provisional != f.Status {
		r.Properties["provisional"] = f.Provisional.String()
	}
	if f.Suppression != nil {
		r.Properties["accepted"] = short(view.Acceptance(f.Suppression))
	}
	if f.Attestation != nil {
		r.Properties["attestation"] = short(view.AttestationText(f.Attestation))
	}
	return r
}

// short cuts text that an attacker could make long.
func short(s string) string {
	if len(s) <= textLimit {
		return s
	}
	return strings.ToValidUTF8(s[:textLimit-len("…")], "") + "…"
}
