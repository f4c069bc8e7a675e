package catalog

import (
	_ "embed"
	"slices"
)

//go:embed config.schema.json
var schema []byte

// Schema is the JSON Schema (2020-12) of the configuration file, for editors and for hosts that embed it. LoadConfig
// knows more than a schema can say, such as which checks there are.
func Schema() []byte { return slices.Clone(schema) }
