package authn

import (
	"regexp"
	"slices"
	"strings"

	"github.com/nist190/nist190/internal/controlplane/config"
)

// factorClaims are the claims that tell how somebody logged in: OpenID Connect Core 1.0 section 2 (acr, amr), and the
// authentication contexts of Microsoft Entra ID (acrs, auth_context).
var factorClaims = []string{"acr", "amr", "acrs", "auth_context"}

var (
	claimName  = regexp.MustCompile(`\bclaims\.\??(\w+)`)
	claimIndex = regexp.MustCompile(`\bclaims\[\??'(\w+)'\]`)
	hasCall    = regexp.MustCompile(`!?has\([^()]*\)`)
	quoted     = regexp.MustCompile(`'([^']*)'`)
)

// single are values of amr (RFC 8176) that name one thing that one knows, or nothing, and the levels of acr that ask for no
// more than a password (OpenID Connect Core 1.0 section 2 for 0, Keycloak's default for 1).
var single = []string{"pwd", "pin", "kba", "wia", "user", "geo", "rba", "0", "1", ""}

// factorRule finds the rule by which only logins with several factors are let in. Rules that are refused by every token are
// no evidence: amr is a list (RFC 8176 section 1), and a required value must be text (plugin/pkg/authenticator/token/oidc,
// "Only string values are supported as valid required claim values"); never has their index.
func factorRule(rules []config.ClaimValidationRule) (index int, never []int) {
	index = -1
	for i, r := range rules {
		switch {
		case r.Claim == "amr", r.Claim == "acrs":
			never = append(never, i)
		case r.Claim != "":
			if index < 0 && slices.Contains(factorClaims, r.Claim) && !slices.Contains(single, r.RequiredValue) {
				index = i
			}
		case index < 0 && asksFactors(r.Expression):
			index = i
		}
	}
	return index, never
}

// asksFactors: one of the terms, all of which must hold, compares such a claim with something else than a single factor.
func asksFactors(expression string) bool {
	for _, term := range split(expression, "&&") {
		text := hasCall.ReplaceAllString(compact(unwrap(strings.TrimSpace(term))), "")
		if len(split(text, "||")) > 1 { // "or" may let the other side through
			if !everyAlternative(text) {
				continue
			}
			return true
		}
		if namesFactors(text) {
			return true
		}
	}
	return false
}

func everyAlternative(text string) bool {
	for _, alternative := range split(text, "||") {
		if !namesFactors(alternative) {
			return false
		}
	}
	return true
}

func namesFactors(text string) bool {
	if strings.Contains(text, "!=") || strings.HasPrefix(text, "!") {
		return false
	}
	if !slices.ContainsFunc(claimsIn(text), func(c string) bool { return slices.Contains(factorClaims, c) }) {
		return false
	}
	for _, m := range quoted.FindAllStringSubmatch(claimIndex.ReplaceAllString(text, "claims.$1"), -1) {
		if !slices.Contains(single, m[1]) {
			return true
		}
	}
	return false
}

// claimsIn lists the claims that a compact expression names, outside of literals.
func claimsIn(text string) []string {
	var out []string
	for _, m := range claimName.FindAllStringSubmatch(quoted.ReplaceAllString(claimIndex.ReplaceAllString(text, "claims.$1"), "''"), -1) {
		out = append(out, m[1])
	}
	return out
}
