package main

import (
	"flag"
	"fmt"
	"io"

	"github.com/nist190/nist190/examples/internal/input"
)

// question is what the flags ask.
type question struct {
	files                 []string
	whoCan, lookup, rules string
	namespace, name       string
	json                  bool
	input                 *input.Flags
}

func parseFlags(args []string, stderr io.Writer) (*question, error) {
	q := &question{}
	fs := flag.NewFlagSet("authorize", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Func("f", "`PATH` of manifests, a file or directory; may be given several times", func(s string) error {
		q.files = append(q.files, s)
		return nil
	})
	fs.StringVar(&q.whoCan, "who-can", "", "who can `\"VERB RESOURCE[.GROUP][/SUBRESOURCE]\"` or \"VERB /PATH\"")
	fs.StringVar(&q.lookup, "lookup", "", "the bindings of a `SUBJECT`")
	fs.StringVar(&q.rules, "rules", "", "the rules of a `SUBJECT`")
	fs.StringVar(&q.namespace, "n", "", "`namespace` of -who-can (default all of them) and -rules")
	fs.StringVar(&q.name, "name", "", "`name` of the object of -who-can")
	q.input = input.Add(fs)
	format := fs.String("o", "text", "output `format`: text or json")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	asked := 0
	for _, s := range []string{q.whoCan, q.lookup, q.rules} {
		if s != "" {
			asked++
		}
	}
	var err error
	switch {
	case fs.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q: manifests are given with -f", fs.Arg(0))
	case len(q.files) == 0 && !q.input.Live():
		err = fmt.Errorf("-f PATH is required, or a cluster with -kubeconfig, -context or -live")
	case asked > 1:
		err = fmt.Errorf("-who-can, -lookup and -rules exclude one another")
	case *format != "text" && *format != "json":
		err = fmt.Errorf("-o %s: it is text or json", *format)
	}
	if err != nil {
		fmt.Fprintln(stderr, "authorize:", err)
		return nil, err
	}
	q.json = *format == "json"
	return q, nil
}
