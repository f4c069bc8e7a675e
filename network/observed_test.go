package network

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/nist190/nist190/internal/testobj"
)

func TestReadFlows(t *testing.T) {
	for _, tt := range []struct{ name, in, want, err string }{
		{"nothing", "  \n", "[]", ""},
		{"hubble", `{"flow":{"verdict":"FORWARDED","IP":{"source":"10.0.0.1","destination":"10.0.0.2"},"l4":{"TCP":{"source_port":4000,"destination_port":5432}},"source":{"namespace":"a","pod_name":"web-1","workloads":[{"name":"web","kind":"Deployment"}]},"destination":{"namespace":"a","pod_name":"db-0"},"is_reply":false}}
{"flow":{"verdict":"DROPPED","IP":{"source":"10.0.0.1","destination":"192.0.2.1"},"l4":{"UDP":{"destination_port":53}},"source":{"namespace":"a","pod_name":"web-1"},"destination":{"labels":["reserved:world"]}}}
{"flow":{"verdict":"FORWARDED","IP":{"source":"10.0.0.2","destination":"10.0.0.1"},"l4":{"TCP":{"destination_port":4000}},"is_reply":true}}
{"flow":{"verdict":"FORWARDED","IP":{"source":"10.0.0.2","destination":"10.0.0.1"},"l4":{"ICMPv4":{"type":8}}}}
{broken
`, "[{a/web a/db-0 TCP 5432 false} {a/web-1 192.0.2.1 UDP 53 true}]", "line 5"},
		{"csv", "src,dst,protocol,port,verdict\na/web,a/db,TCP,5432,allowed\na/web,8.8.8.8,udp,53,DROPPED\na/web,a/db,TCP,http,\n", "[{a/web a/db TCP 5432 false} {a/web 8.8.8.8 UDP 53 true}]", "line 4"},
		{"csv of another order", "Port, Destination, Source\n80, a/db, a/web\n", "[{a/web a/db TCP 80 false}]", ""},
		{"csv without its columns", "a,b\n1,2\n", "[]", "heading"},
	} {
		got, err := ReadFlows(strings.NewReader(tt.in))
		if fmt.Sprint(got) != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v, %v", tt.name, got, err)
		}
	}
}

func TestJudge(t *testing.T) {
	c, err := Of(context.Background(), testobj.Inventory(t, []string{
		`{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: a, labels: {app: web}}, spec: {containers: [{name: c, image: i}]}}`,
		`{apiVersion: v1, kind: Pod, metadata: {name: db, namespace: a, labels: {app: db}}, spec: {containers: [{name: c, image: i}]}}`,
		`{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: a}, spec: {podSelector: {matchLabels: {app: db}}, ingress: [{ports: [{port: 5432}]}]}}`,
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		o          Observation
		unexpected string
		failed     bool
	}{
		{Observation{"a/web", "a/db", TCP, 5432, false}, "", false},
		{Observation{"a/web", "a/db", TCP, 22, true}, "", false},
		{Observation{"a/web", "a/db", TCP, 22, false}, "it passed, and the policies deny it", false},
		{Observation{"a/web", "a/db", TCP, 5432, true}, "it was dropped, and the policies allow it", false},
		{Observation{"a/gone", "a/db", TCP, 5432, false}, "", true},
	} {
		if j := c.Judge(tt.o); j.Unexpected != tt.unexpected || (j.Err != nil) != tt.failed {
			t.Errorf("%v: %q, %v", tt.o, j.Unexpected, j.Err)
		}
	}
}

func FuzzReadFlows(f *testing.F) {
	f.Add(`{"flow":{"l4":{"TCP":{"destination_port":1}}}}`)
	f.Add("src,dst,protocol,port\na,b,c,d\n\"")
	f.Fuzz(func(t *testing.T, in string) {
		list, _ := ReadFlows(strings.NewReader(in))
		for _, o := range list {
			if o.Protocol > Other {
				t.Errorf("%v", o)
			}
		}
	})
}
