// Package checktest is a test kit for the authors of checks.
//
// [Run] evaluates a check over manifest fixtures whose comments say what is expected where; [Sound] proves on an
// inventory that missing evidence never makes the check say what complete evidence would not.
//
// A fixture is one YAML file and is evaluated alone:
//
//	# coverage: networkpolicies.networking.k8s.io Forbidden payments
//	apiVersion: rbac.authorization.k8s.io/v1
//	kind: ClusterRoleBinding # want pass
//	...
//	roleRef:
//	  name: cluster-admin # want fail "binds cluster-admin"
//
// A want stands on the line of the finding's origin and names a status (fail, pass, notassessed, notapplicable, error)
// with an optional regular expression over the message; a line may have several. Findings without a place are expected
// by a line "# want-cluster fail". Every fail, notassessed and error must be wanted; pass and notapplicable must be
// where the file wants any. A coverage line makes a kind unseen: its resource, or Kind.group where it is not built in, the
// state, and optionally a namespace.
package checktest
