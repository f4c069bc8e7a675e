package cloud

import (
	"regexp"
	"slices"
	"strings"

	"github.com/nist190/nist190/internal/format"
)

// gkeFields are the fields of a GKE cluster in one dialect.
type gkeFields struct {
	name, location, version, channel, autopilot       path
	ipEnabled, ipPublic, oldPrivateOnly, privateNodes path
	dnsEndpoint, authorized, blocks, cidr             path
	abac, clientCert, issueCert, user                 path
	groups, keyState, keyName                         path
	workloadPool, shielded, policyOn, policyBy        path
	datapath, intranode, transit                      path
	imageMode, oldImageCheck, logs                    path
	confidential, secretStore, pools                  path
	shieldedUnset                                     unset[bool]
	blocksAreOn                                       bool // the networks count without a switch
	pool                                              gkePoolFields
}

type gkePoolFields struct {
	name, version, image, diskKey, secureBoot, integrity, metadata, sandbox, confidential, account, private path
}

// gkeDescribe: the Cluster of container.googleapis.com/v1 (cloud.google.com/kubernetes-engine/docs/reference/rest). It is
// protobuf in JSON: a field that is false, zero or empty is left out.
var gkeDescribe = gkeFields{
	name:           path{"name"},
	location:       path{"location"},
	version:        path{"currentMasterVersion"},
	channel:        path{"releaseChannel", "channel"},
	autopilot:      path{"autopilot", "enabled"},
	ipEnabled:      path{"controlPlaneEndpointsConfig", "ipEndpointsConfig", "enabled"},
	ipPublic:       path{"controlPlaneEndpointsConfig", "ipEndpointsConfig", "enablePublicEndpoint"},
	oldPrivateOnly: path{"privateClusterConfig", "enablePrivateEndpoint"},
	privateNodes:   path{"privateClusterConfig", "enablePrivateNodes"},
	dnsEndpoint:    path{"controlPlaneEndpointsConfig", "dnsEndpointConfig", "allowExternalTraffic"},
	authorized:     path{"masterAuthorizedNetworksConfig"},
	blocks:         path{"masterAuthorizedNetworksConfig", "cidrBlocks"},
	cidr:           path{"cidrBlock"},
	abac:           path{"legacyAbac", "enabled"},
	clientCert:     path{"masterAuth", "clientCertificate"},
	issueCert:      path{"masterAuth", "clientCertificateConfig", "issueClientCertificate"},
	user:           path{"masterAuth", "username"},
	groups:         path{"authenticatorGroupsConfig", "securityGroup"},
	keyState:       path{"databaseEncryption", "state"},
	keyName:        path{"databaseEncryption", "keyName"},
	workloadPool:   path{"workloadIdentityConfig", "workloadPool"},
	shielded:       path{"shieldedNodes", "enabled"},
	policyOn:       path{"networkPolicy", "enabled"},
	policyBy:       path{"networkPolicy", "provider"},
	datapath:       path{"networkConfig", "datapathProvider"},
	intranode:      path{"networkConfig", "enableIntraNodeVisibility"},
	transit:        path{"networkConfig", "inTransitEncryptionConfig"},
	imageMode:      path{"binaryAuthorization", "evaluationMode"},
	oldImageCheck:  path{"binaryAuthorization", "enabled"},
	logs:           path{"loggingConfig", "componentConfig", "enableComponents"},
	confidential:   path{"confidentialNodes", "enabled"},
	secretStore:    path{"secretManagerConfig", "enabled"},
	pools:          path{"nodePools"},
	shieldedUnset:  means(false),
	pool: gkePoolFields{
		name:       path{"name"},
		version:    path{"version"},
		image:      path{"config", "imageType"},
		diskKey:    path{"config", "bootDiskKmsKey"},
		secureBoot: path{"config", "shieldedInstanceConfig", "enableSecureBoot"},
		integrity:  path{"config", "shieldedInstanceConfig", "enableIntegrityMonitoring"},
		metadata:   path{"config", "workloadMetadataConfig", "mode"}, sandbox: path{"config", "sandboxConfig", "type"},
		confidential: path{"config", "confidentialNodes", "enabled"},
		account:      path{"config", "serviceAccount"},
		private:      path{"networkConfig", "enablePrivateNodes"},
	},
}

func (f *finder) gke() {
	f.each(format.GKECluster, func(n node) {
		c := f.gkeCluster(n, gkeDescribe)
		c.Source = "gcloud container clusters describe"
		f.add(c)
	})
}

// region is the form of the name of a region; that of a zone has one part more.
var region = regexp.MustCompile(`^[a-z]+-[a-z]+[0-9]+$`)

const everybody = "0.0.0.0/0"

func (f *finder) gkeCluster(n node, of gkeFields) Cluster {
	at := func(p path) node {
		if p == nil {
			return node{f: f, place: n.place}
		}
		return n.at(p...)
	}
	flag := func(p path) Value[bool] { return boolean(at(p), means(false)) }
	filled := func(p path) Value[bool] {
		return then(text(at(p), means("")), func(s string) bool { return s != "" })
	}
	c := Cluster{Vendor: GKE, Name: at(of.name).str(), Place: n.place}
	c.Version = text(at(of.version), open[string](notPrinted))
	c.Platform = text(at(of.channel), means(""))
	c.Regional = then(text(at(of.location), open[string](notPrinted)), region.MatchString)
	c.NodesManaged = flag(of.autopilot)
	c.PublicEndpoint = gkePublic(at(of.ipEnabled), at(of.ipPublic), at(of.oldPrivateOnly))
	c.PrivateEndpoint = either(flag(of.privateNodes), flag(of.oldPrivateOnly))
	c.DNSEndpoint = flag(of.dnsEndpoint)
	c.AllowedNetworks = gkeNetworks(at(of.authorized), at(of.blocks), of)
	c.Directory = Value[string]{V: "Google Cloud", Known: true, Default: true, Place: n.place}
	c.DirectoryAuthorizes = Value[bool]{V: true, Known: true, Default: true,
		Place: n.place} // roles of IAM hold beside RBAC
	c.LocalAccounts = either(either(filled(of.clientCert), flag(of.issueCert)), filled(of.user))
	c.ConfigMapAuth, c.CreatorIsAdmin, c.External = of0(n), of0(n), of0(n)
	c.GroupsFrom = text(at(of.groups), means(""))
	c.LegacyABAC = flag(of.abac)
	c.EntriesComplete = unclear[bool]("roles of Google Cloud IAM are not in the description", n.place)
	c.SecretsKey = then(text(at(of.keyState), means("")), func(s string) Key {
		switch s {
		case "ENCRYPTED":
			return Key{Set: true, Name: at(of.keyName).str(), Resources: []string{"secrets"}}
		case "ALL_OBJECTS_ENCRYPTION_ENABLED":
			return Key{Set: true, Name: at(of.keyName).str(), Resources: []string{"*.*"}}
		}
		return Key{}
	})
	c.ControlPlaneLogs = texts(at(of.logs), means([]string(nil)))
	c.AuditLog = unclear[bool]("Cloud Audit Logs keep it, and the project's settings decide what", n.place)
	c.NetworkPolicy = gkePolicy(text(at(of.datapath), means("")), flag(of.policyOn), text(at(of.policyBy), means("")))
	c.TransitEncryption = then(text(at(of.transit), means("")),
		func(s string) bool { return s == "IN_TRANSIT_ENCRYPTION_INTER_NODE_TRANSPARENT" })
	c.IntranodeVisible = flag(of.intranode)
	c.WorkloadIdentity = filled(of.workloadPool)
	c.ImageVerification = either(flag(of.oldImageCheck), then(text(at(of.imageMode), means("")), func(s string) bool {
		return s != "" && s != "DISABLED" && s != "EVALUATION_MODE_UNSPECIFIED"
	}))
	c.SecretStore = flag(of.secretStore)
	c.VerifiedNodes = boolean(at(of.shielded), of.shieldedUnset)
	c.ConfidentialNodes = flag(of.confidential)
	for _, p := range at(of.pools).list() {
		c.Pools = append(c.Pools, gkePool(p, of.pool))
	}
	if c.NodesManaged.V { // what Autopilot turns on by itself is in no plan
		for _, v := range [...]*Value[bool]{&c.WorkloadIdentity, &c.VerifiedNodes, &c.IntranodeVisible} {
			if v.Default && !v.V {
				*v = unclear[bool]("Autopilot decides it", n.place)
			}
		}
		if c.NetworkPolicy.Default && c.NetworkPolicy.V == "" {
			c.NetworkPolicy = unclear[string]("Autopilot decides it", n.place)
		}
	}
	return c
}

// of0 is a thing that the vendor does not have.
func of0(n node) Value[bool] { return Value[bool]{Known: true, Default: true, Place: n.place} }

// gkePublic: of the two configurations the newer counts where it says something.
func gkePublic(enabled, public, privateOnly node) Value[bool] {
	if on := boolean(enabled, means(true)); !on.Known || !on.V {
		return on
	}
	if public.state != absent {
		return boolean(public, means(false))
	}
	return not(boolean(privateOnly, means(false)))
}

func gkeNetworks(config, blocks node, of gkeFields) Value[[]string] {
	out := then(isThere(config), func(on bool) []string {
		if !on {
			return []string{everybody}
		}
		return nil
	})
	if !out.Known || out.V != nil {
		return out
	}
	if !of.blocksAreOn {
		if on := boolean(config.at("enabled"), means(false)); !on.Known || !on.V {
			return then(on, func(bool) []string { return []string{everybody} })
		}
	}
	if blocks.state == unknown {
		return unclear[[]string](afterApply, blocks.place)
	}
	out.V = []string{}
	for _, b := range blocks.list() {
		v := text(b.at(of.cidr...), open[string](notPrinted))
		if !v.Known {
			return unclear[[]string](v.Why, v.Place)
		}
		out.V = append(out.V, v.V)
	}
	return out
}

// gkePolicy: Dataplane V2 is Cilium and enforces policies always.
func gkePolicy(datapath Value[string], on Value[bool], by Value[string]) Value[string] {
	if !datapath.Known || datapath.V == "ADVANCED_DATAPATH" {
		return then(datapath, func(string) string { return "cilium" })
	}
	return then(on, func(on bool) string {
		if !on {
			return ""
		}
		if by.V == "" || by.V == "PROVIDER_UNSPECIFIED" {
			return "calico"
		}
		return strings.ToLower(by.V)
	})
}

func gkePool(n node, of gkePoolFields) Pool {
	at := func(p path) node { return n.at(p...) }
	p := Pool{Name: at(of.name).str(), Place: n.place}
	p.Version = text(at(of.version), open[string](notPrinted))
	p.Image = text(at(of.image), open[string](notPrinted))
	p.DisksEncrypted = unclear[bool]("the vendor states it of all disks", n.place)
	p.DiskKey = then(text(at(of.diskKey), means("")), func(s string) Key { return Key{Set: s != "", Name: s} })
	p.SecureBoot = boolean(at(of.secureBoot), means(false))
	p.Integrity = boolean(at(of.integrity), means(false))
	p.Confidential = boolean(at(of.confidential), means(false))
	p.Sandbox = then(text(at(of.sandbox), means("")), func(s string) string { return strings.ToLower(s) })
	p.MetadataHidden = then(text(at(of.metadata), means("")),
		func(s string) bool { return slices.Contains([]string{"GKE_METADATA", "SECURE"}, s) })
	p.ServiceAccount = text(at(of.account), means("default"))
	p.PublicAddresses = not(boolean(at(of.private), means(false)))
	p.RemoteLogin = unclear[bool]("firewall rules and OS Login decide it", n.place)
	return p
}
