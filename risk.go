package nist190

// Risk is a section of NIST SP 800-190 that names an orchestrator countermeasure.
type Risk string

const (
	UnboundedAdministrativeAccess Risk = "4.3.1"
	UnauthorizedAccess            Risk = "4.3.2"
	PoorlySeparatedTraffic        Risk = "4.3.3"
	MixedSensitivityLevels        Risk = "4.3.4"
	NodeTrust                     Risk = "4.3.5"
)

// Risks lists the five risks in order.
func Risks() []Risk {
	return []Risk{UnboundedAdministrativeAccess, UnauthorizedAccess, PoorlySeparatedTraffic, MixedSensitivityLevels, NodeTrust}
}

// Title is the heading of the section.
func (r Risk) Title() string {
	switch r {
	case UnboundedAdministrativeAccess:
		return "Unbounded administrative access"
	case UnauthorizedAccess:
		return "Unauthorized access"
	case PoorlySeparatedTraffic:
		return "Poorly separated inter-container network traffic"
	case MixedSensitivityLevels:
		return "Mixing of workload sensitivity levels"
	case NodeTrust:
		return "Orchestrator node trust"
	}
	return "unknown risk"
}

// Sentence is one demand of section 4.3 (or of the matching 3.3), the unit that reports answer.
type Sentence struct {
	Key  string // e.g. "3a"
	Risk Risk
	Text string // the demand in short
}

// Sentences lists the demands in order.
func Sentences() []Sentence { return append([]Sentence(nil), sentences...) }

var sentences = []Sentence{
	{"1a", UnboundedAdministrativeAccess, "users may only perform the actions on the hosts, containers and images that their job requires"},
	{"1b", UnboundedAdministrativeAccess, "a team is only given the images of its stage and the hosts that run them"},
	{"1c", UnboundedAdministrativeAccess, "a team may only manipulate the containers that it created"},
	{"1d", UnboundedAdministrativeAccess, "limited or no access to containers used in production"},
	{"1e", UnboundedAdministrativeAccess, "every application has a service account of its own"},
	{"2a", UnauthorizedAccess, "access to cluster-wide administrative accounts is tightly controlled"},
	{"2b", UnauthorizedAccess, "strong authentication methods, such as multifactor authentication"},
	{"2c", UnauthorizedAccess, "single sign-on to existing directory systems"},
	{"2d", UnauthorizedAccess, "data used with containers is encrypted, whichever node they run on"},
	{"2e", UnauthorizedAccess, "encryption with the approaches of NIST SP 800-111"},
	{"2f", UnauthorizedAccess, "access is audited centrally, so that anomalies are detected"},
	{"3a", PoorlySeparatedTraffic, "traffic is separated into virtual networks by sensitivity level"},
	{"3b", PoorlySeparatedTraffic, "public-facing applications share one virtual network, internal ones another"},
	{"3c", PoorlySeparatedTraffic, "networks communicate through a small number of well-defined interfaces"},
	{"3d", PoorlySeparatedTraffic, "overlay traffic is visible to security tools"},
	{"4a", MixedSensitivityLevels, "deployments are isolated to sets of hosts by sensitivity level"},
	{"4b", MixedSensitivityLevels, "rules keep high sensitivity workloads off hosts that run lower ones"},
	{"4c", MixedSensitivityLevels, "host pinning, or a separate cluster for each sensitivity level"},
	{"4d", MixedSensitivityLevels, "containers are segmented by purpose, sensitivity and threat posture"},
	{"4e", MixedSensitivityLevels, "a host kernel only runs containers of one sensitivity level"},
	{"5a", NodeTrust, "nodes are securely introduced to the cluster"},
	{"5b", NodeTrust, "nodes have a persistent identity throughout their lifecycle"},
	{"5c", NodeTrust, "an accurate inventory of nodes and their connectivity states"},
	{"5d", NodeTrust, "the compromise of one node does not compromise the cluster"},
	{"5e", NodeTrust, "a compromised node can be isolated and removed without disruption"},
	{"5f", NodeTrust, "connections between cluster members are mutually authenticated"},
	{"5g", NodeTrust, "intra-cluster traffic is encrypted end to end"},
	{"5h", NodeTrust, "a posture that is secure by default"},
	{"5i", NodeTrust, "key pairs are not shared across nodes; traffic with administrators is encrypted and authenticated"},
}

// SentenceByKey looks a sentence up.
func SentenceByKey(key string) (Sentence, bool) {
	for _, s := range sentences {
		if s.Key == key {
			return s, true
		}
	}
	return Sentence{}, false
}
