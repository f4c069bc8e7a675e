package process

// boolFlags are the boolean flags of the supported minors: BoolVar in the options of the component and of the libraries
// that it is built of. A test compares them with the flag sets of the newest.
var boolFlags = map[Component]map[string]bool{
	KubeAPIServer: set(
		"allow-privileged", "anonymous-auth", "audit-log-compress", "audit-log-truncate-enabled", "audit-webhook-truncate-enabled",
		"audit-log-batch-throttle-enable", "audit-webhook-batch-throttle-enable", "aggregator-reject-forwarding-redirect",
		"contention-profiling", "disable-http2-serving", "emulation-forward-compatible", "enable-aggregator-routing",
		"enable-bootstrap-token-auth", "enable-garbage-collector", "enable-logs-handler", "enable-priority-and-fairness",
		"encryption-provider-config-automatic-reload", "permit-address-sharing", "permit-port-sharing", "profiling",
		"runtime-config-emulation-forward-compatible", "service-account-extend-token-expiration", "service-account-lookup",
		"shutdown-send-retry-after", "watch-cache", "authentication-skip-lookup", "authentication-tolerate-lookup-failure",
		"kubelet-https",
	),
	KubeControllerManager: set(
		"allocate-node-cidrs", "allow-untagged-cloud", "authentication-skip-lookup",
		"authentication-tolerate-lookup-failure", "configure-cloud-routes", "contention-profiling",
		"disable-attach-detach-reconcile-sync", "disable-force-detach-on-timeout", "disable-http2-serving",
		"enable-dynamic-provisioning", "enable-garbage-collector", "enable-hostpath-provisioner", "enable-leader-migration",
		"leader-elect", "permit-address-sharing", "permit-port-sharing", "profiling", "use-service-account-credentials", "volume-host-allow-local-loopback",
		"emulation-forward-compatible", "runtime-config-emulation-forward-compatible",
	),
	KubeScheduler: set(
		"authentication-skip-lookup", "authentication-tolerate-lookup-failure", "contention-profiling", "disable-http2-serving",
		"leader-elect", "permit-address-sharing", "permit-port-sharing", "profiling", "emulation-forward-compatible",
	),
	Kubelet: set(
		"anonymous-auth", "authentication-token-webhook", "cgroups-per-qos", "contention-profiling", "cpu-cfs-quota",
		"enable-controller-attach-detach", "enable-debugging-handlers", "enable-server", "exit-on-lock-contention",
		"experimental-allocatable-ignore-eviction", "fail-cgroupv1", "fail-swap-on", "kernel-memcg-notification",
		"keep-terminated-pod-volumes", "local-storage-capacity-isolation", "make-iptables-util-chains",
		"protect-kernel-defaults", "register-node", "register-schedulable", "rotate-certificates", "rotate-server-certificates",
		"runonce", "seccomp-default", "serialize-image-pulls", "windows-service",
	),
	KubeProxy: set(
		"bind-address-hard-fail", "cleanup", "masquerade-all", "profiling", "show-hidden-metrics", "init-only",
		"ipvs-strict-arp", "windows-service",
	),
	Etcd: set(
		"auto-tls", "peer-auto-tls", "client-cert-auth", "peer-client-cert-auth", "force-new-cluster", "unsafe-no-fsync",
		"pre-vote", "strict-reconfig-check", "enable-pprof", "enable-v2", "enable-log-rotation", "debug", "version",
		"enable-distributed-tracing", "peer-skip-client-san-verification", "initial-election-tick-advance",
		"socket-reuse-port", "socket-reuse-address", "experimental-initial-corrupt-check",
		"experimental-enable-distributed-tracing", "experimental-enable-lease-checkpoint",
		"experimental-enable-lease-checkpoint-persist", "experimental-memory-mlock", "memory-mlock",
		"experimental-txn-mode-write-with-shared-buffer", "experimental-stop-grpc-service-on-defrag",
		"experimental-compact-hash-check-enabled",
	),
}

// sharedBoolFlags are those of component-base and klog, which every component of Kubernetes has.
var sharedBoolFlags = set(
	"help", "add-dir-header", "alsologtostderr", "log-json-split-stream", "log-text-split-stream", "logtostderr",
	"one-output", "skip-headers", "skip-log-headers",
)

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}
