package cloud

import (
	"strings"

	"github.com/nist190/nist190/internal/format"
)

// aksFields are the fields of an AKS cluster in one dialect.
type aksFields struct {
	name, version, oldVersion                        path
	private, allowed                                 path
	directory, azureRBAC, adminGroups                path
	localDisabled, kms, kmsOn, kmsKey                path
	policy, dataplane, transitOn, transit            path
	workloadIdentity, defender, cleaner, policyAddon path
	secretStore, secretStoreBlock, diskSet, pools    path
	defenderIsBlock                                  bool
	pool                                             aksPoolFields
}

type aksPoolFields struct {
	name, version, image, hostEncryption, oldHostEncryption, publicIP, secureBoot, runtime path
}

// aksShow: the ManagedCluster of Microsoft.ContainerService as az aks show prints it. Fields that are not set are null.
var aksShow = aksFields{
	name: path{"name"}, version: path{"currentKubernetesVersion"}, oldVersion: path{"kubernetesVersion"},
	private:       path{"apiServerAccessProfile", "enablePrivateCluster"},
	allowed:       path{"apiServerAccessProfile", "authorizedIpRanges"},
	directory:     path{"aadProfile"},
	azureRBAC:     path{"aadProfile", "enableAzureRbac"},
	adminGroups:   path{"aadProfile", "adminGroupObjectIDs"},
	localDisabled: path{"disableLocalAccounts"},
	kms:           path{"securityProfile", "azureKeyVaultKms"},
	kmsOn:         path{"securityProfile", "azureKeyVaultKms", "enabled"},
	kmsKey:        path{"securityProfile", "azureKeyVaultKms", "keyId"},
	policy:        path{"networkProfile", "networkPolicy"}, dataplane: path{"networkProfile", "networkDataplane"},
	transitOn:        path{"networkProfile", "advancedNetworking", "enabled"},
	transit:          path{"networkProfile", "advancedNetworking", "security", "transitEncryption", "type"},
	workloadIdentity: path{"securityProfile", "workloadIdentity", "enabled"},
	defender:         path{"securityProfile", "defender", "securityMonitoring", "enabled"},
	cleaner:          path{"securityProfile", "imageCleaner", "enabled"},
	policyAddon:      path{"addonProfiles", "azurepolicy", "enabled"},
	secretStore:      path{"addonProfiles", "azureKeyvaultSecretsProvider", "enabled"},
	diskSet:          path{"diskEncryptionSetId"},
	pools:            path{"agentPoolProfiles"},
	pool: aksPoolFields{
		name:           path{"name"},
		version:        path{"currentOrchestratorVersion"},
		image:          path{"osSku"},
		hostEncryption: path{"enableEncryptionAtHost"},
		publicIP:       path{"enableNodePublicIp"},
		secureBoot:     path{"securityProfile", "enableSecureBoot"},
		runtime:        path{"workloadRuntime"},
	},
}

func (f *finder) aks() {
	f.each(format.AKSCluster, func(n node) {
		c := f.aksCluster(n, aksShow)
		c.Source = "az aks show"
		f.add(c)
	})
}

func (f *finder) aksCluster(n node, of aksFields) Cluster {
	at := func(p path) node {
		if p == nil {
			return node{f: f, place: n.place}
		}
		return n.at(p...)
	}
	flag := func(p path) Value[bool] { return boolean(at(p), means(false)) }
	c := Cluster{Vendor: AKS, Name: at(of.name).str(), Place: n.place}
	c.Version = text(at(of.version), open[string](notPrinted))
	if !c.Version.Known && of.oldVersion != nil {
		c.Version = text(at(of.oldVersion), open[string](notPrinted))
	}
	c.Regional = unclear[bool]("the description does not say how many replicas the control plane has", n.place)
	c.NodesManaged = then(text(n.at("sku", "name"), means("Base")), func(s string) bool { return s == "Automatic" })
	c.External = of0(n)
	private := flag(of.private)
	c.PublicEndpoint, c.PrivateEndpoint = not(private), private
	c.AllowedNetworks = then(texts(at(of.allowed), means([]string(nil))), func(l []string) []string {
		if len(l) == 0 {
			return []string{everybody}
		}
		return l
	})
	c.Directory = then(isThere(at(of.directory)), func(on bool) string {
		if on {
			return "Microsoft Entra ID"
		}
		return ""
	})
	c.DirectoryAuthorizes = flag(of.azureRBAC)
	c.AdminGroups = texts(at(of.adminGroups), means([]string(nil)))
	c.LocalAccounts = not(flag(of.localDisabled))
	c.ConfigMapAuth, c.LegacyABAC = of0(n), of0(n)
	c.CreatorIsAdmin = unclear[bool]("roles of Azure at the cluster decide it", n.place)
	c.EntriesComplete = unclear[bool]("role assignments of Azure are not in the description", n.place)
	kms := flag(of.kmsOn)
	if of.kmsOn == nil {
		kms = isThere(at(of.kms))
	}
	c.SecretsKey = then(kms, func(on bool) Key {
		if !on {
			return Key{}
		}
		return Key{Set: true, Name: at(of.kmsKey).str(), Resources: []string{"secrets"}}
	})
	c.ControlPlaneLogs = unclear[[]string]("diagnostic settings of the cluster decide it, which the description does not have", n.place)
	c.AuditLog = unclear[bool](c.ControlPlaneLogs.Why, n.place)
	c.NetworkPolicy = aksPolicy(text(at(of.policy), means("")), text(at(of.dataplane), means("")))
	c.TransitEncryption = then(text(at(of.transit), means("")),
		func(s string) bool { return strings.EqualFold(s, "WireGuard") })
	if on := flag(of.transitOn); of.transitOn != nil && on.Known && !on.V {
		c.TransitEncryption = on
	}
	c.WorkloadIdentity = flag(of.workloadIdentity)
	if of.defenderIsBlock {
		c.ThreatDetection = isThere(at(of.defender))
	} else {
		c.ThreatDetection = flag(of.defender)
	}
	c.ImageCleaner = flag(of.cleaner)
	c.PolicyAddon = flag(of.policyAddon)
	c.SecretStore = flag(of.secretStore)
	if of.secretStoreBlock != nil {
		c.SecretStore = isThere(at(of.secretStoreBlock))
	}
	diskKey := then(text(at(of.diskSet), means("")), func(s string) Key { return Key{Set: s != "", Name: s} })
	for _, p := range at(of.pools).list() {
		c.Pools = append(c.Pools, aksPool(p, of.pool, diskKey))
	}
	return c
}

func aksPolicy(policy, dataplane Value[string]) Value[string] {
	if dataplane.Known && dataplane.V == "cilium" && policy.Known && policy.V == "" {
		return then(dataplane, func(s string) string { return s })
	}
	return then(policy, func(s string) string {
		if s == "none" {
			return ""
		}
		return s
	})
}

func aksPool(n node, of aksPoolFields, diskKey Value[Key]) Pool {
	at := func(p path) node {
		if p == nil {
			return node{f: n.f, place: n.place}
		}
		return n.at(p...)
	}
	p := Pool{Name: at(of.name).str(), Place: n.place, DiskKey: diskKey}
	p.Version = text(at(of.version), open[string](notPrinted))
	p.Image = text(at(of.image), open[string](notPrinted))
	p.DisksEncrypted = unclear[bool]("the vendor states it of all disks", n.place)
	p.HostEncryption = boolean(at(of.hostEncryption), means(false))
	if of.oldHostEncryption != nil && (!p.HostEncryption.Known || p.HostEncryption.Default) {
		if old := at(of.oldHostEncryption); old.state == present {
			p.HostEncryption = boolean(old, means(false))
		}
	}
	p.PublicAddresses = boolean(at(of.publicIP), means(false))
	p.SecureBoot = boolean(at(of.secureBoot), means(false))
	p.Integrity = unclear[bool](notPrinted, n.place)
	p.Sandbox = then(text(at(of.runtime), means("")), func(s string) string {
		if strings.HasPrefix(strings.ToLower(s), "kata") {
			return "kata"
		}
		return ""
	})
	p.MetadataHidden = unclear[bool]("network policies or the identity of the nodes decide it", n.place)
	p.ServiceAccount = unclear[string](notPrinted, n.place)
	p.RemoteLogin = unclear[bool](notPrinted, n.place)
	return p
}
