package cloud

import (
	"github.com/nist190/nist190/internal/controlplane/process"
	"github.com/nist190/nist190/internal/format"
)

// The fields of the providers' resources (registry.terraform.io: hashicorp/aws, hashicorp/google, hashicorp/azurerm). A
// block that may stand once is a list of one. What the API defaults and the provider does not is left out of a plan, so
// that it stays open until the plan is applied.
var (
	eksPlan = eksFields{
		name: path{"name"}, version: path{"version"},
		publicEndpoint:  path{"vpc_config", 0, "endpoint_public_access"},
		privateEndpoint: path{"vpc_config", 0, "endpoint_private_access"},
		allowed:         path{"vpc_config", 0, "public_access_cidrs"},
		authMode:        path{"access_config", 0, "authentication_mode"},
		creatorAdmin:    path{"access_config", 0, "bootstrap_cluster_creator_admin_permissions"},
		encryption:      path{"encryption_config"}, keyARN: path{0, "provider", 0, "key_arn"}, encrypted: path{0, "resources"},
		logTypes:      path{"enabled_cluster_log_types"},
		autoMode:      path{"compute_config", 0, "enabled"},
		outpost:       path{"outpost_config"},
		authModeUnset: open[string](afterApply),
		creatorUnset:  means(true),
		publicUnset:   means(true),
		privateUnset:  means(false),
		versionUnset:  open[string]("the newest version of the day is taken"),
		allowedUnset:  means([]string{everybody}),
		logsUnset:     means([]string(nil)),
	}
	eksPoolPlan = eksPoolFields{name: path{"node_group_name"}, version: path{"version"}, image: path{"ami_type"},
		sshKey: path{"remote_access", 0, "ec2_ssh_key"}, role: path{"node_role_arn"}}

	gkePlan = gkeFields{
		name:           path{"name"},
		location:       path{"location"},
		version:        path{"min_master_version"},
		channel:        path{"release_channel", 0, "channel"},
		autopilot:      path{"enable_autopilot"},
		ipEnabled:      path{"control_plane_endpoints_config", 0, "ip_endpoints_config", 0, "enabled"},
		oldPrivateOnly: path{"private_cluster_config", 0, "enable_private_endpoint"},
		privateNodes:   path{"private_cluster_config", 0, "enable_private_nodes"},
		dnsEndpoint:    path{"control_plane_endpoints_config", 0, "dns_endpoint_config", 0, "allow_external_traffic"},
		authorized:     path{"master_authorized_networks_config"},
		blocks:         path{"master_authorized_networks_config", 0, "cidr_blocks"},
		cidr:           path{"cidr_block"},
		abac:           path{"enable_legacy_abac"},
		issueCert:      path{"master_auth", 0, "client_certificate_config", 0, "issue_client_certificate"},
		groups:         path{"authenticator_groups_config", 0, "security_group"},
		keyState:       path{"database_encryption", 0, "state"},
		keyName:        path{"database_encryption", 0, "key_name"},
		workloadPool:   path{"workload_identity_config", 0, "workload_pool"},
		shielded:       path{"enable_shielded_nodes"},
		policyOn:       path{"network_policy", 0, "enabled"},
		policyBy:       path{"network_policy", 0, "provider"},
		datapath:       path{"datapath_provider"},
		intranode:      path{"enable_intranode_visibility"},
		transit:        path{"in_transit_encryption_config"},
		imageMode:      path{"binary_authorization", 0, "evaluation_mode"},
		logs:           path{"logging_config", 0, "enable_components"},
		confidential:   path{"confidential_nodes", 0, "enabled"},
		secretStore:    path{"secret_manager_config", 0, "enabled"},
		pools:          path{"node_pool"},
		shieldedUnset:  means(true), blocksAreOn: true, pool: gkePoolPlan,
	}
	gkePoolPlan = gkePoolFields{
		name:         path{"name"},
		version:      path{"version"},
		image:        path{"node_config", 0, "image_type"},
		diskKey:      path{"node_config", 0, "boot_disk_kms_key"},
		secureBoot:   path{"node_config", 0, "shielded_instance_config", 0, "enable_secure_boot"},
		integrity:    path{"node_config", 0, "shielded_instance_config", 0, "enable_integrity_monitoring"},
		metadata:     path{"node_config", 0, "workload_metadata_config", 0, "mode"},
		sandbox:      path{"node_config", 0, "sandbox_config", 0, "sandbox_type"},
		confidential: path{"node_config", 0, "confidential_nodes", 0, "enabled"},
		account:      path{"node_config", 0, "service_account"},
		private:      path{"network_config", 0, "enable_private_nodes"},
	}

	aksPlan = aksFields{
		name:          path{"name"},
		version:       path{"kubernetes_version"},
		private:       path{"private_cluster_enabled"},
		allowed:       path{"api_server_access_profile", 0, "authorized_ip_ranges"},
		directory:     path{"azure_active_directory_role_based_access_control"},
		azureRBAC:     path{"azure_active_directory_role_based_access_control", 0, "azure_rbac_enabled"},
		adminGroups:   path{"azure_active_directory_role_based_access_control", 0, "admin_group_object_ids"},
		localDisabled: path{"local_account_disabled"},
		kms:           path{"key_management_service"},
		kmsKey:        path{"key_management_service", 0, "key_vault_key_id"},
		policy:        path{"network_profile", 0, "network_policy"}, dataplane: path{"network_profile", 0, "network_data_plane"},
		workloadIdentity: path{"workload_identity_enabled"},
		defender:         path{"microsoft_defender"},
		defenderIsBlock:  true,
		cleaner:          path{"image_cleaner_enabled"},
		policyAddon:      path{"azure_policy_enabled"},
		secretStoreBlock: path{"key_vault_secrets_provider"},
		diskSet:          path{"disk_encryption_set_id"},
		pools:            path{"default_node_pool"},
		pool:             aksPoolPlan,
	}
	aksPoolPlan = aksPoolFields{name: path{"name"}, version: path{"orchestrator_version"}, image: path{"os_sku"},
		hostEncryption:    path{"host_encryption_enabled"},
		oldHostEncryption: path{"enable_host_encryption"},
		publicIP:          path{"node_public_ip_enabled"},
		runtime:           path{"workload_runtime"}}
)

// terraform reads plans. A part of a cluster that is a resource of its own names it; where the name is only known later,
// it belongs to the only cluster of the plan, if there is one.
func (f *finder) terraform() {
	f.each(format.TerraformPlan, func(n node) {
		from := len(f.out.Clusters)
		resources := planResources(n.at("planned_values", "root_module"), new(int))
		for _, r := range resources {
			var c Cluster
			switch v := r.values; r.kind {
			case "aws_eks_cluster":
				c = f.eksCluster(v, eksPlan)
				c.EntriesComplete = unclear[bool]("a plan tells of the access entries that it makes, and of no others",
					v.place)
			case "google_container_cluster":
				c = f.gkeCluster(v, gkePlan)
			case "azurerm_kubernetes_cluster":
				c = f.aksCluster(v, aksPlan)
			default:
				continue
			}
			c.Source, c.Planned = "Terraform plan", true
			f.add(c)
		}
		for _, r := range resources {
			f.planPart(r, resources, from)
		}
	})
}

func (f *finder) planPart(r resource, all []resource, from int) {
	v := r.values
	of := func(vendor Vendor, key string) []*Cluster {
		name := v.at(key).str()
		out := f.named(vendor, name, from)
		if name == "" && len(out) != 1 {
			return nil
		}
		return out
	}
	switch r.kind {
	case "aws_eks_access_entry":
		for _, c := range of(EKS, "cluster_name") {
			c.Entries = append(c.Entries, AccessEntry{Principal: v.at("principal_arn").str(),
				Username: text(v.at("user_name"), open[string](afterApply)),
				Groups:   texts(v.at("kubernetes_groups"), means([]string(nil))),
				Type:     text(v.at("type"), means("STANDARD")),
				Place:    v.place})
		}
	case "aws_eks_access_policy_association":
		for _, c := range of(EKS, "cluster_name") {
			e := c.planEntry(v.at("principal_arn").str(), v.place)
			e.Policies = append(e.Policies, accessPolicy(v.at("policy_arn"), v.at("access_scope", 0, "type"),
				v.at("access_scope", 0, "namespaces"), v))
		}
	case "aws_eks_node_group":
		for _, c := range of(EKS, "cluster_name") {
			p := eksPool(v, eksPoolPlan)
			if t, ok := launchTemplate(r, all); ok {
				p.fromTemplate(t)
			}
			c.Pools = append(c.Pools, p)
		}
	case "aws_eks_addon":
		for _, c := range of(EKS, "cluster_name") {
			c.Addons = append(c.Addons, Addon{Name: v.at("addon_name").str(),
				Version:  text(v.at("addon_version"), open[string](afterApply)),
				Settings: text(v.at("configuration_values"), means("")), Place: v.place})
		}
	case "google_container_node_pool":
		for _, c := range of(GKE, "cluster") {
			c.Pools = append(c.Pools, gkePool(v, gkePoolPlan))
		}
	case "azurerm_kubernetes_cluster_node_pool": // kubernetes_cluster_id is a path that ends in the name
		clusters := f.named(AKS, "", from)
		if len(clusters) != 1 {
			return
		}
		var diskKey Value[Key]
		if len(clusters[0].Pools) > 0 {
			diskKey = clusters[0].Pools[0].DiskKey
		}
		clusters[0].Pools = append(clusters[0].Pools, aksPool(v, aksPoolPlan, diskKey))
	}
}

// planEntry is the entry of a principal, which may be another resource of the plan. A principal that is known only later
// is nobody else's.
func (c *Cluster) planEntry(principal string, at process.Place) *AccessEntry {
	for i := range c.Entries {
		if principal != "" && c.Entries[i].Principal == principal {
			return &c.Entries[i]
		}
	}
	c.Entries = append(c.Entries, AccessEntry{Principal: principal, Place: at, Username: unclear[string](afterApply, at),
		Groups: unclear[[]string](afterApply, at), Type: unclear[string](afterApply, at)})
	return &c.Entries[len(c.Entries)-1]
}

type resource struct {
	kind   string
	module int // number of the module, of which there is one per call
	values node
}

// launchTemplate is that of a node group: the one of its name, or, where the name is only known later, the only one that the
// same call of a module makes.
func launchTemplate(group resource, all []resource) (node, bool) {
	ref := group.values.at("launch_template", 0)
	if ref.state != present {
		return node{}, false
	}
	name := ref.at("name").str()
	var found []node
	for _, r := range all {
		if r.kind != "aws_launch_template" {
			continue
		}
		switch of := r.values.at("name").str(); {
		case name != "" && of == name:
			return r.values, true
		case name == "" && ref.at("id").str() == "" && r.module == group.module:
			found = append(found, r.values)
		}
	}
	if len(found) != 1 {
		return node{}, false
	}
	return found[0], true
}

// fromTemplate reads what a launch template says of disks and of the metadata service. Disks that it does not speak of have
// the account's default. A hop limit of one keeps pods with a network of their own from the service.
func (p *Pool) fromTemplate(t node) {
	disks := t.at("block_device_mappings")
	if all := disks.list(); len(all) > 0 {
		const why = "the account's default decides it"
		encrypted := boolean(all[0].at("ebs", 0, "encrypted"), open[bool](why))
		for _, d := range all[1:] {
			next := boolean(d.at("ebs", 0, "encrypted"), open[bool](why))
			switch { // one that is not encrypted counts, then one that is not known
			case encrypted.Known && !encrypted.V:
			case !next.Known || !next.V:
				encrypted = next
			}
		}
		p.DisksEncrypted = encrypted
		p.DiskKey = then(text(all[0].at("ebs", 0, "kms_key_id"), means("")),
			func(s string) Key { return Key{Set: s != "", Name: s} })
	}
	hops := read(t.at("metadata_options", 0, "http_put_response_hop_limit"),
		open[int64]("the account's default decides it"), "a number", func(v any) (int64, bool) {
			n, ok := v.(int64)
			return n, ok
		})
	tokens := text(t.at("metadata_options", 0, "http_tokens"), open[string]("the account's default decides it"))
	if hops.Known && tokens.Known {
		p.MetadataHidden = then(hops, func(n int64) bool { return n == 1 && tokens.V == "required" })
	}
}

// planResources are the resources of a module and of those that it calls, in their order.
func planResources(module node, number *int) []resource {
	*number++
	own := *number
	var out []resource
	for _, r := range module.at("resources").list() {
		kind := r.at("type").str()
		if r.at("mode").str() == "data" || !format.TerraformType(kind) {
			continue
		}
		v := r.at("values")
		if _, ok := v.v.(map[string]any); !ok {
			continue
		}
		v.plan = true
		out = append(out, resource{kind, own, v})
	}
	for _, m := range module.at("child_modules").list() {
		out = append(out, planResources(m, number)...)
	}
	return out
}
