package netmap

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/nist190/nist190/network"
)

// query is one line of questions and answers.
type query struct {
	From     string `json:"src"`
	To       string `json:"dst"`
	Protocol string `json:"protocol,omitempty"`
	Port     uint16 `json:"port"`
}

// Answer reads questions, JSON objects {"src", "dst", "protocol", "port"} of which either end is "namespace/name" of a pod
// or workload, an address or the name of a host, and writes each back on a line with "verdict" (allowed, denied or unknown)
// and "reason". The destination may be a Service too, by its name or address: then the port is the Service's, and the answer
// names both and the port of the pod. A question that cannot be understood has the verdict unknown, the reason says why, and
// Answer returns an error after the last.
func Answer(w io.Writer, r io.Reader, a *network.Attribution) error {
	in, out := json.NewDecoder(r), json.NewEncoder(w)
	out.SetEscapeHTML(false)
	var errs []error
	for n := 1; ; n++ {
		var raw json.RawMessage
		switch err := in.Decode(&raw); {
		case errors.Is(err, io.EOF):
			return errors.Join(errs...)
		case err != nil:
			return errors.Join(append(errs, fmt.Errorf("query %d: %w", n, err))...)
		}
		var q answer
		err := json.Unmarshal(raw, &q.query)
		if err == nil {
			err = q.ask(a)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("query %d: %w", n, err))
			q.Reason = err.Error()
		}
		if err := out.Encode(q); err != nil {
			return err
		}
	}
}

type answer struct {
	query
	Verdict network.Reachable `json:"verdict"`
	Reason  string            `json:"reason"`
	Service string            `json:"service,omitempty"` // that stands before the destination
	PodPort uint16            `json:"podPort,omitempty"` // where it is another than port
}

func (q *answer) ask(a *network.Attribution) error {
	protocol, err := network.ParseProtocol(q.Protocol)
	if err != nil {
		return err
	}
	if q.Port == 0 && protocol != network.Other {
		return errors.New("port 0: want 1 to 65535")
	}
	j := a.Judge(network.Observation{From: q.From, To: q.To, Protocol: protocol, Port: q.Port})
	if j.Err != nil {
		return j.Err
	}
	q.Verdict, q.Reason, q.Service = j.Verdict.Answer, j.Verdict.Reason, j.Via
	if j.PodPort != q.Port {
		q.PodPort = j.PodPort
	}
	return nil
}

// judgement is one line of judged connections.
type judgement struct {
	query
	Dropped    bool              `json:"dropped,omitempty"`
	Verdict    network.Reachable `json:"verdict"`
	Reason     string            `json:"reason"`
	Unexpected string            `json:"unexpected,omitempty"`
	Service    string            `json:"service,omitempty"` // that stands before the destination
	PodPort    uint16            `json:"podPort,omitempty"` // where it is another than port
	Workloads  *judgedEnds       `json:"workloads,omitempty"`
	Steps      []judgedStep      `json:"steps,omitempty"`
}

// judgedEnds are the workloads that were judged, as maps call them; of an address outside, nothing.
type judgedEnds struct {
	From string `json:"src,omitempty"`
	To   string `json:"dst,omitempty"`
}

// judgedStep is a rule or a policy that had a say.
type judgedStep struct {
	Direction string `json:"direction"`
	Tier      string `json:"tier"`
	Policy    string `json:"policy"`
	Rule      *int   `json:"rule,omitempty"` // its number in the direction; none is the policy as a whole
	Decision  string `json:"decision"`
	Certain   bool   `json:"certain"`
}

// Judge writes each observed connection on a line as it comes, as [Answer] does, with the policies and rules that had a say and
// with what is odd about it: it passed though policies deny it, or was dropped though they allow it. An end that is not
// known makes the verdict unknown. What could not be read is in the error, after the last.
func Judge(w io.Writer, flows iter.Seq2[network.Observation, error], a *network.Attribution) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	var errs []error
	for o, err := range flows {
		if err != nil {
			if len(errs) < maxErrors {
				errs = append(errs, err)
			}
			continue
		}
		j := a.Judge(o)
		line := judgement{
			query:   query{plain(o.From), plain(o.To), o.Protocol.String(), o.Port},
			Dropped: o.Dropped, Service: plain(j.Via), Verdict: j.Verdict.Answer, Reason: plain(j.Verdict.Reason), Unexpected: j.Unexpected,
		}
		if j.PodPort != o.Port {
			line.PodPort = j.PodPort
		}
		for _, s := range j.Verdict.Steps {
			step := judgedStep{Direction: s.Direction.String(), Tier: s.Tier, Policy: plain(s.Policy), Decision: s.Decision, Certain: s.Sure}
			if s.Rule >= 0 {
				step.Rule = &s.Rule
			}
			line.Steps = append(line.Steps, step)
		}
		if j.Err != nil {
			line.Verdict, line.Reason = network.Undecided, plain(j.Err.Error())
		} else {
			line.Workloads = &judgedEnds{workloadOf(a, j.Source), workloadOf(a, j.Destination)}
		}
		if err := out.Encode(line); err != nil {
			return err
		}
	}
	return errors.Join(errs...)
}

// maxErrors are as many as somebody reads.
const maxErrors = 20

func workloadOf(a *network.Attribution, e network.End) string {
	p, ok := a.Zones().PlaceOf(e, network.LevelWorkload)
	if !ok {
		return ""
	}
	return plain(p.Key())
}
