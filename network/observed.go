package network

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// Observation is a connection that was seen to be opened.
type Observation struct {
	// From and To are addresses, "namespace/name" of a pod, a workload or, of To, a Service, or the Service's name in DNS.
	From, To string
	Protocol Protocol
	Port     uint16
	// Dropped is set where a policy denied it.
	Dropped bool
	// FromPod and ToPod are "namespace/name" of the very pods, where that is known beside the workloads: pods come and go.
	FromPod, ToPod string
	// ToService is "namespace/name" of the Service whose address To is, where that is known.
	ToService string
}

// Flows reads observed connections one by one: the JSON lines of "hubble observe -o json" or of Hubble's exporter (flow.proto of
// Cilium), or CSV with a heading that names the columns src, dst, protocol, port and, if it likes, verdict. Replies, what has
// no port, and what was dropped for another reason than a policy are left out. What cannot be read costs its line, and is an
// error that names it.
func Flows(r io.Reader) iter.Seq2[Observation, error] {
	return func(yield func(Observation, error) bool) {
		b := bufio.NewReaderSize(r, 1<<16)
		for {
			c, err := b.ReadByte()
			switch {
			case errors.Is(err, io.EOF):
				return // nothing was seen
			case err != nil:
				yield(Observation{}, err)
				return
			case strings.ContainsRune(" \t\r\n\ufeff", rune(c)) || c == 0xef || c == 0xbb || c == 0xbf: // a byte order mark
				continue
			}
			_ = b.UnreadByte()
			if c == '{' {
				readHubble(b, yield)
			} else {
				readCSV(b, yield)
			}
			return
		}
	}
}

const maxLineErrors = 20

// ReadFlows reads all of [Flows]. The error names lines that could not be read, after all that could be.
func ReadFlows(r io.Reader) ([]Observation, error) {
	var out []Observation
	var errs []error
	for o, err := range Flows(r) {
		switch {
		case err == nil:
			out = append(out, o)
		case len(errs) < maxLineErrors:
			errs = append(errs, err)
		}
	}
	return out, errors.Join(errs...)
}

// hubbleFlow is what matters of a line; exporters write the flow alone, the command wraps it.
type hubbleFlow struct {
	Flow       *hubbleFlow `json:"flow"`
	Verdict    string      `json:"verdict"`
	DropReason string      `json:"drop_reason_desc"`
	IsReply    *bool       `json:"is_reply"`
	IP         struct {
		Source      string `json:"source"`
		Destination string `json:"destination"`
	} `json:"IP"`
	L4 struct {
		TCP *struct {
			Port  uint16 `json:"destination_port"`
			Flags *struct {
				SYN bool `json:"SYN"`
				ACK bool `json:"ACK"`
			} `json:"flags"`
		}
		UDP, SCTP *struct {
			Port uint16 `json:"destination_port"`
		}
	} `json:"l4"`
	Source             hubbleEnd `json:"source"`
	Destination        hubbleEnd `json:"destination"`
	DestinationService struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"destination_service"`
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
	case len(e.Workloads) > 0 && e.Workloads[0].Name != "":
		return e.Namespace + "/" + e.Workloads[0].Name
	case e.PodName != "":
		return e.Namespace + "/" + e.PodName
	}
	return ip
}

func (e hubbleEnd) pod() string {
	if e.Namespace == "" || e.PodName == "" {
		return ""
	}
	return e.Namespace + "/" + e.PodName
}

// policyDrops are the reasons of Cilium's datapath that are a policy's (flow.proto, DropReason).
var policyDrops = []string{"", "POLICY_DENIED", "POLICY_DENY", "AUTH_REQUIRED"}

// observation is nil where the flow is no opening of a connection that was forwarded or that a policy denied.
func (f *hubbleFlow) observation() *Observation {
	o := &Observation{
		From: f.Source.name(f.IP.Source), To: f.Destination.name(f.IP.Destination),
		FromPod: f.Source.pod(), ToPod: f.Destination.pod(),
	}
	if s := f.DestinationService; s.Namespace != "" && s.Name != "" && f.Destination.Namespace == "" {
		o.ToService = s.Namespace + "/" + s.Name
	}
	switch f.Verdict {
	case "DROPPED":
		if !slices.Contains(policyDrops, f.DropReason) {
			return nil
		}
		o.Dropped = true
	case "ERROR", "TRACED", "TRANSLATED":
		return nil // not what became of it
	}
	switch l4 := f.L4; {
	case l4.TCP != nil:
		o.Protocol, o.Port = TCP, l4.TCP.Port
		// Where the connection was not tracked its packets tell: the first has SYN alone.
		if flags := l4.TCP.Flags; f.IsReply == nil && flags != nil && (!flags.SYN || flags.ACK) {
			return nil
		}
	case l4.UDP != nil:
		o.Protocol, o.Port = UDP, l4.UDP.Port
	case l4.SCTP != nil:
		o.Protocol, o.Port = SCTP, l4.SCTP.Port
	}
	if o.Port == 0 || o.From == "" || o.To == "" || f.IsReply != nil && *f.IsReply {
		return nil
	}
	return o
}

// maxLine is more than any flow takes.
const maxLine = 1 << 20

func readHubble(b *bufio.Reader, yield func(Observation, error) bool) {
	for n := 1; ; n++ {
		line, err := readLine(b)
		if errors.Is(err, io.EOF) {
			return
		}
		var o *Observation
		switch {
		case errors.Is(err, errLong):
			err = fmt.Errorf("line %d: %w", n, err)
		case err != nil:
			yield(Observation{}, err)
			return
		case len(line) == 0:
			continue
		default:
			var f hubbleFlow
			if err = json.Unmarshal(line, &f); err != nil {
				err = fmt.Errorf("line %d: %w", n, err)
			} else if f.Flow != nil {
				o = f.Flow.observation()
			} else {
				o = f.observation()
			}
		}
		switch {
		case err != nil:
			if !yield(Observation{}, err) {
				return
			}
		case o != nil:
			if !yield(*o, nil) {
				return
			}
		}
	}
}

var errLong = errors.New("the line is longer than any flow")

// readLine reads a line without its end; of one that is too long nothing is kept.
func readLine(b *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := b.ReadSlice('\n')
		if len(line) <= maxLine {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0, err == nil:
			if len(line) > maxLine {
				return nil, errLong
			}
			return bytes.TrimSpace(line), nil
		default:
			return nil, err
		}
	}
}

func readCSV(r io.Reader, yield func(Observation, error) bool) {
	c := csv.NewReader(r)
	c.FieldsPerRecord = -1
	head, err := c.Read()
	if err != nil {
		yield(Observation{}, err)
		return
	}
	column := func(names ...string) int {
		return slices.IndexFunc(head, func(h string) bool { return slices.Contains(names, strings.ToLower(strings.TrimSpace(h))) })
	}
	src, dst, protocol, port, verdict := column("src", "source", "from"), column("dst", "destination", "to"), column("protocol", "proto"), column("port", "dport"), column("verdict", "action")
	if src < 0 || dst < 0 || port < 0 {
		yield(Observation{}, fmt.Errorf("heading %q: want the columns src, dst, protocol, port", head))
		return
	}
	for {
		record, err := c.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		var syntax *csv.ParseError
		if err != nil {
			// A mistake of syntax says its line; anything else is the input itself.
			if !yield(Observation{}, err) || !errors.As(err, &syntax) {
				return
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
		o := Observation{From: field(src), To: field(dst), Protocol: p, Port: uint16(n), Dropped: slices.Contains(droppedWords, strings.ToLower(field(verdict)))}
		if err = errors.Join(err, err2); err != nil {
			o, err = Observation{}, fmt.Errorf("line %d: %w", line, err)
		}
		if !yield(o, err) {
			return
		}
	}
}

var droppedWords = []string{"dropped", "denied", "deny", "drop", "blocked", "block", "rejected", "reject"}

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
