package openreports

import "encoding/json"

type list struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
}

type object struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   metadata          `json:"metadata"`
	Source     string            `json:"source"`
	Summary    summary           `json:"summary"`
	Results    []json.RawMessage `json:"results"`
}

type metadata struct {
	Name      string            `json:"name"`
	Namespace string            `json:"namespace,omitempty"`
	Labels    map[string]string `json:"labels"`
}

type summary struct {
	Pass  int `json:"pass"`
	Fail  int `json:"fail"`
	Warn  int `json:"warn"`
	Error int `json:"error"`
	Skip  int `json:"skip"`
}

func (s *summary) add(result string) {
	switch result {
	case "pass":
		s.Pass++
	case "fail":
		s.Fail++
	case "warn":
		s.Warn++
	case "error":
		s.Error++
	case "skip":
		s.Skip++
	}
}

type result struct {
	Policy     string            `json:"policy"`
	Category   string            `json:"category"`
	Severity   string            `json:"severity,omitempty"`
	Timestamp  *timestamp        `json:"timestamp,omitempty"`
	Result     string            `json:"result"`
	Scored     bool              `json:"scored"`
	Resources  []reference       `json:"resources,omitempty"`
	Message    string            `json:"message"`
	Properties map[string]string `json:"properties"`
}

type timestamp struct {
	Seconds int64 `json:"seconds"`
	Nanos   int32 `json:"nanos"`
}

type reference struct {
	APIVersion string `json:"apiVersion,omitempty"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
}
