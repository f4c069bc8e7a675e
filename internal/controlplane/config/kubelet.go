package config

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kjson "sigs.k8s.io/json"
)

// KubeletConfiguration is the file of --config and each of --config-dir, kubelet.config.k8s.io/v1beta1.
type KubeletConfiguration struct {
	metav1.TypeMeta
	EnableServer                              *bool                              `json:"enableServer,omitempty"`
	StaticPodPath                             string                             `json:"staticPodPath,omitempty"`
	PodLogsDir                                string                             `json:"podLogsDir,omitempty"`
	SyncFrequency                             Duration                           `json:"syncFrequency,omitempty"`
	FileCheckFrequency                        Duration                           `json:"fileCheckFrequency,omitempty"`
	HTTPCheckFrequency                        Duration                           `json:"httpCheckFrequency,omitempty"`
	StaticPodURL                              string                             `json:"staticPodURL,omitempty"`
	StaticPodURLHeader                        map[string]Header                  `json:"staticPodURLHeader,omitempty"`
	Address                                   string                             `json:"address,omitempty"`
	Port                                      int32                              `json:"port,omitempty"`
	ReadOnlyPort                              int32                              `json:"readOnlyPort,omitempty"`
	TLSCertFile                               string                             `json:"tlsCertFile,omitempty"`
	TLSPrivateKeyFile                         string                             `json:"tlsPrivateKeyFile,omitempty"`
	TLSCipherSuites                           []string                           `json:"tlsCipherSuites,omitempty"`
	TLSCurvePreferences                       []int32                            `json:"tlsCurvePreferences,omitempty"`
	TLSMinVersion                             string                             `json:"tlsMinVersion,omitempty"`
	RotateCertificates                        bool                               `json:"rotateCertificates,omitempty"`
	ServerTLSBootstrap                        bool                               `json:"serverTLSBootstrap,omitempty"`
	Authentication                            KubeletAuthentication              `json:"authentication"`
	Authorization                             KubeletAuthorization               `json:"authorization"`
	RegistryPullQPS                           *int32                             `json:"registryPullQPS,omitempty"`
	RegistryBurst                             int32                              `json:"registryBurst,omitempty"`
	ImagePullCredentialsVerificationPolicy    string                             `json:"imagePullCredentialsVerificationPolicy,omitempty"`
	PreloadedImagesVerificationAllowlist      []string                           `json:"preloadedImagesVerificationAllowlist,omitempty"`
	EventRecordQPS                            *int32                             `json:"eventRecordQPS,omitempty"`
	EventBurst                                int32                              `json:"eventBurst,omitempty"`
	EnableDebuggingHandlers                   *bool                              `json:"enableDebuggingHandlers,omitempty"`
	EnableContentionProfiling                 bool                               `json:"enableContentionProfiling,omitempty"`
	HealthzPort                               *int32                             `json:"healthzPort,omitempty"`
	HealthzBindAddress                        string                             `json:"healthzBindAddress,omitempty"`
	OOMScoreAdj                               *int32                             `json:"oomScoreAdj,omitempty"`
	ClusterDomain                             string                             `json:"clusterDomain,omitempty"`
	ClusterDNS                                []string                           `json:"clusterDNS,omitempty"`
	StreamingConnectionIdleTimeout            Duration                           `json:"streamingConnectionIdleTimeout,omitempty"`
	NodeStatusUpdateFrequency                 Duration                           `json:"nodeStatusUpdateFrequency,omitempty"`
	NodeStatusReportFrequency                 Duration                           `json:"nodeStatusReportFrequency,omitempty"`
	NodeLeaseDurationSeconds                  int32                              `json:"nodeLeaseDurationSeconds,omitempty"`
	ImageMinimumGCAge                         Duration                           `json:"imageMinimumGCAge,omitempty"`
	ImageMaximumGCAge                         Duration                           `json:"imageMaximumGCAge,omitempty"`
	ImageGCHighThresholdPercent               *int32                             `json:"imageGCHighThresholdPercent,omitempty"`
	ImageGCLowThresholdPercent                *int32                             `json:"imageGCLowThresholdPercent,omitempty"`
	VolumeStatsAggPeriod                      Duration                           `json:"volumeStatsAggPeriod,omitempty"`
	KubeletCgroups                            string                             `json:"kubeletCgroups,omitempty"`
	SystemCgroups                             string                             `json:"systemCgroups,omitempty"`
	CgroupRoot                                string                             `json:"cgroupRoot,omitempty"`
	CgroupsPerQOS                             *bool                              `json:"cgroupsPerQOS,omitempty"`
	CgroupDriver                              string                             `json:"cgroupDriver,omitempty"`
	CPUManagerPolicy                          string                             `json:"cpuManagerPolicy,omitempty"`
	SingleProcessOOMKill                      *bool                              `json:"singleProcessOOMKill,omitempty"`
	CPUManagerPolicyOptions                   map[string]string                  `json:"cpuManagerPolicyOptions,omitempty"`
	CPUManagerReconcilePeriod                 Duration                           `json:"cpuManagerReconcilePeriod,omitempty"`
	MemoryManagerPolicy                       string                             `json:"memoryManagerPolicy,omitempty"`
	TopologyManagerPolicy                     string                             `json:"topologyManagerPolicy,omitempty"`
	TopologyManagerScope                      string                             `json:"topologyManagerScope,omitempty"`
	TopologyManagerPolicyOptions              map[string]string                  `json:"topologyManagerPolicyOptions,omitempty"`
	QOSReserved                               map[string]string                  `json:"qosReserved,omitempty"`
	RuntimeRequestTimeout                     Duration                           `json:"runtimeRequestTimeout,omitempty"`
	HairpinMode                               string                             `json:"hairpinMode,omitempty"`
	MaxPods                                   int32                              `json:"maxPods,omitempty"`
	PodCIDR                                   string                             `json:"podCIDR,omitempty"`
	PodPidsLimit                              *int64                             `json:"podPidsLimit,omitempty"`
	ResolverConfig                            *string                            `json:"resolvConf,omitempty"`
	RunOnce                                   bool                               `json:"runOnce,omitempty"`
	CPUCFSQuota                               *bool                              `json:"cpuCFSQuota,omitempty"`
	CPUCFSQuotaPeriod                         *Duration                          `json:"cpuCFSQuotaPeriod,omitempty"`
	NodeStatusMaxImages                       *int32                             `json:"nodeStatusMaxImages,omitempty"`
	MaxOpenFiles                              int64                              `json:"maxOpenFiles,omitempty"`
	ContentType                               string                             `json:"contentType,omitempty"`
	KubeAPIQPS                                *int32                             `json:"kubeAPIQPS,omitempty"`
	KubeAPIBurst                              int32                              `json:"kubeAPIBurst,omitempty"`
	SerializeImagePulls                       *bool                              `json:"serializeImagePulls,omitempty"`
	MaxParallelImagePulls                     *int32                             `json:"maxParallelImagePulls,omitempty"`
	EvictionHard                              map[string]string                  `json:"evictionHard,omitempty"`
	EvictionSoft                              map[string]string                  `json:"evictionSoft,omitempty"`
	EvictionSoftGracePeriod                   map[string]string                  `json:"evictionSoftGracePeriod,omitempty"`
	EvictionPressureTransitionPeriod          Duration                           `json:"evictionPressureTransitionPeriod,omitempty"`
	EvictionMaxPodGracePeriod                 int32                              `json:"evictionMaxPodGracePeriod,omitempty"`
	EvictionMinimumReclaim                    map[string]string                  `json:"evictionMinimumReclaim,omitempty"`
	MergeDefaultEvictionSettings              *bool                              `json:"mergeDefaultEvictionSettings,omitempty"`
	PodsPerCore                               int32                              `json:"podsPerCore,omitempty"`
	EnableControllerAttachDetach              *bool                              `json:"enableControllerAttachDetach,omitempty"`
	ProtectKernelDefaults                     bool                               `json:"protectKernelDefaults,omitempty"`
	MakeIPTablesUtilChains                    *bool                              `json:"makeIPTablesUtilChains,omitempty"`
	IPTablesMasqueradeBit                     *int32                             `json:"iptablesMasqueradeBit,omitempty"`
	IPTablesDropBit                           *int32                             `json:"iptablesDropBit,omitempty"`
	FeatureGates                              map[string]bool                    `json:"featureGates,omitempty"`
	FailSwapOn                                *bool                              `json:"failSwapOn,omitempty"`
	MemorySwap                                MemorySwapConfiguration            `json:"memorySwap,omitempty"`
	ContainerLogMaxSize                       string                             `json:"containerLogMaxSize,omitempty"`
	ContainerLogMaxFiles                      *int32                             `json:"containerLogMaxFiles,omitempty"`
	ContainerLogMaxWorkers                    *int32                             `json:"containerLogMaxWorkers,omitempty"`
	ContainerLogMonitorInterval               *Duration                          `json:"containerLogMonitorInterval,omitempty"`
	ConfigMapAndSecretChangeDetectionStrategy string                             `json:"configMapAndSecretChangeDetectionStrategy,omitempty"`
	SystemReserved                            map[string]string                  `json:"systemReserved,omitempty"`
	KubeReserved                              map[string]string                  `json:"kubeReserved,omitempty"`
	ReservedSystemCPUs                        string                             `json:"reservedSystemCPUs,omitempty"`
	ShowHiddenMetricsForVersion               string                             `json:"showHiddenMetricsForVersion,omitempty"`
	SystemReservedCgroup                      string                             `json:"systemReservedCgroup,omitempty"`
	KubeReservedCgroup                        string                             `json:"kubeReservedCgroup,omitempty"`
	EnforceNodeAllocatable                    []string                           `json:"enforceNodeAllocatable,omitempty"`
	AllowedUnsafeSysctls                      []string                           `json:"allowedUnsafeSysctls,omitempty"`
	DefaultPodSysctls                         map[string]string                  `json:"defaultPodSysctls,omitempty"`
	VolumePluginDir                           string                             `json:"volumePluginDir,omitempty"`
	ProviderID                                string                             `json:"providerID,omitempty"`
	KernelMemcgNotification                   bool                               `json:"kernelMemcgNotification,omitempty"`
	Logging                                   LoggingConfiguration               `json:"logging,omitempty"`
	EnableSystemLogHandler                    *bool                              `json:"enableSystemLogHandler,omitempty"`
	EnableSystemLogQuery                      *bool                              `json:"enableSystemLogQuery,omitempty"`
	ShutdownGracePeriod                       Duration                           `json:"shutdownGracePeriod,omitempty"`
	ShutdownGracePeriodCriticalPods           Duration                           `json:"shutdownGracePeriodCriticalPods,omitempty"`
	ShutdownGracePeriodByPodPriority          []ShutdownGracePeriodByPodPriority `json:"shutdownGracePeriodByPodPriority,omitempty"`
	CrashLoopBackOff                          CrashLoopBackOffConfig             `json:"crashLoopBackOff,omitempty"`
	ReservedMemory                            []MemoryReservation                `json:"reservedMemory,omitempty"`
	EnableProfilingHandler                    *bool                              `json:"enableProfilingHandler,omitempty"`
	EnableDebugFlagsHandler                   *bool                              `json:"enableDebugFlagsHandler,omitempty"`
	SeccompDefault                            *bool                              `json:"seccompDefault,omitempty"`
	MemoryThrottlingFactor                    *float64                           `json:"memoryThrottlingFactor,omitempty"`
	MemoryReservationPolicy                   string                             `json:"memoryReservationPolicy,omitempty"`
	RegisterWithTaints                        []corev1.Taint                     `json:"registerWithTaints,omitempty"`
	RegisterNode                              *bool                              `json:"registerNode,omitempty"`
	Tracing                                   *TracingConfiguration              `json:"tracing,omitempty"`
	LocalStorageCapacityIsolation             *bool                              `json:"localStorageCapacityIsolation,omitempty"`
	ContainerRuntimeEndpoint                  string                             `json:"containerRuntimeEndpoint"`
	ImageServiceEndpoint                      string                             `json:"imageServiceEndpoint,omitempty"`
	FailCgroupV1                              *bool                              `json:"failCgroupV1,omitempty"`
	UserNamespaces                            *UserNamespaces                    `json:"userNamespaces,omitempty"`
}

type KubeletAuthentication struct {
	X509      KubeletX509Authentication      `json:"x509"`
	Webhook   KubeletWebhookAuthentication   `json:"webhook"`
	Anonymous KubeletAnonymousAuthentication `json:"anonymous"`
}

type KubeletX509Authentication struct {
	ClientCAFile string `json:"clientCAFile,omitempty"`
}

type KubeletWebhookAuthentication struct {
	Enabled  *bool    `json:"enabled,omitempty"`
	CacheTTL Duration `json:"cacheTTL,omitempty"`
}

type KubeletAnonymousAuthentication struct {
	Enabled *bool `json:"enabled,omitempty"`
}

type KubeletAuthorization struct {
	Mode    string                      `json:"mode,omitempty"`
	Webhook KubeletWebhookAuthorization `json:"webhook"`
}

type KubeletWebhookAuthorization struct {
	CacheAuthorizedTTL   Duration `json:"cacheAuthorizedTTL,omitempty"`
	CacheUnauthorizedTTL Duration `json:"cacheUnauthorizedTTL,omitempty"`
}

type MemoryReservation struct {
	NumaNode int32               `json:"numaNode"`
	Limits   corev1.ResourceList `json:"limits"`
}

type ShutdownGracePeriodByPodPriority struct {
	Priority                   int32 `json:"priority"`
	ShutdownGracePeriodSeconds int64 `json:"shutdownGracePeriodSeconds"`
}

type MemorySwapConfiguration struct {
	SwapBehavior string `json:"swapBehavior,omitempty"`
}

type CrashLoopBackOffConfig struct {
	MaxContainerRestartPeriod *Duration `json:"maxContainerRestartPeriod,omitempty"`
}

type UserNamespaces struct {
	IDsPerPod *int64 `json:"idsPerPod,omitempty"`
}

type LoggingConfiguration struct {
	Format         string            `json:"format,omitempty"`
	FlushFrequency SecondsOrDuration `json:"flushFrequency"`
	Verbosity      uint32            `json:"verbosity"`
	VModule        []VModuleItem     `json:"vmodule,omitempty"`
	Options        FormatOptions     `json:"options,omitempty"`
}

type FormatOptions struct {
	Text TextOptions `json:"text,omitempty"`
	JSON JSONOptions `json:"json,omitempty"`
}

type TextOptions struct {
	OutputRoutingOptions
}

type JSONOptions struct {
	OutputRoutingOptions
}

// OutputRoutingOptions are alpha.
type OutputRoutingOptions struct {
	SplitStream    bool                   `json:"splitStream,omitempty"`
	InfoBufferSize resource.QuantityValue `json:"infoBufferSize,omitempty"`
}

type VModuleItem struct {
	FilePattern string `json:"filePattern"`
	Verbosity   uint32 `json:"verbosity"`
}

type TracingConfiguration struct {
	Endpoint               *string `json:"endpoint,omitempty"`
	SamplingRatePerMillion *int32  `json:"samplingRatePerMillion,omitempty"`
}

// Header stands for the values of an HTTP header, which may be credentials and are not kept.
type Header struct{}

// UnmarshalJSON takes what package redact leaves of a list.
func (*Header) UnmarshalJSON([]byte) error { return nil }

// SecondsOrDuration is component-base's TimeOrMetaDuration: a number of nanoseconds or a text.
type SecondsOrDuration struct{ Duration }

func (d *SecondsOrDuration) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return d.Duration.UnmarshalJSON(b)
	}
	if err := json.Unmarshal(b, &d.Duration.Duration.Duration); err != nil {
		return wrongType[Duration](b)
	}
	return nil
}

// Problems are those of pkg/kubelet/apis/config/validation that concern who may reach the kubelet. Rules about feature gates,
// paths and sizes are not looked at.
func (c *KubeletConfiguration) Problems() []*Fault {
	var p problems
	switch c.Authorization.Mode {
	case "", "AlwaysAllow", "Webhook":
	default: // cmd/kubelet/app/auth.go, BuildAuthz
		p.add("must be AlwaysAllow or Webhook", "authorization", "mode")
	}
	for _, port := range []struct {
		name  string
		value int32
	}{{"port", c.Port}, {"readOnlyPort", c.ReadOnlyPort}} {
		if port.value < 0 || port.value > 65535 {
			p.add("must be at most 65535", port.name)
		}
	}
	for i, t := range c.RegisterWithTaints {
		if t.TimeAdded != nil {
			p.add("not allowed", "registerWithTaints", i, "timeAdded")
		}
	}
	return p
}

// MergeKubelet lays a file of --config-dir over the configuration so far, both JSON: a JSON merge patch (RFC 7386), which
// replaces lists and removes what is null (cmd/kubelet/app/server.go, mergeKubeletConfigurations). Files are laid over by
// the lexical order of their paths, subdirectories included; only those named *.conf are.
func MergeKubelet(base, file []byte) ([]byte, error) {
	var b, f any
	if err := kjson.UnmarshalCaseSensitivePreserveInts(base, &b); err != nil {
		return nil, join(faults(base, err))
	}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(file, &f); err != nil {
		return nil, join(faults(file, err))
	}
	return json.Marshal(mergePatch(b, f))
}

func mergePatch(target, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	t, ok := target.(map[string]any)
	if !ok {
		t = map[string]any{}
	}
	for k, v := range p {
		if v == nil {
			delete(t, k)
		} else {
			t[k] = mergePatch(t[k], v)
		}
	}
	return t
}
