package cluster

import "testing"

func TestStarts(t *testing.T) {
	c := Start(t)
	if c.Host == "" {
		t.Fatal("no host")
	}
}
