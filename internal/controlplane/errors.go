package controlplane

import (
	"errors"
	"strconv"
)

var (
	errNoBool    = errors.New("neither true nor false")
	errNoMapping = errors.New("it is no mapping")
	errNoKubelet = errors.New("it is no KubeletConfiguration of v1beta1")
)

// scalar writes a value of a document as a flag would have it; empty for mappings and lists.
func scalar(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	}
	return ""
}
