package authn

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/internal/controlplane"
	"github.com/nist190/nist190/internal/controlplane/cloud"
	"github.com/nist190/nist190/internal/controlplane/judge"
	"github.com/nist190/nist190/inventory"
)

var auditShipping = nist190.Metadata{
	ID: "authn-audit-shipping", Title: "Audit log that stays where it can be erased", Risk: nist190.UnauthorizedAccess,
	Doc: `Audit events are written to a place from which nothing takes them away.

Who takes over the control plane erases the log on its disk, and a log that nobody collects is looked at by nobody. Events
leave the machine by a webhook, or by an agent that reads the file. A file in the container's own layer is not even there
after a restart: a kubeadm cluster with the flag and without the volume loses its log with every upgrade.

Before:

    apiServer:
      extraArgs: [{name: audit-log-path, value: /var/log/kubernetes/audit.log}]

After:

    apiServer:
      extraArgs: [{name: audit-log-path, value: /var/log/kubernetes/audit.log}]
      extraVolumes: [{name: audit, hostPath: /var/log/kubernetes, mountPath: /var/log/kubernetes}]

and a DaemonSet of a log agent that mounts /var/log and tolerates the taint of the control plane, or
--audit-webhook-config-file.`,
	Claims: []nist190.Claim{{Sentence: "2f", Conclusive: true}}, Controls: []string{"AU-4(1)", "AU-6", "AU-9(2)"}, CIS: []string{"3.2.1"},
	Severity: nist190.SeverityMedium,
	Remediation: `Ship the events: with --audit-webhook-config-file, or with a log agent on the nodes of the control plane that
reads the file. Give the file a volume of the node.`,
	Needs: inventory.JoinNeeds(AuditNeeds(), inventory.WorkloadNeeds(inventory.Exonerating)), Since: "v0.1.0",
	Limits: `Agents are known by their images. An agent that runs on the machine itself is not seen, so that a file that no
workload reads is not assessed. Where the agent sends what it reads, and who looks at it, no object tells.`,
}

// AuditShipping finds audit logs that nothing takes away.
func AuditShipping() nist190.Check { return nist190.NewCheck(auditShipping, checkAuditShipping) }

func checkAuditShipping(ctx context.Context, e *nist190.Eval) error {
	a, err := AuditOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	view, err := controlplane.Of(ctx, e.Inventory)
	if err != nil {
		return err
	}
	if len(a.value.Replicas) == 0 {
		out := managedAudit(view, a.value.Basis)
		m, _ := view.Managed()
		if _, ok := m.Asserted(cloud.WritesAudited); ok { // into a service of the vendor's, which nobody in the cluster reaches
			out = nist190.Outcome{Status: nist190.Pass, Subject: inventory.Cluster, Evidence: out.Evidence, Strength: inventory.VendorAsserted}
		}
		if out.Status == nist190.Fail { // authn-audit-coverage says it
			out.Status, out.Message = nist190.NotApplicable, "there is no audit log"
		}
		e.Report(out)
		return nil
	}
	if len(a.value.Find(func(x controlplane.Audit) bool { return !x.Recorded() })) > 0 {
		e.NotApplicable(inventory.Cluster, "there is no audit log")
		return nil
	}
	lost := func(x controlplane.Audit) bool { return x.Webhook == "" && x.LogPath != "-" && x.HostPath == "" }
	out := judge.Outcome(inventory.Cluster, "", a.value, func(x controlplane.Audit) string {
		if lost(x) {
			return fmt.Sprintf("audit events are lost with the container: no volume holds %s", x.LogPath)
		}
		return ""
	})
	if bad := a.value.Find(lost); len(bad) > 0 {
		out.Message = fmt.Sprintf("audit events are lost with the container: no volume holds %s", bad[0].Value.LogPath)
		if bad[0].Replica != "" {
			out.Message += " on " + bad[0].Replica
		}
		if n := len(bad[0].Places); n > 0 && bad[0].Places[n-1].Object != nil { // the flag of the path is the last that is set
			out.Evidence = append([]nist190.Evidence{placeOf(bad[0].Places[n-1])}, out.Evidence...)
		}
	}
	if out.Status != nist190.Pass {
		e.Report(out)
		return nil
	}
	workloads, err := inventory.WorkloadsOf(ctx, e.Inventory)
	if err != nil {
		return err
	}
	for _, r := range a.value.Replicas {
		if r.Value.Webhook != "" {
			continue
		}
		dir := path.Dir(r.Value.HostPath)
		if r.Value.LogPath == "-" {
			dir = "/var/log/pods" // pkg/kubelet/kuberuntime/helpers.go
		}
		at, why := shipper(workloads, dir)
		if why != "" {
			e.Report(nist190.Outcome{Status: nist190.NotAssessed, Subject: inventory.Cluster, Reason: nist190.ReasonManualReview, Evidence: out.Evidence,
				Message: fmt.Sprintf("attest that an agent of the machine ships the audit log from %s: %s", dir, why)})
			return nil
		}
		out.Evidence = append(out.Evidence, at)
	}
	e.Report(out)
	return nil
}

// logAgents are programs that ship files, by the last part of their image's name.
var logAgents = []string{"fluent-bit", "fluentd", "fluentd-kubernetes-daemonset", "aws-for-fluent-bit", "vector", "promtail", "alloy", "filebeat",
	"elastic-agent", "opentelemetry-collector", "opentelemetry-collector-contrib", "opentelemetry-collector-k8s", "splunk-otel-collector",
	"cloudwatch-agent", "datadog-agent", "logstash", "logging-agent", "wazuh-agent", "newrelic-fluentbit-output", "syslog-ng", "rsyslog", "k8s-monitoring"}

// shipper is the workload that reads a directory of the control plane's nodes and is a log agent. why says why there is none.
func shipper(workloads []*inventory.Workload, dir string) (at nist190.Evidence, why string) {
	why = "no log agent that reads it was seen"
	for _, w := range workloads {
		spec := &w.Template.Spec
		if !slices.ContainsFunc(spec.Containers, isLogAgent) {
			continue
		}
		for i := range spec.Volumes {
			h := spec.Volumes[i].HostPath
			if h == nil || !below(dir, h.Path) {
				continue
			}
			if !toleratesControlPlane(spec.Tolerations) {
				why = fmt.Sprintf("%s %q reads it and does not tolerate the taint of control plane nodes", w.Ref().Kind, w.Object.Name())
				continue
			}
			place := append(slices.Clone(w.TemplatePath), "spec", "volumes", i, "hostPath", "path")
			return nist190.At(w.Object, place...).Showing(h.Path), ""
		}
	}
	return nist190.Evidence{}, why
}

func isLogAgent(c corev1.Container) bool {
	im := inventory.ParseImage(c.Image)
	return slices.Contains(logAgents, path.Base(im.Path)) || strings.HasSuffix(im.Path, "datadog/agent") || strings.HasSuffix(im.Path, "grafana/agent")
}

// below reports whether p is dir or in it.
func below(p, dir string) bool {
	dir = strings.TrimSuffix(path.Clean(dir), "/")
	return dir == "" || p == dir || strings.HasPrefix(p, dir+"/")
}

func toleratesControlPlane(all []corev1.Toleration) bool {
	taint := corev1.Taint{Key: "node-role.kubernetes.io/control-plane", Effect: corev1.TaintEffectNoSchedule}
	return slices.ContainsFunc(all, func(t corev1.Toleration) bool {
		return (t.Key == taint.Key || t.Key == "" && t.Operator == corev1.TolerationOpExists) && (t.Effect == "" || t.Effect == taint.Effect) &&
			(t.Operator == corev1.TolerationOpExists || t.Value == "")
	})
}
