package config

import (
	"encoding/json"
	"reflect"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nist190/nist190/internal/redact"
)

// A Secret is what is known of a payload that was removed: package redact describes it before anything is kept.
type Secret struct {
	Class  redact.Class `json:"class"`
	Length int64        `json:"length"` // in bytes
}

// UnmarshalJSON takes a description of a text, or of nothing.
func (s *Secret) UnmarshalJSON(b []byte) error {
	type description Secret
	var d description
	if err := json.Unmarshal(b, &d); err != nil || d.Class == "" || d.Class == redact.Other {
		return wrongType[Secret](b)
	}
	*s = Secret(d)
	return nil
}

// Set tells whether there was a payload.
func (s Secret) Set() bool { return s.Class != "" && s.Class != redact.Empty }

// Duration is a metav1.Duration whose errors name the field and quote nothing.
type Duration struct{ metav1.Duration }

func (d *Duration) UnmarshalJSON(b []byte) error {
	if err := d.Duration.UnmarshalJSON(b); err != nil {
		return wrongType[Duration](b)
	}
	return nil
}

// wrongType is the error of a type that decodes itself; the JSON decoder adds the field.
func wrongType[T any](b []byte) error {
	value := "number"
	switch {
	case len(b) == 0:
	case b[0] == '"':
		value = "string"
	case b[0] == '{':
		value = "object"
	case b[0] == '[':
		value = "array"
	case b[0] == 't', b[0] == 'f':
		value = "bool"
	case b[0] == 'n':
		value = "null"
	}
	return &json.UnmarshalTypeError{Value: value, Type: reflect.TypeFor[T]()}
}
