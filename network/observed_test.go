package network

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestReadFlows(t *testing.T) {
	for _, tt := range []struct{ name, in, want, err string }{
		{"nothing", "  \n", "", ""},
		{"hubble", `{"flow":{"verdict":"FORWARDED","IP":{"source":"10.0.0.1","destination":"10.0.0.2"},"l4":{"TCP":{"source_port":4000,"destination_port":5432}},"source":{"namespace":"a","pod_name":"web-1","workloads":[{"name":"web","kind":"Deployment"}]},"destination":{"namespace":"a","pod_name":"db-0"},"is_reply":false}}
{"flow":{"verdict":"DROPPED","IP":{"source":"10.0.0.1","destination":"192.0.2.1"},"l4":{"UDP":{"destination_port":53}},"source":{"namespace":"a","pod_name":"web-1"},"destination":{"labels":["reserved:world"]}}}
{"flow":{"verdict":"FORWARDED","IP":{"source":"10.0.0.2","destination":"10.0.0.1"},"l4":{"TCP":{"destination_port":4000}},"is_reply":true}}
{"flow":{"verdict":"FORWARDED","IP":{"source":"10.0.0.2","destination":"10.0.0.1"},"l4":{"ICMPv4":{"type":8}}}}
{broken
`, "a/web a/db-0 TCP 5432 false a/web-1 a/db-0 ; a/web-1 192.0.2.1 UDP 53 true a/web-1  ", "line 5"},
		{"hubble's exporter", `{"verdict":"FORWARDED","IP":{"source":"10.0.0.1","destination":"10.0.0.2"},"l4":{"SCTP":{"destination_port":36412}}}`, "10.0.0.1 10.0.0.2 SCTP 36412 false   ", ""},
		{"not tracked", `{"verdict":"FORWARDED","IP":{"source":"10.0.0.1","destination":"10.0.0.2"},"l4":{"TCP":{"destination_port":80,"flags":{"SYN":true}}}}
{"verdict":"FORWARDED","IP":{"source":"10.0.0.2","destination":"10.0.0.1"},"l4":{"TCP":{"destination_port":4000,"flags":{"SYN":true,"ACK":true}}}}
{"verdict":"FORWARDED","IP":{"source":"10.0.0.2","destination":"10.0.0.1"},"l4":{"TCP":{"destination_port":4000,"flags":{"ACK":true}}}}`, "10.0.0.1 10.0.0.2 TCP 80 false   ", ""},
		{"dropped, by what", `{"verdict":"DROPPED","drop_reason_desc":"POLICY_DENIED","IP":{"source":"10.0.0.1","destination":"10.0.0.2"},"l4":{"TCP":{"destination_port":80,"flags":{"SYN":true}}}}
{"verdict":"DROPPED","drop_reason_desc":"STALE_OR_UNROUTABLE_IP","IP":{"source":"10.0.0.1","destination":"10.0.0.2"},"l4":{"TCP":{"destination_port":81}}}
{"verdict":"TRANSLATED","IP":{"source":"10.0.0.1","destination":"10.0.0.2"},"l4":{"TCP":{"destination_port":82}}}
{"verdict":"AUDIT","IP":{"source":"10.0.0.1","destination":"10.0.0.2"},"l4":{"TCP":{"destination_port":83}},"is_reply":false}`, "10.0.0.1 10.0.0.2 TCP 80 true   ; 10.0.0.1 10.0.0.2 TCP 83 false   ", ""},
		{"to a Service", `{"verdict":"FORWARDED","IP":{"source":"10.0.0.1","destination":"10.96.0.5"},"l4":{"TCP":{"destination_port":80}},"source":{"namespace":"a","pod_name":"web-1"},"destination_service":{"namespace":"a","name":"db"},"is_reply":false}`,
			"a/web-1 10.96.0.5 TCP 80 false a/web-1  a/db", ""},
		{"lines that are no flows", `{"lost_events":{"num_events_lost":7}}
{"node_status":{}}

` + `{"pad":"` + strings.Repeat("x", maxLine) + `"}` + `
{"verdict":"FORWARDED","IP":{"source":"10.0.0.1","destination":"10.0.0.2"},"l4":{"TCP":{"destination_port":80}},"is_reply":false}`, "10.0.0.1 10.0.0.2 TCP 80 false   ", "line 4: the line is longer"},
		{"csv", "src,dst,protocol,port,verdict\na/web,a/db,TCP,5432,allowed\na/web,8.8.8.8,udp,53,DROPPED\na/web,a/db,TCP,http,\n", "a/web a/db TCP 5432 false   ; a/web 8.8.8.8 UDP 53 true   ", "line 4"},
		{"csv of another order", "\ufeffPort, Destination, Source\n80, a/db, a/web\n", "a/web a/db TCP 80 false   ", ""},
		{"csv with a stray quote", "src,dst,port\na/web,a\"b,80\na/web,a/db,81\n", "a/web a/db TCP 81 false   ", "line 2"},
		{"csv without its columns", "a,b\n1,2\n", "", "heading"},
	} {
		got, err := ReadFlows(strings.NewReader(tt.in))
		var lines []string
		for _, o := range got {
			lines = append(lines, fmt.Sprintf("%s %s %s %d %t %s %s %s", o.From, o.To, o.Protocol, o.Port, o.Dropped, o.FromPod, o.ToPod, o.ToService))
		}
		if strings.Join(lines, "; ") != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %q, %v", tt.name, lines, err)
		}
	}
}

type brokenReader struct{ text *strings.Reader }

func (r brokenReader) Read(b []byte) (int, error) {
	if n, err := r.text.Read(b); err == nil {
		return n, nil
	}
	return 0, errors.New("the disk is gone")
}

// An input that fails is an error, and what came before it is not lost.
func TestFlowsOfBrokenInput(t *testing.T) {
	for _, in := range []string{"", "{}\n", "src,dst,port\na/b,a/c,80\n"} {
		if _, err := ReadFlows(brokenReader{strings.NewReader(in)}); err == nil || !strings.Contains(err.Error(), "the disk is gone") {
			t.Errorf("%q: %v", in, err)
		}
	}
	n := 0
	for range Flows(strings.NewReader("src,dst,port\na/b,a/c,80\na/b,a/c,81\n")) {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d flows", n)
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
