package cloud

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/nist190/nist190/internal/format"
)

// path is where a dialect writes a field; nil where it does not have it.
type path []any

// eksFields are the fields of an EKS cluster in one dialect.
type eksFields struct {
	name, version, platform                  path
	publicEndpoint, privateEndpoint, allowed path
	authMode, creatorAdmin                   path
	encryption                               path // the block; keyARN and encrypted are below it
	keyARN, encrypted                        path
	logTypes                                 path // list of texts
	issuer, autoMode, outpost, connector     path
	authModeUnset                            unset[string]
	creatorUnset, publicUnset, privateUnset  unset[bool]
	versionUnset                             unset[string]
	allowedUnset                             unset[[]string]
	logsUnset                                unset[[]string]
}

const notPrinted = "the description does not have it"

// eksDescribe: the Cluster of docs.aws.amazon.com/eks/latest/APIReference. Its answers have every field that is set.
var eksDescribe = eksFields{
	name: path{"name"}, version: path{"version"}, platform: path{"platformVersion"},
	publicEndpoint:  path{"resourcesVpcConfig", "endpointPublicAccess"},
	privateEndpoint: path{"resourcesVpcConfig", "endpointPrivateAccess"},
	allowed:         path{"resourcesVpcConfig", "publicAccessCidrs"},
	authMode:        path{"accessConfig", "authenticationMode"},
	creatorAdmin:    path{"accessConfig", "bootstrapClusterCreatorAdminPermissions"},
	encryption:      path{"encryptionConfig"}, keyARN: path{0, "provider", "keyArn"}, encrypted: path{0, "resources"},
	issuer: path{"identity", "oidc", "issuer"}, autoMode: path{"computeConfig", "enabled"},
	outpost: path{"outpostConfig"}, connector: path{"connectorConfig"},
	authModeUnset: open[string](notPrinted),
	creatorUnset:  open[bool]("the description does not have it; the default of a new cluster is true"),
	publicUnset:   open[bool](notPrinted),
	privateUnset:  open[bool](notPrinted),
	versionUnset:  open[string](notPrinted),
	allowedUnset:  open[[]string](notPrinted),
}

// eks reads what aws eks prints.
func (f *finder) eks() {
	from := len(f.out.Clusters)
	f.each(format.EKSCluster, func(n node) {
		n = n.at("cluster")
		c := f.eksCluster(n, eksDescribe)
		c.Source = "aws eks describe-cluster"
		c.ControlPlaneLogs = clusterLogging(n.at("logging", "clusterLogging"))
		c.AuditLog = then(c.ControlPlaneLogs, func(types []string) bool { return slices.Contains(types, "audit") })
		f.add(c)
	})
	f.eksAccess(from)
	f.each(format.EKSNodegroup, func(n node) {
		n = n.at("nodegroup")
		for _, c := range f.named(EKS, n.at("clusterName").str(), from) {
			c.Pools = append(c.Pools, eksPool(n, eksPoolDescribe))
		}
	})
	f.each(format.EKSAddon, func(n node) {
		n = n.at("addon")
		for _, c := range f.named(EKS, n.at("clusterName").str(), from) {
			c.Addons = append(c.Addons, Addon{Name: n.at("addonName").str(),
				Version:  text(n.at("addonVersion"), open[string](notPrinted)),
				Settings: text(n.at("configurationValues"), means("")), Place: n.place})
		}
	})
}

func (f *finder) eksCluster(n node, of eksFields) Cluster {
	at := func(p path) node {
		if p == nil {
			return node{f: f, place: n.place}
		}
		return n.at(p...)
	}
	c := Cluster{Vendor: EKS, Name: at(of.name).str(), Place: n.place}
	c.Version = text(at(of.version), of.versionUnset)
	c.Platform = text(at(of.platform), open[string](notPrinted))
	c.Regional = then(isThere(at(of.outpost)), func(local bool) bool { return !local })
	c.External = either(isThere(at(of.outpost)), isThere(at(of.connector)))
	c.NodesManaged = boolean(at(of.autoMode), means(false))
	c.PublicEndpoint = boolean(at(of.publicEndpoint), of.publicUnset)
	c.PrivateEndpoint = boolean(at(of.privateEndpoint), of.privateUnset)
	c.AllowedNetworks = texts(at(of.allowed), of.allowedUnset)
	c.Directory = Value[string]{V: "AWS IAM", Known: true, Default: true, Place: n.place}
	mode := text(at(of.authMode), of.authModeUnset)
	c.ConfigMapAuth = then(mode, func(m string) bool { return strings.Contains(strings.ToUpper(m), "CONFIG_MAP") })
	c.DirectoryAuthorizes = then(mode, func(m string) bool { return strings.Contains(strings.ToUpper(m), "API") })
	c.CreatorIsAdmin = boolean(at(of.creatorAdmin), of.creatorUnset)
	c.EntriesComplete = unclear[bool]("access entries were not listed", n.place)
	if mode.Known && strings.EqualFold(mode.V, "CONFIG_MAP") {
		c.EntriesComplete = Value[bool]{V: true, Known: true, Place: mode.Place}
	}
	c.SecretsKey = then(isThere(at(of.encryption)), func(set bool) Key { return Key{Set: set} })
	if c.SecretsKey.V.Set {
		key := at(of.encryption)
		c.SecretsKey.V.Name = key.at(of.keyARN...).str()
		c.SecretsKey.V.Resources = texts(key.at(of.encrypted...), open[[]string]("")).V
	}
	if of.logTypes != nil {
		c.ControlPlaneLogs = texts(at(of.logTypes), of.logsUnset)
		c.AuditLog = then(c.ControlPlaneLogs, func(types []string) bool {
			return slices.ContainsFunc(types, func(t string) bool { return t == "audit" || t == "*" || t == "all" })
		})
	}
	c.WorkloadIdentity = then(text(at(of.issuer), open[string](notPrinted)), func(s string) bool { return s != "" })
	c.LocalAccounts = unclear[bool]("no field of EKS decides it", n.place)
	c.LegacyABAC = of0(n)
	c.TransitEncryption = unclear[bool]("no field of EKS decides it", n.place)
	c.NetworkPolicy = unclear[string]("the add-on vpc-cni, or another one in the cluster, decides it", n.place)
	return c
}

// clusterLogging is a list of groups of types that are on or off together.
func clusterLogging(n node) Value[[]string] {
	out := then(isThere(n), func(bool) []string { return nil })
	for _, group := range n.list() {
		on := boolean(group.at("enabled"), means(false))
		types := texts(group.at("types"), means([]string(nil)))
		if !on.Known || !types.Known {
			return unclear[[]string](spoiled, n.place)
		}
		if on.V {
			out.V = append(out.V, types.V...)
		}
	}
	return out
}

// eksAccess joins the entries that were listed, those that were described, and the policies that go with them.
func (f *finder) eksAccess(from int) {
	type listing struct {
		principals map[string]node
		at         node
	}
	listed := map[*Cluster]*listing{}
	f.each(format.EKSAccessEntries, func(n node) {
		clusters := f.named(EKS, "", from)
		if len(clusters) != 1 {
			return // the list does not say of which cluster it is
		}
		l := &listing{principals: map[string]node{}, at: n}
		for _, p := range n.at("accessEntries").list() {
			l.principals[p.str()] = p
		}
		listed[clusters[0]] = l
	})
	f.each(format.EKSAccessEntry, func(n node) {
		n = n.at("accessEntry")
		for _, c := range f.named(EKS, n.at("clusterName").str(), from) {
			c.Entries = append(c.Entries, AccessEntry{
				Principal: n.at("principalArn").str(), Username: text(n.at("username"), open[string](notPrinted)),
				Groups: texts(n.at("kubernetesGroups"), means([]string(nil))),
				Type:   text(n.at("type"), means("STANDARD")),
				Place:  n.place,
			})
		}
	})
	f.each(format.EKSAccessPolicies, func(n node) {
		for _, c := range f.named(EKS, n.at("clusterName").str(), from) {
			e := c.entry(n.at("principalArn").str(), n)
			e.PoliciesKnown = true
			for _, p := range n.at("associatedAccessPolicies").list() {
				e.Policies = append(e.Policies, accessPolicy(p.at("policyArn"), p.at("accessScope", "type"),
					p.at("accessScope", "namespaces"), p))
			}
		}
	})
	for c, l := range listed {
		for principal, at := range l.principals {
			c.entry(principal, at)
		}
		c.EntriesComplete = completeness(c.Entries, l.principals, l.at)
	}
	for i := from; i < len(f.out.Clusters); i++ {
		entries := f.out.Clusters[i].Entries
		sort.SliceStable(entries, func(i, j int) bool { return entries[i].Principal < entries[j].Principal })
	}
}

func accessPolicy(arn, scope, namespaces, at node) AccessPolicy {
	return AccessPolicy{ARN: arn.str(), Namespaces: texts(namespaces, means([]string(nil))).V, Place: at.place,
		ClusterWide: then(text(scope, open[string](notPrinted)), func(s string) bool { return s == "cluster" })}
}

// entry is that of a principal. One that was not described has no values that are known.
func (c *Cluster) entry(principal string, at node) *AccessEntry {
	for i := range c.Entries {
		if c.Entries[i].Principal == principal {
			return &c.Entries[i]
		}
	}
	const why = "the access entry was not described"
	c.Entries = append(c.Entries, AccessEntry{Principal: principal, Place: at.place,
		Username: unclear[string](why, at.place),
		Groups:   unclear[[]string](why, at.place), Type: unclear[string](why, at.place)})
	return &c.Entries[len(c.Entries)-1]
}

func completeness(entries []AccessEntry, listed map[string]node, at node) Value[bool] {
	lacking := 0
	for _, e := range entries {
		if _, ok := listed[e.Principal]; ok && (!e.PoliciesKnown || !e.Groups.Known) {
			lacking++
		}
	}
	if lacking > 0 {
		return unclear[bool](fmt.Sprintf("%d of %d access entries are listed without their groups and policies", lacking,
			len(listed)), at.place)
	}
	return Value[bool]{V: true, Known: true, Place: at.place}
}

// eksPoolFields are those of a node group.
type eksPoolFields struct {
	name, version, image, sshKey, encrypted, diskKey, role, noIMDS path
	sshIsSwitch                                                    bool
}

var eksPoolDescribe = eksPoolFields{name: path{"nodegroupName"}, version: path{"version"}, image: path{"amiType"},
	sshKey: path{"remoteAccess", "ec2SshKey"}, role: path{"nodeRole"}}

func eksPool(n node, of eksPoolFields) Pool {
	at := func(p path) node {
		if p == nil {
			return node{f: n.f, place: n.place}
		}
		return n.at(p...)
	}
	const template = "the launch template or the account's default decides it"
	p := Pool{Name: at(of.name).str(), Place: n.place}
	p.Version = text(at(of.version), open[string]("the version is that of the control plane when the group was made"))
	p.Image = text(at(of.image), open[string](notPrinted))
	if of.sshIsSwitch {
		p.RemoteLogin = boolean(at(of.sshKey), means(false))
	} else {
		p.RemoteLogin = then(text(at(of.sshKey), means("")), func(s string) bool { return s != "" })
	}
	p.DisksEncrypted = boolean(at(of.encrypted), open[bool](template))
	p.DiskKey = then(text(at(of.diskKey), open[string](template)),
		func(s string) Key { return Key{Set: s != "", Name: s} })
	p.MetadataHidden = boolean(at(of.noIMDS), open[bool](template))
	p.ServiceAccount = text(at(of.role), open[string](notPrinted))
	return p
}
