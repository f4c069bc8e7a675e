package config

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// V1beta3ClusterConfiguration and the structs below are kubeadm.k8s.io/v1beta3, which kubeadm reads up to 1.36
// (cmd/kubeadm/app/apis/kubeadm/v1beta3/types.go).
type V1beta3ClusterConfiguration struct {
	metav1.TypeMeta
	Etcd                 V1beta3Etcd                  `json:"etcd,omitempty"`
	Networking           Networking                   `json:"networking,omitempty"`
	KubernetesVersion    string                       `json:"kubernetesVersion,omitempty"`
	ControlPlaneEndpoint string                       `json:"controlPlaneEndpoint,omitempty"`
	APIServer            V1beta3APIServer             `json:"apiServer,omitempty"`
	ControllerManager    V1beta3ControlPlaneComponent `json:"controllerManager,omitempty"`
	Scheduler            V1beta3ControlPlaneComponent `json:"scheduler,omitempty"`
	DNS                  V1beta3DNS                   `json:"dns,omitempty"`
	CertificatesDir      string                       `json:"certificatesDir,omitempty"`
	ImageRepository      string                       `json:"imageRepository,omitempty"`
	FeatureGates         map[string]bool              `json:"featureGates,omitempty"`
	ClusterName          string                       `json:"clusterName,omitempty"`
}

type V1beta3InitConfiguration struct {
	metav1.TypeMeta
	BootstrapTokens  []BootstrapToken               `json:"bootstrapTokens,omitempty"`
	NodeRegistration V1beta3NodeRegistrationOptions `json:"nodeRegistration,omitempty"`
	LocalAPIEndpoint APIEndpoint                    `json:"localAPIEndpoint,omitempty"`
	CertificateKey   Secret                         `json:"certificateKey,omitempty"`
	SkipPhases       []string                       `json:"skipPhases,omitempty"`
	Patches          *Patches                       `json:"patches,omitempty"`
}

type V1beta3JoinConfiguration struct {
	metav1.TypeMeta
	NodeRegistration V1beta3NodeRegistrationOptions `json:"nodeRegistration,omitempty"`
	CACertPath       string                         `json:"caCertPath,omitempty"`
	Discovery        V1beta3Discovery               `json:"discovery"`
	ControlPlane     *JoinControlPlane              `json:"controlPlane,omitempty"`
	SkipPhases       []string                       `json:"skipPhases,omitempty"`
	Patches          *Patches                       `json:"patches,omitempty"`
}

type V1beta3ControlPlaneComponent struct {
	ExtraArgs    map[string]string `json:"extraArgs,omitempty"`
	ExtraVolumes []HostPathMount   `json:"extraVolumes,omitempty"`
}

type V1beta3APIServer struct {
	V1beta3ControlPlaneComponent
	CertSANs               []string  `json:"certSANs,omitempty"`
	TimeoutForControlPlane *Duration `json:"timeoutForControlPlane,omitempty"`
}

type V1beta3DNS struct {
	ImageMeta
}

type V1beta3NodeRegistrationOptions struct {
	Name                  string            `json:"name,omitempty"`
	CRISocket             string            `json:"criSocket,omitempty"`
	Taints                []corev1.Taint    `json:"taints"`
	KubeletExtraArgs      map[string]string `json:"kubeletExtraArgs,omitempty"`
	IgnorePreflightErrors []string          `json:"ignorePreflightErrors,omitempty"`
	ImagePullPolicy       corev1.PullPolicy `json:"imagePullPolicy,omitempty"`
}

type V1beta3Etcd struct {
	Local    *V1beta3LocalEtcd    `json:"local,omitempty"`
	External *V1beta3ExternalEtcd `json:"external,omitempty"`
}

type V1beta3LocalEtcd struct {
	ImageMeta
	DataDir        string            `json:"dataDir"`
	ExtraArgs      map[string]string `json:"extraArgs,omitempty"`
	ServerCertSANs []string          `json:"serverCertSANs,omitempty"`
	PeerCertSANs   []string          `json:"peerCertSANs,omitempty"`
}

type V1beta3ExternalEtcd struct {
	Endpoints []string `json:"endpoints"`
	CAFile    string   `json:"caFile"`
	CertFile  string   `json:"certFile"`
	KeyFile   string   `json:"keyFile"`
}

type V1beta3Discovery struct {
	BootstrapToken    *BootstrapTokenDiscovery `json:"bootstrapToken,omitempty"`
	File              *FileDiscovery           `json:"file,omitempty"`
	TLSBootstrapToken Secret                   `json:"tlsBootstrapToken,omitempty"`
	Timeout           *Duration                `json:"timeout,omitempty"`
}

// The conversions are those of cmd/kubeadm/app/apis/kubeadm/v1beta3/conversion.go. The time to wait for the control plane has no
// field in the newer ClusterConfiguration and is dropped.

func (c *V1beta3ClusterConfiguration) Convert() *ClusterConfiguration {
	return &ClusterConfiguration{
		TypeMeta: c.TypeMeta, Etcd: c.Etcd.Convert(), Networking: c.Networking, KubernetesVersion: c.KubernetesVersion,
		ControlPlaneEndpoint: c.ControlPlaneEndpoint,
		APIServer:            APIServer{ControlPlaneComponent: c.APIServer.Convert(), CertSANs: c.APIServer.CertSANs},
		ControllerManager:    c.ControllerManager.Convert(), Scheduler: c.Scheduler.Convert(),
		DNS: DNS{ImageMeta: c.DNS.ImageMeta}, CertificatesDir: c.CertificatesDir, ImageRepository: c.ImageRepository,
		FeatureGates: c.FeatureGates, ClusterName: c.ClusterName,
	}
}

func (c *V1beta3InitConfiguration) Convert() *InitConfiguration {
	return &InitConfiguration{
		TypeMeta: c.TypeMeta, BootstrapTokens: c.BootstrapTokens, NodeRegistration: c.NodeRegistration.Convert(),
		LocalAPIEndpoint: c.LocalAPIEndpoint, CertificateKey: c.CertificateKey, SkipPhases: c.SkipPhases, Patches: c.Patches,
	}
}

func (c *V1beta3JoinConfiguration) Convert() *JoinConfiguration {
	out := &JoinConfiguration{
		TypeMeta: c.TypeMeta, NodeRegistration: c.NodeRegistration.Convert(), CACertPath: c.CACertPath,
		Discovery:    Discovery{BootstrapToken: c.Discovery.BootstrapToken, File: c.Discovery.File, TLSBootstrapToken: c.Discovery.TLSBootstrapToken},
		ControlPlane: c.ControlPlane, SkipPhases: c.SkipPhases, Patches: c.Patches,
	}
	if c.Discovery.Timeout != nil {
		out.Timeouts = &Timeouts{Discovery: c.Discovery.Timeout}
	}
	return out
}

func (c V1beta3ControlPlaneComponent) Convert() ControlPlaneComponent {
	return ControlPlaneComponent{ExtraArgs: args(c.ExtraArgs), ExtraVolumes: c.ExtraVolumes}
}

func (o V1beta3NodeRegistrationOptions) Convert() NodeRegistrationOptions {
	return NodeRegistrationOptions{
		Name: o.Name, CRISocket: o.CRISocket, Taints: o.Taints, KubeletExtraArgs: args(o.KubeletExtraArgs),
		IgnorePreflightErrors: o.IgnorePreflightErrors, ImagePullPolicy: o.ImagePullPolicy,
	}
}

func (e V1beta3Etcd) Convert() Etcd {
	var out Etcd
	if l := e.Local; l != nil {
		out.Local = &LocalEtcd{
			ImageMeta: l.ImageMeta, DataDir: l.DataDir, ExtraArgs: args(l.ExtraArgs),
			ServerCertSANs: l.ServerCertSANs, PeerCertSANs: l.PeerCertSANs,
		}
	}
	if x := e.External; x != nil {
		out.External = &ExternalEtcd{Endpoints: x.Endpoints, CAFile: x.CAFile, CertFile: x.CertFile, KeyFile: x.KeyFile}
	}
	return out
}

// args orders arguments by name, as kubeadm does.
func args(m map[string]string) []Arg {
	var out []Arg
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, Arg{Name: name, Value: m[name]})
	}
	return out
}
