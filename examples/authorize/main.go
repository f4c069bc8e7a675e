// Command authorize answers who may do what from Kubernetes manifests alone, as an API server with the RBAC authorizer
// would; or from the RBAC objects of a cluster, with -kubeconfig, -context or -live in place of -f.
//
//	authorize -f PATH [-f PATH]... < reviews.json          SubjectAccessReviews in, each out with its status
//	authorize -f PATH -who-can "create pods/exec" [-n NS] [-name NAME]
//	authorize -f PATH -lookup SUBJECT                      bindings of a subject, itself and through groups
//	authorize -f PATH -rules SUBJECT [-n NS]               rules of a subject, each with its source
//
// A SUBJECT is user:NAME, group:NAME, serviceaccount:NAMESPACE/NAME; for -lookup also all, users, groups, serviceaccounts
// or /a regular expression/. Without -n, -who-can asks about every namespace at once. -o json prints JSON. The exit status
// is 0 when the question was answered and 3 when an input or flag could not be read.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
	"github.com/nist190/nist190/rbac"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status := authorize(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

const malfunction = 3

func authorize(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	q, err := parseFlags(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil: // the flag package has said what is wrong
		return malfunction
	}
	if err := q.answer(ctx, stdin, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "authorize:", err)
		return malfunction
	}
	return 0
}

func (q *question) answer(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) error {
	source, err := q.input.Source(manifest.Config{}, q.files...)
	if err != nil {
		return err
	}
	inv, err := inventory.Collect(ctx, q.input.Needs(rbac.AccessNeeds()), source)
	if err != nil {
		return err
	}
	access, err := rbac.AccessOf(ctx, inv)
	if err != nil {
		return err
	}
	for _, p := range inv.Problems() {
		fmt.Fprintf(stderr, "%s: %s\n", p.Origin, p.Message)
	}
	switch {
	case q.whoCan != "":
		return q.printWhoCan(access, stdout)
	case q.lookup != "":
		return q.printLookup(access, stdout)
	case q.rules != "":
		return q.printRules(access, stdout)
	}
	return review(access, stdin, stdout)
}
