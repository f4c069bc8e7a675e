package report

import _ "embed"

//go:embed schema/report.schema.json
var reportSchema string

// Schema is the JSON Schema (2020-12) of what [JSON] writes. Its definition "line" is that of one line of [NDJSON].
func Schema() []byte { return []byte(reportSchema) }
