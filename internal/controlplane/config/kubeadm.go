package config

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nist190/nist190/internal/rawjson"
	"github.com/nist190/nist190/internal/redact"
)

// ClusterConfiguration is what kubeadm keeps in the ConfigMap kube-system/kubeadm-config: kubeadm.k8s.io v1 and v1beta4, whose
// arguments have no mergeMethod, and v1beta3 converted.
type ClusterConfiguration struct {
	metav1.TypeMeta
	Etcd                        Etcd                  `json:"etcd,omitempty"`
	Networking                  Networking            `json:"networking,omitempty"`
	KubernetesVersion           string                `json:"kubernetesVersion,omitempty"`
	ControlPlaneEndpoint        string                `json:"controlPlaneEndpoint,omitempty"`
	APIServer                   APIServer             `json:"apiServer,omitempty"`
	ControllerManager           ControlPlaneComponent `json:"controllerManager,omitempty"`
	Scheduler                   ControlPlaneComponent `json:"scheduler,omitempty"`
	DNS                         DNS                   `json:"dns,omitempty"`
	Proxy                       Proxy                 `json:"proxy,omitempty"`
	CertificatesDir             string                `json:"certificatesDir,omitempty"`
	ImageRepository             string                `json:"imageRepository,omitempty"`
	FeatureGates                map[string]bool       `json:"featureGates,omitempty"`
	ClusterName                 string                `json:"clusterName,omitempty"`
	EncryptionAlgorithm         string                `json:"encryptionAlgorithm,omitempty"`
	CertificateValidityPeriod   *Duration             `json:"certificateValidityPeriod,omitempty"`
	CACertificateValidityPeriod *Duration             `json:"caCertificateValidityPeriod,omitempty"`
}

// InitConfiguration is what "kubeadm init" reads beside it.
type InitConfiguration struct {
	metav1.TypeMeta
	BootstrapTokens  []BootstrapToken        `json:"bootstrapTokens,omitempty"`
	DryRun           bool                    `json:"dryRun,omitempty"`
	NodeRegistration NodeRegistrationOptions `json:"nodeRegistration,omitempty"`
	LocalAPIEndpoint APIEndpoint             `json:"localAPIEndpoint,omitempty"`
	CertificateKey   Secret                  `json:"certificateKey,omitempty"`
	SkipPhases       []string                `json:"skipPhases,omitempty"`
	Patches          *Patches                `json:"patches,omitempty"`
	Timeouts         *Timeouts               `json:"timeouts,omitempty"`
}

// JoinConfiguration is what "kubeadm join" reads.
type JoinConfiguration struct {
	metav1.TypeMeta
	DryRun           bool                    `json:"dryRun,omitempty"`
	NodeRegistration NodeRegistrationOptions `json:"nodeRegistration,omitempty"`
	CACertPath       string                  `json:"caCertPath,omitempty"`
	Discovery        Discovery               `json:"discovery"`
	ControlPlane     *JoinControlPlane       `json:"controlPlane,omitempty"`
	SkipPhases       []string                `json:"skipPhases,omitempty"`
	Patches          *Patches                `json:"patches,omitempty"`
	Timeouts         *Timeouts               `json:"timeouts,omitempty"`
}

type ControlPlaneComponent struct {
	ExtraArgs    []Arg           `json:"extraArgs,omitempty"`
	ExtraVolumes []HostPathMount `json:"extraVolumes,omitempty"`
	ExtraEnvs    []EnvVar        `json:"extraEnvs,omitempty"`
}

type APIServer struct {
	ControlPlaneComponent
	CertSANs []string `json:"certSANs,omitempty"`
}

type DNS struct {
	ImageMeta
	Disabled bool `json:"disabled,omitempty"`
}

type Proxy struct {
	Disabled bool `json:"disabled,omitempty"`
}

type ImageMeta struct {
	ImageRepository string `json:"imageRepository,omitempty"`
	ImageTag        string `json:"imageTag,omitempty"`
}

type APIEndpoint struct {
	AdvertiseAddress string `json:"advertiseAddress,omitempty"`
	BindPort         int32  `json:"bindPort,omitempty"`
}

type NodeRegistrationOptions struct {
	Name                  string            `json:"name,omitempty"`
	CRISocket             string            `json:"criSocket,omitempty"`
	Taints                []corev1.Taint    `json:"taints"`
	KubeletExtraArgs      []Arg             `json:"kubeletExtraArgs,omitempty"`
	IgnorePreflightErrors []string          `json:"ignorePreflightErrors,omitempty"`
	ImagePullPolicy       corev1.PullPolicy `json:"imagePullPolicy,omitempty"`
	ImagePullSerial       *bool             `json:"imagePullSerial,omitempty"`
}

type Networking struct {
	ServiceSubnet string `json:"serviceSubnet,omitempty"`
	PodSubnet     string `json:"podSubnet,omitempty"`
	DNSDomain     string `json:"dnsDomain,omitempty"`
}

type Etcd struct {
	Local    *LocalEtcd    `json:"local,omitempty"`
	External *ExternalEtcd `json:"external,omitempty"`
}

type LocalEtcd struct {
	ImageMeta
	DataDir        string   `json:"dataDir"`
	ExtraArgs      []Arg    `json:"extraArgs,omitempty"`
	ExtraEnvs      []EnvVar `json:"extraEnvs,omitempty"`
	ServerCertSANs []string `json:"serverCertSANs,omitempty"`
	PeerCertSANs   []string `json:"peerCertSANs,omitempty"`
}

type ExternalEtcd struct {
	Endpoints     []string `json:"endpoints"`
	HTTPEndpoints []string `json:"httpEndpoints,omitempty"`
	CAFile        string   `json:"caFile"`
	CertFile      string   `json:"certFile"`
	KeyFile       string   `json:"keyFile"`
}

type JoinControlPlane struct {
	LocalAPIEndpoint APIEndpoint `json:"localAPIEndpoint,omitempty"`
	CertificateKey   Secret      `json:"certificateKey,omitempty"`
}

type Discovery struct {
	BootstrapToken    *BootstrapTokenDiscovery `json:"bootstrapToken,omitempty"`
	File              *FileDiscovery           `json:"file,omitempty"`
	TLSBootstrapToken Secret                   `json:"tlsBootstrapToken,omitempty"`
}

type BootstrapTokenDiscovery struct {
	Token                    Secret   `json:"token"`
	APIServerEndpoint        string   `json:"apiServerEndpoint,omitempty"`
	CACertHashes             []string `json:"caCertHashes,omitempty"`
	UnsafeSkipCAVerification bool     `json:"unsafeSkipCAVerification,omitempty"`
}

type FileDiscovery struct {
	KubeConfigPath string `json:"kubeConfigPath"`
}

type HostPathMount struct {
	Name      string              `json:"name"`
	HostPath  string              `json:"hostPath"`
	MountPath string              `json:"mountPath"`
	ReadOnly  bool                `json:"readOnly,omitempty"`
	PathType  corev1.HostPathType `json:"pathType,omitempty"`
}

type Patches struct {
	Directory string `json:"directory,omitempty"`
}

// Arg is an argument of a component. It replaces what kubeadm would pass by the same name, or is joined to it by a comma
// as mergeMethod says, "append" or "prepend" (v1 only; cmd/kubeadm/app/util/arguments.go).
type Arg struct {
	Name        string `json:"name"`
	Value       string `json:"value"`
	MergeMethod string `json:"mergeMethod,omitempty"`
}

type EnvVar struct {
	corev1.EnvVar
}

type Timeouts struct {
	ControlPlaneComponentHealthCheck *Duration `json:"controlPlaneComponentHealthCheck,omitempty"`
	KubeletHealthCheck               *Duration `json:"kubeletHealthCheck,omitempty"`
	KubernetesAPICall                *Duration `json:"kubernetesAPICall,omitempty"`
	EtcdAPICall                      *Duration `json:"etcdAPICall,omitempty"`
	TLSBootstrap                     *Duration `json:"tlsBootstrap,omitempty"`
	Discovery                        *Duration `json:"discovery,omitempty"`
	UpgradeManifests                 *Duration `json:"upgradeManifests,omitempty"`
}

type BootstrapToken struct {
	Token       *Secret      `json:"token"`
	Description string       `json:"description,omitempty"`
	TTL         *Duration    `json:"ttl,omitempty"`
	Expires     *metav1.Time `json:"expires,omitempty"`
	Usages      []string     `json:"usages,omitempty"`
	Groups      []string     `json:"groups,omitempty"`
}

// mergeMethod is unknown to v1beta4, where alone the structs differ from those of v1.
func (c *ClusterConfiguration) decodeNested(data []byte) ([]error, error) {
	if c.APIVersion != "kubeadm.k8s.io/v1beta4" {
		return nil, nil
	}
	errs := append(noMerge(data, c.APIServer.ExtraArgs, "apiServer", "extraArgs"),
		noMerge(data, c.ControllerManager.ExtraArgs, "controllerManager", "extraArgs")...)
	errs = append(errs, noMerge(data, c.Scheduler.ExtraArgs, "scheduler", "extraArgs")...)
	if c.Etcd.Local != nil {
		errs = append(errs, noMerge(data, c.Etcd.Local.ExtraArgs, "etcd", "local", "extraArgs")...)
	}
	return errs, nil
}

func (c *InitConfiguration) decodeNested(data []byte) ([]error, error) {
	if c.APIVersion != "kubeadm.k8s.io/v1beta4" {
		return nil, nil
	}
	return noMerge(data, c.NodeRegistration.KubeletExtraArgs, "nodeRegistration", "kubeletExtraArgs"), nil
}

func (c *JoinConfiguration) decodeNested(data []byte) ([]error, error) {
	if c.APIVersion != "kubeadm.k8s.io/v1beta4" {
		return nil, nil
	}
	return noMerge(data, c.NodeRegistration.KubeletExtraArgs, "nodeRegistration", "kubeletExtraArgs"), nil
}

// noMerge removes mergeMethod from arguments and says where it was; data are the document, path that of the arguments.
func noMerge(data []byte, args []Arg, path ...any) (strict []error) {
	value := data
	for _, name := range path {
		found := value
		value = nil
		for key, v := range rawjson.Members(found) {
			if key == name {
				value = v
			}
		}
	}
	i := 0
	for _, arg := range rawjson.Elements(value) {
		for key := range rawjson.Members(arg) {
			if key == "mergeMethod" {
				strict = append(strict, &Fault{Path: at(path, i, key), Msg: "unknown field"})
			}
		}
		i++
	}
	for i := range args {
		args[i].MergeMethod = ""
	}
	return strict
}

// Problems are arguments without a name (cmd/kubeadm/app/apis/kubeadm/validation, ValidateExtraArgs) and ways to merge that
// are not known.
func (c *ClusterConfiguration) Problems() []*Fault {
	var p problems
	p.args(c.APIServer.ExtraArgs, "apiServer", "extraArgs")
	p.args(c.ControllerManager.ExtraArgs, "controllerManager", "extraArgs")
	p.args(c.Scheduler.ExtraArgs, "scheduler", "extraArgs")
	if c.Etcd.Local != nil {
		p.args(c.Etcd.Local.ExtraArgs, "etcd", "local", "extraArgs")
		if c.Etcd.External != nil {
			p.add("local and external exclude each other", "etcd")
		}
	}
	return p
}

// Problems are those of the arguments, and tokens of another length than bootstrap tokens have
// (cmd/kubeadm/app/apis/bootstraptoken/v1/utils.go).
func (c *InitConfiguration) Problems() []*Fault {
	var p problems
	p.args(c.NodeRegistration.KubeletExtraArgs, "nodeRegistration", "kubeletExtraArgs")
	for i, t := range c.BootstrapTokens {
		if t.Token == nil || t.Token.Class != redact.Text || t.Token.Length != int64(len("abcdef.0123456789abcdef")) {
			p.add("no bootstrap token", "bootstrapTokens", i, "token")
		}
	}
	return p
}

// Problems are those of the arguments and of the way to trust the control plane
// (cmd/kubeadm/app/apis/kubeadm/validation, ValidateDiscovery).
func (c *JoinConfiguration) Problems() []*Fault {
	var p problems
	p.args(c.NodeRegistration.KubeletExtraArgs, "nodeRegistration", "kubeletExtraArgs")
	d := c.Discovery
	switch {
	case d.BootstrapToken == nil && d.File == nil:
		p.add("bootstrapToken or file is required", "discovery")
	case d.BootstrapToken != nil && d.File != nil:
		p.add("bootstrapToken and file exclude each other", "discovery")
	case d.BootstrapToken != nil && len(d.BootstrapToken.CACertHashes) == 0 && !d.BootstrapToken.UnsafeSkipCAVerification:
		p.add("caCertHashes or unsafeSkipCAVerification is required", "discovery", "bootstrapToken")
	}
	return p
}

func (p *problems) args(args []Arg, path ...any) {
	for i, a := range args {
		if a.Name == "" {
			p.add("an argument without a name", at(path, i, "name")...)
		}
		switch a.MergeMethod {
		case "", "append", "prepend":
		default:
			p.add("must be append or prepend", at(path, i, "mergeMethod")...)
		}
	}
}
