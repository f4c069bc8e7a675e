package network

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Observation is a connection that was seen to be opened. Ends are as [Connectivity.Find] reads them.
type Observation struct {
	From, To string
	Protocol Protocol
	Port     uint16
	// Dropped is set where a policy denied it.
	Dropped bool
}

// ReadFlows reads observed connections: the JSON lines of "hubble observe -o json" (flow.proto of Cilium), or CSV with a
// heading that names the columns src, dst, protocol, port and, if it likes, verdict. Replies and what has no port are left
// out. What cannot be read costs its line; the error names those lines, after all that could be read.
func ReadFlows(r io.Reader) ([]Observation, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	for {
		c, err := b.ReadByte()
		if err != nil {
			return nil, nil // nothing was seen
		}
		if strings.ContainsRune(" \t\r\n\ufeff", rune(c)) {
			continue
		}
		_ = b.UnreadByte()
		if c == '{' {
			return readHubble(b)
		}
		return readCSV(b)
	}
}

// hubbleFlow is what matters of a line; exporters write the flow alone, the command wraps it.
type hubbleFlow struct {
	Flow    *hubbleFlow `json:"flow"`
	Verdict string      `json:"verdict"`
	IsReply *bool       `json:"is_reply"`
	IP      struct {
		Source      string `json:"source"`
		Destination string `json:"destination"`
	} `json:"IP"`
	L4 struct {
		TCP, UDP, SCTP *struct {
			Port uint16 `json:"destination_port"`
		}
	} `json:"l4"`
	Source      hubbleEnd `json:"source"`
	Destination hubbleEnd `json:"destination"`
}

type hubbleEnd struct {
	Namespace string `json:"namespace"`
	PodName   string `json:"pod_name"`
	Workloads []struct {
		Name string `json:"name"`
	} `json:"workloads"`
}

// name prefers the workload: pods come and go.
func (e hubbleEnd) name(ip string) string {
	switch {
	case e.Namespace == "":
		return ip
	case len(e.Workloads) > 0:
		return e.Namespace + "/" + e.Workloads[0].Name
	case e.PodName != "":
		return e.Namespace + "/" + e.PodName
	}
	return ip
}

const maxLineErrors = 20

func readHubble(r io.Reader) ([]Observation, error) {
	var out []Observation
	var errs []error
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for n := 1; s.Scan(); n++ {
		line := bytes.TrimSpace(s.Bytes())
		if len(line) == 0 {
			continue
		}
		var f hubbleFlow
		if err := json.Unmarshal(line, &f); err != nil {
			if len(errs) < maxLineErrors {
				errs = append(errs, fmt.Errorf("line %d: %w", n, err))
			}
			continue
		}
		if f.Flow != nil {
			f = *f.Flow
		}
		o := Observation{From: f.Source.name(f.IP.Source), To: f.Destination.name(f.IP.Destination), Dropped: f.Verdict == "DROPPED"}
		switch {
		case f.L4.TCP != nil:
			o.Protocol, o.Port = TCP, f.L4.TCP.Port
		case f.L4.UDP != nil:
			o.Protocol, o.Port = UDP, f.L4.UDP.Port
		case f.L4.SCTP != nil:
			o.Protocol, o.Port = SCTP, f.L4.SCTP.Port
		}
		if o.Port != 0 && o.From != "" && o.To != "" && (f.IsReply == nil || !*f.IsReply) {
			out = append(out, o)
		}
	}
	if err := s.Err(); err != nil {
		errs = append(errs, err)
	}
	return out, errors.Join(errs...)
}

func readCSV(r io.Reader) ([]Observation, error) {
	c := csv.NewReader(r)
	c.FieldsPerRecord = -1
	head, err := c.Read()
	if err != nil {
		return nil, err
	}
	column := func(names ...string) int {
		return slices.IndexFunc(head, func(h string) bool { return slices.Contains(names, strings.ToLower(strings.TrimSpace(h))) })
	}
	src, dst, protocol, port, verdict := column("src", "source", "from"), column("dst", "destination", "to"), column("protocol", "proto"), column("port", "dport"), column("verdict", "action")
	if src < 0 || dst < 0 || port < 0 {
		return nil, fmt.Errorf("heading %q: want the columns src, dst, protocol, port", head)
	}
	var out []Observation
	var errs []error
	bad := func(line int, err error) {
		if len(errs) < maxLineErrors {
			errs = append(errs, fmt.Errorf("line %d: %w", line, err))
		}
	}
	for {
		record, err := c.Read()
		if errors.Is(err, io.EOF) {
			return out, errors.Join(errs...)
		}
		var syntax *csv.ParseError
		if err != nil && !errors.As(err, &syntax) {
			return out, errors.Join(append(errs, err)...) // the input itself
		}
		if err != nil {
			if len(errs) < maxLineErrors {
				errs = append(errs, err) // says its line
			}
			continue
		}
		line, _ := c.FieldPos(0)
		field := func(i int) string {
			if i < 0 || i >= len(record) {
				return ""
			}
			return strings.TrimSpace(record[i])
		}
		p, err := ParseProtocol(field(protocol))
		n, err2 := strconv.ParseUint(field(port), 10, 16)
		if err = errors.Join(err, err2); err != nil {
			bad(line, err)
			continue
		}
		v := strings.ToLower(field(verdict))
		out = append(out, Observation{field(src), field(dst), p, uint16(n), v == "dropped" || v == "denied" || v == "deny" || v == "drop"})
	}
}

// Judged is an observation with what the policies say of it.
type Judged struct {
	Observation
	Source, Destination End
	Verdict             Verdict
	// Unexpected says what is odd: it passed though the policies deny it (they are not enforced, or are newer), or was
	// dropped though they allow it. Empty where nothing is.
	Unexpected string
	// Err is set where an end is not known.
	Err error
}

// Judge compares what was seen with what policies say.
func (c *Connectivity) Judge(o Observation) Judged {
	out := Judged{Observation: o}
	if out.Source, out.Err = c.Find(o.From); out.Err != nil {
		return out
	}
	if out.Destination, out.Err = c.Find(o.To); out.Err != nil {
		return out
	}
	out.Verdict, out.Err = c.Evaluate(Flow{out.Source, out.Destination, o.Protocol, o.Port})
	switch {
	case out.Verdict.Answer == Denied && !o.Dropped:
		out.Unexpected = "it passed, and the policies deny it"
	case out.Verdict.Answer == Allowed && o.Dropped:
		out.Unexpected = "it was dropped, and the policies allow it"
	}
	return out
}

// PlaceOf is the place of an end at a level; an address is "outside".
func (z *Zones) PlaceOf(e End, level Level) (Place, bool) {
	if e.Named != nil {
		return e.Named.Place(), true
	}
	if e.Pod == nil {
		return Place{}, false
	}
	return z.placeOf(e.Pod, level), true
}

// Has reports whether a place is, or holds, an end.
func (z *Zones) Has(p Place, e End, level Level) bool {
	if e.Named != nil || p.Named != nil {
		return e.Named != nil && p.Named != nil && p.Key() == e.Named.String()
	}
	if e.Pod == nil {
		return p.Addresses != nil && p.Addresses.Has(e.Addr)
	}
	if p.Addresses != nil {
		return false
	}
	have := z.placeOf(e.Pod, level)
	have.Host, p.Host = false, false
	return have == p
}
