package network

import (
	"strings"
	"testing"
)

func TestCalicoSelector(t *testing.T) {
	thing := calicoThing{label: func(key string) (string, truth) {
		switch key {
		case "a":
			return "abc", yes
		case "b.c/d-e_f":
			return "", yes
		case "open":
			return "", maybe
		}
		return "", no
	}}
	for text, want := range map[string]truth{
		"": yes, " \t": yes, "all()": yes, "!all()": no, "all( )": yes,
		"a == 'abc'": yes, `a=="abc"`: yes, "a == 'ab'": no, "a != 'ab'": yes, "a != 'abc'": no,
		"none == ''": no, "none != 'x'": yes, "b.c/d-e_f == ''": yes,
		"a in {'x', 'abc'}": yes, "a in {}": no, "a in {'x',}": no, "a not in {'x'}": yes, "a not  in{'abc'}": no, "none not in {'x'}": yes, "none in {'x'}": no,
		"has(a)": yes, "!has(a)": no, "has( none )": no, "!!has(a)": yes, "! has(none)": yes,
		"a contains 'b'": yes, "a contains 'x'": no, "a starts with 'ab'": yes, "a starts with 'b'": no, "a ends  with 'bc'": yes, "a ends with 'b'": no, "none contains ''": no,
		"open == 'x'": maybe, "open != 'x'": maybe, "has(open)": maybe, "!has(open)": maybe, "open in {'x'}": maybe,
		"open == 'x' && has(none)": no, "open == 'x' || has(a)": yes, "open == 'x' && has(a)": maybe, "!(open == 'x') || has(none)": maybe,
		"has(none) && has(none) || has(a)": yes, "has(none) && (has(none) || has(a))": no, "has(a) || has(a) && has(none)": yes,
		"has == 'x'": no, "all != 'x'": yes, "in in {'x'}": no,
	} {
		s, err := parseCalico(text, false)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if got := s.matches(thing); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestCalicoSelectorOfNamespaces(t *testing.T) {
	for text, want := range map[string][2]truth{ // of a namespace, and of what has none
		"all()": {yes, no}, "global()": {no, yes}, "!global()": {yes, no}, "team == 'a'": {yes, no}, "team != 'a'": {no, yes}, "all() || global()": {yes, yes}, "has(team)": {yes, no},
	} {
		s, err := parseCalico(text, true)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		n := &namespaceInfo{name: "n", labels: map[string]string{"team": "a"}, known: true}
		if got := [2]truth{s.matches(namespaceThing(n)), s.matches(namespaceThing(nil))}; got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestCalicoSelectorRefused(t *testing.T) {
	for _, text := range []string{
		"a", "a =", "a = 'b'", "a == b", "a == 'b", "a == 'b' &&", "|| has(a)", "has(", "has()", "has(a", "has (a)", "all", "all(a)", "(has(a)", "has(a))", "a in", "a in {", "a in {'x'", "a in {'x' 'y'}", "a in {,}",
		"a not 'x'", "a starts 'x'", "a starts ends with 'x'", "a & b", "ä == 'x'", "has(a)\n", "!", "global()", strings.Repeat("(", 1<<16), strings.Repeat("(", 200) + "all()" + strings.Repeat(")", 200),
	} {
		if _, err := parseCalico(text, false); err == nil {
			t.Errorf("%q is taken", abridge(text))
		}
	}
}

func FuzzCalicoSelector(f *testing.F) {
	for _, s := range []string{"all()", "a == 'b' && !has(c)", "a not in {'x', \"y\"} || (b starts with 'z')", "global()", "((", "a ends with"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, namespaces := range []bool{false, true} {
			s, err := parseCalico(text, namespaces)
			if err != nil {
				continue
			}
			// What holds while nothing is known of labels holds whatever they are.
			open := s.matches(calicoThing{label: func(string) (string, truth) { return "", maybe }})
			for _, value := range []string{"", "b", "x"} {
				got := s.matches(calicoThing{label: func(string) (string, truth) { return value, yes }})
				if got == maybe || open != maybe && got != open {
					t.Errorf("%q: %d, and %d where labels are open", text, got, open)
				}
			}
		}
	})
}
