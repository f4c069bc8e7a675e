package network

import (
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
)

// podMakers are kinds of operators that pods are made from: manifests with such an object come to pods that they do not
// show.
var podMakers = []schema.GroupKind{
	{Group: "monitoring.coreos.com", Kind: "Prometheus"}, {Group: "monitoring.coreos.com", Kind: "PrometheusAgent"},
	{Group: "monitoring.coreos.com", Kind: "Alertmanager"}, {Group: "monitoring.coreos.com", Kind: "ThanosRuler"},
	{Group: "argoproj.io", Kind: "Rollout"}, {Group: "argoproj.io", Kind: "Workflow"}, {Group: "argoproj.io", Kind: "CronWorkflow"},
	{Group: "serving.knative.dev", Kind: "Service"}, {Group: "apps.kruise.io", Kind: "CloneSet"},
	{Group: "kafka.strimzi.io", Kind: "Kafka"}, {Group: "postgresql.cnpg.io", Kind: "Cluster"}, {Group: "acid.zalan.do", Kind: "postgresql"},
	{Group: "elasticsearch.k8s.elastic.co", Kind: "Elasticsearch"}, {Group: "kibana.k8s.elastic.co", Kind: "Kibana"},
	{Group: "opentelemetry.io", Kind: "OpenTelemetryCollector"}, {Group: "jaegertracing.io", Kind: "Jaeger"},
	{Group: "rabbitmq.com", Kind: "RabbitmqCluster"}, {Group: "grafana.integreatly.org", Kind: "Grafana"},
	{Group: "tekton.dev", Kind: "PipelineRun"}, {Group: "sparkoperator.k8s.io", Kind: "SparkApplication"},
}

// hasPodMakers reports whether manifests hold such an object. In a cluster their pods are there.
func hasPodMakers(inv *inventory.Inventory) bool {
	return slices.ContainsFunc(inv.Kinds(), func(gk schema.GroupKind) bool { return slices.Contains(podMakers, gk) })
}
