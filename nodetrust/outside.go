package nodetrust

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/internal/format"
	"github.com/nist190/nist190/internal/phrase"
	"github.com/nist190/nist190/internal/scanreport"
	"github.com/nist190/nist190/inventory"
)

// Age is how old evidence from outside of the cluster may be.
type Age time.Duration

func (a Age) String() string { return days(time.Duration(a)) }

// ScanLife is how old a report of a scanner, or the newest advisory, may be before it proves nothing any more.
var ScanLife = inventory.NewSetting("scanLife", Age(30*24*time.Hour))

func outsideChecks() []nist190.Check {
	return []nist190.Check{asking(advisories, checkAdvisories), asking(hostBenchmark, checkBenchmarks), asking(hostScan, checkHostScans), ImageScan()}
}

// scan is a report with its place.
type scan struct {
	scanreport.Report
	at   nist190.Evidence
	o    *inventory.Object
	time time.Time // zero where the report does not say
}

// stale: it is older than it may be. A report that does not say when it was made is not.
func (s *scan) stale(now time.Time, life Age) bool {
	return !s.time.IsZero() && now.Sub(s.time) > time.Duration(life)
}

func scans(inv *inventory.Inventory, formats ...string) []scan {
	var out []scan
	for _, f := range formats {
		for o := range inv.ByKind(inventory.Need{Format: f}.GroupKind()) {
			s := scan{at: nist190.At(o), o: o}
			if json.Unmarshal(o.JSON(), &s.Report) != nil {
				continue
			}
			s.time, _ = time.Parse(time.RFC3339, s.Time)
			out = append(out, s)
		}
	}
	return out
}

func formatNeeds(bias inventory.Bias, formats ...string) []inventory.Need {
	var out []inventory.Need
	for _, f := range formats {
		out = append(out, inventory.Need{Format: f, Bias: bias})
	}
	return out
}

var advisories = nist190.Metadata{
	ID: "nodetrust-advisories", Title: "Component of a node with a known vulnerability",
	Doc: `An advisory says that the version of Kubernetes, containerd, CRI-O or runc that runs is vulnerable. Advisories are files of
the OSV format in a folder that is scanned with the manifests, so that nothing has to be fetched; versions are those that
nodes, /version, images of the control plane and osquery report.

Where no advisory is given, or the newest is older than 30 days, the check is not assessed: that nothing was found in an old
list says little.

Before:

    kubeletVersion: v1.36.1 # fixed in 1.36.2

After:

    kubeletVersion: v1.36.2`,
	Claims: nist190.Claims("5h"), Controls: []string{"RA-5", "SI-2"}, Severity: nist190.SeverityHigh,
	Remediation: "Upgrade to the version that the advisory names as fixed.",
	Needs: append(formatNeeds(inventory.Incriminating, format.OSV),
		append(formatNeeds(inventory.Alternative, format.Osquery), inventory.NeedOf[corev1.Node](inventory.Alternative))...),
	Limits: "Vendors fix what the version does not tell: of a build such as v1.33.5-eks-3abbec1 the number counts. The severity is that of the database, high where it gives none.",
}

// installed is a version of a program somewhere.
type installed struct {
	program, version, where string
	at                      nist190.Evidence
}

func checkAdvisories(e *nist190.Eval, v *controlplane.View) {
	var all []scanreport.Advisory
	var newest time.Time
	for o := range e.Inventory.ByKind(inventory.Need{Format: format.OSV}.GroupKind()) {
		var a scanreport.Advisory
		if json.Unmarshal(o.JSON(), &a) != nil {
			continue
		}
		if at, err := time.Parse(time.RFC3339, a.Modified); err == nil && at.After(newest) {
			newest = at
		}
		if a.Withdrawn == "" && len(a.Affected) > 0 {
			all = append(all, a)
		}
	}
	if newest.IsZero() {
		notSeen(e, "no advisories were given", "files of OSV for the Go ecosystem (osv.dev)")
		return
	}
	programs := programsOf(e.Inventory, v)
	found := false
	for _, a := range all {
		var names []string
		out := nist190.Outcome{Status: nist190.Fail, Subject: inventory.Cluster, Key: a.ID, Severity: severityOf(a)}
		for _, r := range programs {
			if !slices.ContainsFunc(a.Affected, func(x scanreport.Affected) bool {
				name, _ := scanreport.OfComponent(x.Package)
				return name == r.program && affects(x, r.version)
			}) {
				continue
			}
			names = append(names, fmt.Sprintf("%s %s on %s", r.program, r.version, r.where))
			if len(out.Evidence) < mostPlaces {
				out.Evidence = append(out.Evidence, r.at)
			}
		}
		if len(names) > 0 {
			found = true
			out.Message = fmt.Sprintf("%s affects %s", strings.Join(append([]string{a.ID}, a.Aliases...), ", "), phrase.Shorten(names))
			e.Report(out)
		}
	}
	switch {
	case found:
	case len(programs) == 0:
		notSeen(e, "no version of a component of a node was seen", "nodes", "/version")
	case inventory.Now(e.Inventory).Sub(newest) > time.Duration(ScanLife.Get(e.Inventory)):
		e.NotAssessed(inventory.Cluster, nist190.ReasonUnknown, "no advisory affects what runs, and the newest of them is of "+newest.Format(time.DateOnly))
	default:
		e.Report(nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster, Evidence: []nist190.Evidence{programs[0].at},
			Message: fmt.Sprintf("none of %d advisories on components of nodes affects what runs; the newest is of %s", len(all), newest.Format(time.DateOnly))})
	}
}

// severityOf reads what databases of OSV say (github.com/github/advisory-database: LOW, MODERATE, HIGH, CRITICAL).
func severityOf(a scanreport.Advisory) nist190.Severity {
	switch strings.ToUpper(a.Database.Severity) {
	case "CRITICAL":
		return nist190.SeverityCritical
	case "MODERATE", "MEDIUM":
		return nist190.SeverityMedium
	case "LOW":
		return nist190.SeverityLow
	}
	return nist190.SeverityHigh
}

// programsOf lists what runs, nodes with one version as one.
func programsOf(inv *inventory.Inventory, v *controlplane.View) []installed {
	var out []installed
	addNodes := func(path []any, of func(*corev1.Node) string) {
		for _, c := range nodesBy(inv, func(n *corev1.Node) (string, string, []any) { return of(n), "", path }) {
			program, version := "kubernetes", c.version
			if name, rest, ok := strings.Cut(c.version, "://"); ok {
				program, version = name, rest
			}
			out = append(out, installed{program, version, fmt.Sprintf("%s (%s)", phrase.Count(len(c.nodes), "node"), phrase.Shorten(c.nodes)), c.at})
		}
	}
	addNodes([]any{"status", "nodeInfo", "kubeletVersion"}, func(n *corev1.Node) string { return n.Status.NodeInfo.KubeletVersion })
	addNodes([]any{"status", "nodeInfo", "containerRuntimeVersion"}, func(n *corev1.Node) string { return n.Status.NodeInfo.ContainerRuntimeVersion })
	for _, c := range [...]process.Component{process.KubeAPIServer, process.KubeControllerManager, process.KubeScheduler} {
		for _, a := range v.Releases(c) {
			out = append(out, installed{"kubernetes", a.Value, string(c) + " of " + nameOf(a.Basis), nist190.At(a.Places[0].Object, a.Places[0].Path...)})
		}
	}
	for o := range inv.ByKind(inventory.Need{Format: format.Version}.GroupKind()) {
		var x struct{ GitVersion string }
		if json.Unmarshal(o.JSON(), &x) == nil && x.GitVersion != "" {
			out = append(out, installed{"kubernetes", x.GitVersion, "the API server", nist190.At(o, "gitVersion")})
		}
	}
	for _, s := range scans(inv, format.Osquery) {
		for _, p := range s.Packages {
			out = append(out, installed{programName(p.Name), p.Version, s.Target, s.at})
		}
	}
	return out
}

// programName is the program of a package of a distribution.
func programName(pkg string) string {
	switch pkg {
	case "containerd.io":
		return "containerd"
	case "kubelet", "kube-proxy":
		return "kubernetes"
	}
	return pkg
}

var hostBenchmark = nist190.Metadata{
	ID: "nodetrust-host-benchmark", Title: "Host that fails tests of a benchmark",
	Doc: `kube-bench, or a scanner that writes results of XCCDF, tested a host, and tests failed: permissions of files, settings of the
kernel and of services that no object of the cluster shows. Tests by CIS number that this module makes itself by effective
value are left out, since reports of the text of flags are wrong about defaults.

Results that are older than 30 days are not assessed. kube-bench says neither when nor where it ran: name the file after the
node. Without results there is one answer for all nodes.

Before:

    Rule ID: xccdf_org.ssgproject.content_rule_file_permissions_kubelet_conf, Result: fail

After: Result: pass`,
	Claims: nist190.Claims("5h"), Controls: []string{"CM-6", "CA-7"}, Severity: nist190.SeverityMedium,
	Remediation: "Fix what failed in the image or the configuration management of the hosts, and scan again; the report has the steps.",
	Needs:       formatNeeds(inventory.Alternative, format.KubeBench, format.XCCDF),
	Limits:      "Which benchmark and profile was chosen is not judged, nor whether a test suits the host.",
}

func checkBenchmarks(e *nist190.Eval, _ *controlplane.View) {
	all := scans(e.Inventory, format.KubeBench, format.XCCDF)
	if len(all) == 0 {
		notSeen(e, "no results of a benchmark of hosts were given", "kube-bench --json", "results of XCCDF (oscap --results)")
		return
	}
	own := map[string]bool{}
	for _, c := range componentChecks() {
		for _, n := range c.Metadata().CIS {
			own[n] = true
		}
	}
	now, life := inventory.Now(e.Inventory), ScanLife.Get(e.Inventory)
	for _, s := range newestOf(all) {
		failed := slices.DeleteFunc(slices.Clone(s.FailedTests), func(t string) bool { return s.Tool == "kube-bench" && own[t] })
		n := s.Failed - len(s.FailedTests) + len(failed)
		out := nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster, Key: s.Tool + " " + s.host(), Evidence: []nist190.Evidence{s.at}}
		switch {
		case s.stale(now, life):
			out.Status, out.Reason, out.Message = nist190.NotAssessed, nist190.ReasonUnknown, fmt.Sprintf("%s looked at %s on %s, which is too long ago", s.Tool, s.host(), s.time.Format(time.DateOnly))
		case n > 0:
			out.Status, out.Message = nist190.Fail, fmt.Sprintf("%d of %d tests of %s failed on %s: %s", n, s.Passed+n, s.Tool, s.host(), phrase.Shorten(failed))
		}
		e.Report(out)
	}
}

// host is the target of a report, or the file of one that does not say.
func (s *scan) host() string {
	if s.Target != "" {
		return s.Target
	}
	return path.Base(s.o.Origin().URI)
}

// newestOf leaves out reports that a newer one of the same tool and host replaces.
func newestOf(all []scan) []*scan {
	at := map[string]int{}
	var out []*scan
	for i := range all {
		k := all[i].Tool + " " + all[i].host()
		switch j, ok := at[k]; {
		case !ok:
			at[k] = len(out)
			out = append(out, &all[i])
		case all[i].time.After(out[j].time):
			out[j] = &all[i]
		}
	}
	return out
}

var hostScan = nist190.Metadata{
	ID: "nodetrust-host-scan", Title: "Nodes that no scanner looked at, or long ago",
	Doc: `Nodes of the cluster are not among the hosts that a scanner reports on, or were looked at longer than 30 days ago. What
counts is any report of a host: results of XCCDF, osquery, Trivy over a file system or a virtual machine, a bill of
materials of a host, and kube-bench where the file is named after the node.

All nodes are one answer. Where no report is given at all it is not assessed.

Before: reports of node-1 and node-2, of three nodes.

After: a report of each node, by the same job that makes the nodes' image or by an agent.`,
	Claims: nist190.Claims("5h"), Controls: []string{"RA-5", "CM-8"}, Severity: nist190.SeverityMedium,
	Remediation: "Scan every node on a schedule, and keep the reports beside the manifests, named after the node where the report does not name it.",
	Needs: append(formatNeeds(inventory.Alternative, hostFormats...),
		inventory.NeedOf[corev1.Node](inventory.Incriminating)),
	Limits: "Nodes that are replaced often are better judged by a scan of their image, which an attestation can state.",
}

var hostFormats = []string{format.KubeBench, format.XCCDF, format.Osquery, format.Trivy, format.CycloneDX, format.SPDX}

func checkHostScans(e *nist190.Eval, _ *controlplane.View) {
	all := slices.DeleteFunc(scans(e.Inventory, hostFormats...), func(s scan) bool { return s.Image })
	if len(all) == 0 {
		notSeen(e, "no report of a scanner of hosts was given", "kube-bench --json", "results of XCCDF", "results of osquery", "trivy rootfs --format json")
		return
	}
	names, known := map[string]string{}, map[string]bool{} // names of a node, to the node
	for o, n := range inventory.Typed[corev1.Node](e.Inventory) {
		known[o.Name()] = true
		names[strings.ToLower(o.Name())] = o.Name()
		for _, a := range n.Status.Addresses {
			names[strings.ToLower(a.Address)] = o.Name()
		}
	}
	if len(known) == 0 {
		notSeen(e, "which nodes there are was not seen", "nodes")
		return
	}
	newest, seen := map[string]time.Time{}, map[string]bool{}
	var evidence []nist190.Evidence
	for i := range all {
		node := nodeOf(&all[i], names, known)
		if node == "" {
			continue
		}
		if len(evidence) < mostPlaces {
			evidence = append(evidence, all[i].at)
		}
		seen[node] = true
		if all[i].time.After(newest[node]) {
			newest[node] = all[i].time
		}
	}
	now, life := inventory.Now(e.Inventory), ScanLife.Get(e.Inventory)
	var never, stale []string
	for _, node := range sortedNames(known) {
		switch at := newest[node]; {
		case !seen[node]:
			never = append(never, node)
		case !at.IsZero() && now.Sub(at) > time.Duration(life):
			stale = append(stale, fmt.Sprintf("%s (%s)", node, at.Format(time.DateOnly)))
		}
	}
	reportCoverage(e, len(known), "node", never, stale, evidence)
}

// reportCoverage is the answer for all that ought to be scanned.
func reportCoverage(e *nist190.Eval, n int, what string, never, stale []string, evidence []nist190.Evidence) {
	out := nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster, Key: what + "s", Evidence: evidence, Message: fmt.Sprintf("every one of %s was scanned", phrase.Count(n, what))}
	var parts []string
	if len(never) > 0 {
		parts = append(parts, fmt.Sprintf("%d of %s were never scanned: %s", len(never), phrase.Count(n, what), phrase.Shorten(never)))
	}
	if len(stale) > 0 {
		parts = append(parts, fmt.Sprintf("%d were scanned too long ago: %s", len(stale), phrase.Shorten(stale)))
	}
	if len(parts) > 0 {
		out.Status, out.Message = nist190.Fail, strings.Join(parts, "; ")
	}
	e.Report(out)
}

// nodeOf is the node that a report of a host is of: by the name in it, else by that of its file.
func nodeOf(s *scan, names map[string]string, known map[string]bool) string {
	target := strings.ToLower(s.Target)
	if n, ok := names[target]; ok {
		return n
	}
	if short, _, ok := strings.Cut(target, "."); ok {
		if n, ok := names[short]; ok {
			return n
		}
	}
	return process.NodeIn(s.o.Origin().URI, known)
}
