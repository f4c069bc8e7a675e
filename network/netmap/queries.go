package netmap

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/nist190/nist190/network"
)

// query is one line of questions and answers.
type query struct {
	From     string `json:"src"`
	To       string `json:"dst"`
	Protocol string `json:"protocol,omitempty"`
	Port     uint16 `json:"port"`
}

// Answer reads questions, JSON objects {"src", "dst", "protocol", "port"} of which either end is what
// [network.Connectivity.Find] reads, and writes each back on a line with "verdict" (allowed, denied or unknown) and "reason". A
// question that cannot be understood has the verdict unknown, the reason says why, and Answer returns an error after the
// last.
func Answer(w io.Writer, r io.Reader, c *network.Connectivity) error {
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
		var q query
		verdict, reason, err := network.Undecided, "", json.Unmarshal(raw, &q)
		if err == nil {
			verdict, reason, err = q.ask(c)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("query %d: %w", n, err))
			reason = err.Error()
		}
		if err := out.Encode(answer{q, verdict, reason}); err != nil {
			return err
		}
	}
}

type answer struct {
	query
	Verdict network.Reachable `json:"verdict"`
	Reason  string            `json:"reason"`
}

func (q *query) ask(c *network.Connectivity) (network.Reachable, string, error) {
	from, err := c.Find(q.From)
	if err != nil {
		return network.Undecided, "", fmt.Errorf("src %w", err)
	}
	to, err := c.Find(q.To)
	if err != nil {
		return network.Undecided, "", fmt.Errorf("dst %w", err)
	}
	protocol, err := network.ParseProtocol(q.Protocol)
	if err != nil {
		return network.Undecided, "", err
	}
	if q.Port == 0 && protocol != network.Other {
		return network.Undecided, "", errors.New("port 0: want 1 to 65535")
	}
	v, err := c.Evaluate(network.Flow{From: from, To: to, Protocol: protocol, Port: q.Port})
	return v.Answer, v.Reason, err
}

// judgement is one line of judged connections.
type judgement struct {
	query
	Dropped    bool              `json:"dropped,omitempty"`
	Verdict    network.Reachable `json:"verdict"`
	Reason     string            `json:"reason"`
	Unexpected string            `json:"unexpected,omitempty"`
}

// Judge writes each observed connection on a line, as [Answer] does, with what is odd about it: it passed though policies
// deny it, or was dropped though they allow it. An end that is not known makes the verdict unknown.
func Judge(w io.Writer, seen []network.Observation, c *network.Connectivity) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	for _, o := range seen {
		j := c.Judge(o)
		line := judgement{
			query:   query{plain(o.From), plain(o.To), o.Protocol.String(), o.Port},
			Dropped: o.Dropped, Verdict: j.Verdict.Answer, Reason: j.Verdict.Reason, Unexpected: j.Unexpected,
		}
		if j.Err != nil {
			line.Verdict, line.Reason = network.Undecided, j.Err.Error()
		}
		if err := out.Encode(line); err != nil {
			return err
		}
	}
	return nil
}
