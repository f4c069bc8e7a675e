package cloud

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// managedKinds are objects that ask for a managed cluster.
var managedKinds = []schema.GroupKind{
	{Group: "eksctl.io", Kind: "ClusterConfig"},
	{Group: "controlplane.cluster.x-k8s.io", Kind: "AWSManagedControlPlane"},
	{Group: "infrastructure.cluster.x-k8s.io", Kind: "GCPManagedControlPlane"},
	{Group: "infrastructure.cluster.x-k8s.io", Kind: "AzureManagedControlPlane"},
	{Group: "infrastructure.cluster.x-k8s.io", Kind: "AzureASOManagedControlPlane"},
}

func (f *finder) managed() {
	for i, read := range [...]func(node) []Cluster{f.eksctl, f.awsControlPlane, f.gcpControlPlane, f.azureControlPlane,
		f.asoControlPlane} {
		for o := range f.inv.ByKind(managedKinds[i]) {
			for _, c := range read(f.root(o)) {
				c.Source, c.Planned = managedKinds[i].Kind, true
				if c.Name == "" {
					c.Name = o.Name()
				}
				f.add(c)
			}
		}
	}
}

// ConfigMapEntry is the type of an access entry that stands in the ConfigMap aws-auth.
const ConfigMapEntry = "aws-auth"

// eksctlFields: schema.eksctl.io. Defaults are those of eksctl create cluster (pkg/apis/eksctl.io/v1alpha5/defaults.go).
var eksctlFields = eksFields{
	name: path{"metadata", "name"}, version: path{"metadata", "version"},
	publicEndpoint:  path{"vpc", "clusterEndpoints", "publicAccess"},
	privateEndpoint: path{"vpc", "clusterEndpoints", "privateAccess"},
	allowed:         path{"vpc", "publicAccessCIDRs"},
	authMode:        path{"accessConfig", "authenticationMode"},
	creatorAdmin:    path{"accessConfig", "bootstrapClusterCreatorAdminPermissions"},
	encryption:      path{"secretsEncryption"}, keyARN: path{"keyARN"}, encrypted: path{"resources"},
	logTypes:      path{"cloudWatch", "clusterLogging", "enableTypes"},
	autoMode:      path{"autoModeConfig", "enabled"},
	outpost:       path{"outpost"},
	authModeUnset: means("API_AND_CONFIG_MAP"),
	creatorUnset:  means(true),
	publicUnset:   means(true),
	privateUnset:  means(false),
	versionUnset:  open[string]("eksctl takes its own default"),
	allowedUnset:  means([]string{everybody}),
	logsUnset:     means([]string(nil)),
}

var eksctlPool = eksPoolFields{name: path{"name"}, version: path{"version"}, image: path{"amiFamily"},
	sshKey: path{"ssh", "allow"}, sshIsSwitch: true,
	encrypted: path{"volumeEncrypted"},
	diskKey:   path{"volumeKmsKeyID"},
	noIMDS:    path{"disablePodIMDS"},
	role:      path{"iam", "instanceRoleARN"}}

func (f *finder) eksctl(n node) []Cluster {
	c := f.eksCluster(n, eksctlFields)
	c.WorkloadIdentity = boolean(n.at("iam", "withOIDC"), means(false))
	c.EntriesComplete = unclear[bool]("eksctl adds entries for nodes, and others may be added later", n.place)
	for _, e := range n.at("accessConfig", "accessEntries").list() {
		entry := AccessEntry{Principal: e.at("principalARN").str(), Username: text(e.at("kubernetesUsername"), means("")),
			PoliciesKnown: true,
			Groups:        texts(e.at("kubernetesGroups"), means([]string(nil))),
			Type:          text(e.at("type"), means("STANDARD")),
			Place:         e.place}
		for _, p := range e.at("accessPolicies").list() {
			entry.Policies = append(entry.Policies, accessPolicy(p.at("policyARN"), p.at("accessScope", "type"),
				p.at("accessScope", "namespaces"), p))
		}
		c.Entries = append(c.Entries, entry)
	}
	for _, e := range n.at("iamIdentityMappings").list() {
		principal := e.at("arn").str()
		if account := e.at("account").str(); principal == "" && account != "" {
			principal = "account " + account
		}
		c.Entries = append(c.Entries, AccessEntry{Principal: principal, Username: text(e.at("username"), means("")),
			PoliciesKnown: true,
			Groups:        texts(e.at("groups"), means([]string(nil))),
			Type:          Value[string]{V: ConfigMapEntry, Known: true, Place: e.place},
			Place:         e.place})
	}
	for _, p := range n.at("identityProviders").list() {
		c.Providers = append(c.Providers, IdentityProvider{Place: p.place,
			Issuer:         text(p.at("issuerURL"), open[string](notPrinted)),
			Audience:       text(p.at("clientID"), open[string](notPrinted)),
			UsernamePrefix: text(p.at("usernamePrefix"), means("")), GroupsPrefix: text(p.at("groupsPrefix"), means(""))})
	}
	for _, list := range [...]string{"nodeGroups", "managedNodeGroups"} {
		for _, g := range n.at(list).list() {
			p := eksPool(g, eksctlPool)
			if p.RemoteLogin.Default && hasPublicKey(g.at("ssh")) { // a key turns it on
				p.RemoteLogin = Value[bool]{V: true, Known: true, Place: g.at("ssh").place}
			}
			if g.at("disablePodIMDS").state == absent {
				p.MetadataHidden = Value[bool]{Known: true, Default: true, Place: g.place}
			}
			c.Pools = append(c.Pools, p)
		}
	}
	for _, a := range n.at("addons").list() {
		c.Addons = append(c.Addons, Addon{Name: a.at("name").str(),
			Version:  text(a.at("version"), open[string]("the newest of the day is taken")),
			Settings: text(a.at("configurationValues"), means("")), Place: a.place})
	}
	return []Cluster{c}
}

func hasPublicKey(ssh node) bool {
	m, _ := ssh.v.(map[string]any)
	for k := range m {
		if strings.HasPrefix(k, "publicKey") {
			return true
		}
	}
	return false
}

// awsFields: controlplane/eks/api/v1beta2 of cluster-api-provider-aws.
var awsFields = eksFields{
	name: path{"spec", "eksClusterName"}, version: path{"spec", "version"},
	publicEndpoint:  path{"spec", "endpointAccess", "public"},
	privateEndpoint: path{"spec", "endpointAccess", "private"},
	allowed:         path{"spec", "endpointAccess", "publicCIDRs"},
	authMode:        path{"spec", "accessConfig", "authenticationMode"},
	encryption:      path{"spec", "encryptionConfig"}, keyARN: path{"provider"}, encrypted: path{"resources"},
	authModeUnset: open[string]("the provider's default counts"),
	creatorUnset:  open[bool]("the provider's default counts"),
	publicUnset:   means(true),
	privateUnset:  means(false),
	versionUnset:  open[string]("the provider's default counts"), allowedUnset: means([]string{everybody}),
}

func (f *finder) awsControlPlane(n node) []Cluster {
	c := f.eksCluster(n, awsFields)
	c.WorkloadIdentity = boolean(n.at("spec", "associateOIDCProvider"), means(false))
	logging := n.at("spec", "logging")
	c.ControlPlaneLogs = then(isThere(logging), func(bool) []string { return nil })
	for _, log := range [...][2]string{{"apiServer", "api"}, {"audit", "audit"}, {"authenticator", "authenticator"},
		{"controllerManager", "controllerManager"}, {"scheduler", "scheduler"}} {
		if on := boolean(logging.at(log[0]), means(false)); on.Known && on.V {
			c.ControlPlaneLogs.V = append(c.ControlPlaneLogs.V, log[1])
		}
	}
	c.AuditLog = then(c.ControlPlaneLogs, func(types []string) bool { return slices.Contains(types, "audit") })
	if p := n.at("spec", "oidcIdentityProviderConfig"); p.state == present {
		c.Providers = append(c.Providers, IdentityProvider{Place: p.place,
			Issuer:         text(p.at("issuerUrl"), open[string](notPrinted)),
			Audience:       text(p.at("clientId"), open[string](notPrinted)),
			UsernamePrefix: text(p.at("usernamePrefix"), means("")), GroupsPrefix: text(p.at("groupsPrefix"), means(""))})
	}
	for _, kind := range [...]string{"mapRoles", "mapUsers"} {
		for _, e := range n.at("spec", "iamAuthenticatorConfig", kind).list() {
			principal := e.at("rolearn").str()
			if kind == "mapUsers" {
				principal = e.at("userarn").str()
			}
			c.Entries = append(c.Entries, AccessEntry{Principal: principal, Username: text(e.at("username"), means("")),
				PoliciesKnown: true,
				Groups:        texts(e.at("groups"), means([]string(nil))),
				Type:          Value[string]{V: ConfigMapEntry, Known: true, Place: e.place},
				Place:         e.place})
		}
	}
	for _, a := range n.at("spec", "addons").list() {
		c.Addons = append(c.Addons, Addon{Name: a.at("name").str(),
			Version:  text(a.at("version"), open[string](notPrinted)),
			Settings: text(a.at("configuration"), means("")), Place: a.place})
	}
	return []Cluster{c}
}

// gcpFields: exp/api/v1beta1 of cluster-api-provider-gcp, which has few of GKE's fields. What it does not have is GKE's
// default.
var gcpFields = gkeFields{
	name:           path{"spec", "clusterName"},
	location:       path{"spec", "location"},
	version:        path{"spec", "version"},
	channel:        path{"spec", "releaseChannel"},
	autopilot:      path{"spec", "enableAutopilot"},
	oldPrivateOnly: path{"spec", "clusterNetwork", "privateCluster", "enablePrivateEndpoint"},
	privateNodes:   path{"spec", "clusterNetwork", "privateCluster", "enablePrivateNodes"},
	authorized:     path{"spec", "master_authorized_networks_config"},
	blocks:         path{"spec", "master_authorized_networks_config", "cidr_blocks"},
	cidr:           path{"cidr_block"},
	workloadPool:   path{"spec", "clusterSecurity", "workloadIdentityConfig", "workloadPool"},
	groups:         path{"spec", "clusterSecurity", "authenticatorGroupConfig", "securityGroups"},
	shieldedUnset:  open[bool]("GKE's default counts"), blocksAreOn: true,
}

func (f *finder) gcpControlPlane(n node) []Cluster {
	c := f.gkeCluster(n, gcpFields)
	if !c.Version.Known {
		c.Version = text(n.at("spec", "controlPlaneVersion"), open[string]("the release channel decides it"))
	}
	return []Cluster{c}
}

// azureFields: api/v1beta1 of cluster-api-provider-azure, AzureManagedControlPlaneSpec.
var azureFields = aksFields{
	name:             path{"metadata", "name"},
	version:          path{"spec", "version"},
	private:          path{"spec", "apiServerAccessProfile", "enablePrivateCluster"},
	allowed:          path{"spec", "apiServerAccessProfile", "authorizedIPRanges"},
	directory:        path{"spec", "aadProfile"},
	adminGroups:      path{"spec", "aadProfile", "adminGroupObjectIDs"},
	localDisabled:    path{"spec", "disableLocalAccounts"},
	kmsOn:            path{"spec", "securityProfile", "azureKeyVaultKms", "enabled"},
	kmsKey:           path{"spec", "securityProfile", "azureKeyVaultKms", "keyID"},
	policy:           path{"spec", "networkPolicy"},
	dataplane:        path{"spec", "networkDataplane"},
	workloadIdentity: path{"spec", "securityProfile", "workloadIdentity", "enabled"},
	defender:         path{"spec", "securityProfile", "defender", "securityMonitoring", "enabled"},
	cleaner:          path{"spec", "securityProfile", "imageCleaner", "enabled"},
}

func (f *finder) azureControlPlane(n node) []Cluster { return []Cluster{f.aksCluster(n, azureFields)} }

// asoControlPlane reads the resources of Azure Service Operator that the control plane is made of. They have the fields of
// the REST API.
func (f *finder) asoControlPlane(n node) []Cluster {
	var out []Cluster
	for _, r := range n.at("spec", "resources").list() {
		if r.at("kind").str() != "ManagedCluster" || !strings.HasPrefix(r.at("apiVersion").str(),
			"containerservice.azure.com/") {
			continue
		}
		c := f.aksCluster(r.at("spec"), aksShow)
		c.Name = r.at("metadata", "name").str()
		out = append(out, c)
	}
	return out
}
