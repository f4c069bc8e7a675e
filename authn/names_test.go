package authn

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/nist190/nist190/internal/controlplane/config"
)

func TestExpressed(t *testing.T) {
	for _, tt := range []struct {
		expression, want string
		collide          Possible
	}{
		{`claims.sub`, "*", Certain},
		{`claims["sub"]`, "*", Certain},
		{`'sso:' + claims.sub`, "sso:*", Impossible},
		{`("sso:" + claims.sub)`, "sso:*", Impossible},
		{`'system' + claims.sub`, "system*", Certain},
		{`'system:' + claims.sub`, "system:*", Certain},
		{`"sy" + "stem:masters"`, "system:masters", Certain},
		{`claims.sub + '@x'`, "*", Certain},
		{`claims.email_verified ? 'a:' + claims.email : 'b:' + claims.sub`, "a:*, b:*", Impossible},
		{`claims.a ? claims.b ? 'x' : 'y' : 'z'`, "x, y, z", Impossible},
		{`claims.?email.orValue("none")`, "* at most", Perhaps},
		{`claims.groups.map(g, 'sso:' + g)`, "sso:*", Impossible},
		{`claims.groups.map(g, g)`, "*", Certain},
		{`claims.roles.split(',').map(r, "role:" + r)`, "role:*", Impossible},
		{`['dev', "ops"]`, "dev, ops", Impossible},
		{`[claims.group]`, "*", Certain},
		{`claims.sub == 'root' ? ['system:masters'] : []`, "system:masters", Certain},
		{`claims.groups.filter(g, g in ['dev'])`, "* at most", Perhaps},
		{`'it\'s ' + claims.sub`, "* at most", Perhaps}, // an escape is not read
		{`'a:b ? c' + claims.sub`, "a:b ? c*", Impossible},
		{`dyn(claims.sub)`, "* at most", Perhaps},
	} {
		n := expressed(tt.expression)
		if n.String() != tt.want || n.CanCollide() != tt.collide {
			t.Errorf("%s: %s, collides %s; want %s, %s", tt.expression, n, n.CanCollide(), tt.want, tt.collide)
		}
	}
}

func TestLimit(t *testing.T) {
	for _, tt := range []struct {
		rule, value string
		want        Possible
	}{
		{`!user.username.startsWith('system:')`, "user.username", Impossible},
		{` ! user.username . startsWith( "system:" ) `, "user.username", Impossible},
		{`!user.username.startsWith('sys')`, "user.username", Impossible},
		{`!user.username.startsWith('system:node:')`, "user.username", Perhaps},
		{`!user.username.startsWith('system:') && user.username != 'root'`, "user.username", Impossible},
		{`!user.username.startsWith('system:') || claims.admin`, "user.username", Perhaps},
		{`user.username.startsWith('sso:')`, "user.username", Impossible},
		{`user.username.startsWith('sys')`, "user.username", Certain},
		{`user.usernames.size() > 0`, "user.username", Certain}, // of another field
		{`user.groups.all(group, !group.startsWith('system:'))`, "user.groups", Impossible},
		{`!user.groups.exists(g, g.startsWith("system:"))`, "user.groups", Impossible},
		{`user.groups.all(g, !h.startsWith('system:'))`, "user.groups", Perhaps},
		{`user.groups.all(g, g.startsWith('sso:'))`, "user.groups", Impossible},
		{`user.groups.exists(g, g.startsWith('sso:'))`, "user.groups", Perhaps}, // one of them is not all of them
		{`claims.groups.all(g, !g.startsWith('system:'))`, "user.groups", Certain},
	} {
		n := AnyName()
		n.limit(tt.rule, tt.value)
		if got := n.CanCollide(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.rule, got, tt.want)
		}
	}
}

// gen makes an expression of the forms that are read and of one that is not, with every value that it has for the claims.
func gen(rng *rand.Rand, depth int) (text string, values []string) {
	claim := []string{"alice", "system:masters", "sys", ""}
	literals := []string{"sso:", "system:", "sys", "tem:masters", "a?b", "x:y", "(", "+"}
	kind := rng.IntN(6)
	if depth == 0 {
		kind = rng.IntN(2)
	}
	switch kind {
	case 0:
		return "claims.sub", claim
	case 1:
		l := literals[rng.IntN(len(literals))]
		return fmt.Sprintf("%q", l), []string{l}
	case 2:
		a, x := gen(rng, 0)
		b, y := gen(rng, 0)
		for _, p := range x {
			for _, q := range y {
				values = append(values, p+q)
			}
		}
		return a + " + " + b, values
	case 3:
		a, x := gen(rng, depth-1)
		b, y := gen(rng, depth-1)
		return "claims.ok == ':' ? (" + a + ") : " + b, append(x, y...)
	case 4:
		a, x := gen(rng, depth-1)
		return "(" + a + ")", x
	default:
		l := literals[rng.IntN(len(literals))]
		for _, c := range claim {
			values = append(values, strings.ToLower(l+c))
		}
		return fmt.Sprintf("(%q + claims.sub).lowerAscii()", l), values
	}
}

// TestExpressedCoversEveryValue: what an expression can give is never said to be impossible.
func TestExpressedCoversEveryValue(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 190))
	for range 5000 {
		text, values := gen(rng, 3)
		n := expressed(text)
		for _, v := range values {
			if n.Can(v) == Impossible {
				t.Fatalf("%s gives %q, and is said to give %s", text, v, n)
			}
			if strings.HasPrefix(v, "system:") && n.CanCollide() == Impossible {
				t.Fatalf("%s gives %q, and is said not to collide", text, v)
			}
		}
	}
}

// TestLimitCoversEveryName: a name that all rules let through is never said to be impossible.
func TestLimitCoversEveryName(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 190))
	prefixes := []string{"system:", "sys", "sso:", "s", "system:node:"}
	names := []string{"system:masters", "system:node:a", "sso:alice", "sysadmin", "bob", "s", ""}
	for range 5000 {
		n := AnyName()
		lets := func(string) bool { return true }
		for range rng.IntN(4) {
			p, no := prefixes[rng.IntN(len(prefixes))], rng.IntN(2) == 0
			rule := "user.username.startsWith('" + p + "')"
			if no {
				rule = "!" + rule
			}
			before := lets
			lets = func(s string) bool { return before(s) && strings.HasPrefix(s, p) != no }
			n.limit(rule, "user.username")
		}
		for _, s := range names {
			if lets(s) && n.Can(s) == Impossible {
				t.Fatalf("%q is let through, and is said to be none of %s", s, n)
			}
			if lets(s) && strings.HasPrefix(s, "system:") && n.CanCollide() == Impossible {
				t.Fatalf("%q is let through, and is said not to collide", s)
			}
		}
	}
}

func TestFactorRule(t *testing.T) {
	for _, tt := range []struct {
		rule  config.ClaimValidationRule
		found bool
		never int
	}{
		{config.ClaimValidationRule{Claim: "acr", RequiredValue: "urn:okta:loa:2fa:any"}, true, 0},
		{config.ClaimValidationRule{Claim: "acr", RequiredValue: "1"}, false, 0},
		{config.ClaimValidationRule{Claim: "amr", RequiredValue: "mfa"}, false, 1},
		{config.ClaimValidationRule{Claim: "hd", RequiredValue: "example.com"}, false, 0},
		{config.ClaimValidationRule{Expression: `'mfa' in claims.amr`}, true, 0},
		{config.ClaimValidationRule{Expression: `has(claims.amr) && "otp" in claims.amr`}, true, 0},
		{config.ClaimValidationRule{Expression: `has(claims.amr)`}, false, 0},
		{config.ClaimValidationRule{Expression: `'pwd' in claims.amr`}, false, 0},
		{config.ClaimValidationRule{Expression: `'mfa' in claims.amr || 'pwd' in claims.amr`}, false, 0},
		{config.ClaimValidationRule{Expression: `'mfa' in claims.amr || 'sc' in claims.amr`}, true, 0},
		{config.ClaimValidationRule{Expression: `claims.acr != '0'`}, false, 0},
		{config.ClaimValidationRule{Expression: `!('mfa' in claims.amr)`}, false, 0},
		{config.ClaimValidationRule{Expression: `claims.?acrs.orValue([]).exists(a, a == 'c1')`}, true, 0},
		{config.ClaimValidationRule{Expression: `claims["auth_context"] == 'strong'`}, true, 0},
		{config.ClaimValidationRule{Expression: `claims.sub == 'claims.amr mfa'`}, false, 0}, // in a literal
	} {
		i, never := factorRule([]config.ClaimValidationRule{tt.rule})
		if (i == 0) != tt.found || len(never) != tt.never {
			t.Errorf("%+v: %d, %v", tt.rule, i, never)
		}
	}
}
