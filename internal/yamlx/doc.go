// Package yamlx is the only reader of YAML and JSON text in this module.
//
// Values are those that kubectl and the API server would get: sigs.k8s.io/yaml, one document at a time. Where other
// appliers (Flux, Argo CD, anything on a YAML 1.2 parser) would read the same bytes differently, the value stays
// kubectl's and a [Note] says so. Positions come from go.yaml.in/yaml/v3 nodes and are built only when somebody asks.
//
// Errors and notes never quote values of the input, since any document may hold a Secret.
package yamlx
