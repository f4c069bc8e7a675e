package process

import (
	"path"
	"strings"
)

// unwrap replaces a shell's script by the command in it that starts a component.
func unwrap(argv []Arg) []Arg {
	if len(argv) == 0 || !shells[path.Base(argv[0].Text)] {
		return argv
	}
	for i := 1; i+1 < len(argv); i++ {
		// -c, and what is bundled with it: -ec, -exc
		if t := argv[i].Text; strings.HasPrefix(t, "-") && !strings.HasPrefix(t, "--") && strings.HasSuffix(t, "c") {
			return script(argv[i+1])
		}
	}
	return argv
}

var shells = map[string]bool{"sh": true, "bash": true, "ash": true, "dash": true, "busybox": true}

// script is the first command of a script with the binary of a component among its words.
func script(a Arg) []Arg {
	for _, c := range commands(a) {
		for _, w := range c {
			if _, ok := ComponentOf(w.Text); ok {
				return c
			}
		}
	}
	return nil
}

// commands splits a script into its simple commands and these into words (POSIX shell, 2.2 and 2.3). Nothing is
// expanded: a word that depends on a variable or a command is doubtful. Redirections are left out.
func commands(a Arg) [][]Arg {
	var out [][]Arg
	var cmd []Arg
	s := scanner{rest: a.Text}
	redirected := false
	end := func() {
		if len(cmd) > 0 {
			out = append(out, cmd)
		}
		cmd, redirected = nil, false
	}
	for {
		s.blank()
		if s.rest == "" {
			end()
			return out
		}
		switch s.rest[0] {
		case ';', '|', '(', ')', '\n':
			s.rest = s.rest[1:]
			end()
			continue
		case '&':
			if strings.HasPrefix(s.rest, "&>") {
				break
			}
			s.rest = s.rest[1:]
			end()
			continue
		}
		if s.redirection() {
			redirected = true
			continue
		}
		w, doubt := s.word()
		if redirected {
			redirected = false
			continue
		}
		cmd = append(cmd, Arg{Text: w, Doubt: doubt, Place: a.Place})
	}
}

type scanner struct{ rest string }

// blank skips what separates words, and comments.
func (s *scanner) blank() {
	for {
		t := strings.TrimLeft(s.rest, " \t\r")
		t = strings.TrimPrefix(t, "\\\n")
		if strings.HasPrefix(t, "#") {
			if i := strings.IndexByte(t, '\n'); i >= 0 {
				t = t[i:]
			} else {
				t = ""
			}
		}
		if t == s.rest {
			return
		}
		s.rest = t
	}
}

// redirection skips an operator such as 2>, >> or 2>&1.
func (s *scanner) redirection() bool {
	t := strings.TrimLeft(s.rest, "0123456789")
	op := strings.TrimPrefix(t, "&")
	if !strings.HasPrefix(op, ">") && !strings.HasPrefix(op, "<") || op != t && t != s.rest {
		return false
	}
	s.rest = strings.TrimLeft(op, "<>&|")
	return true
}

// word reads up to a blank or an operator outside of quotes.
func (s *scanner) word() (text, doubt string) {
	var b strings.Builder
	const computed = "the shell computes it"
	i := 0
	t := s.rest
	for ; i < len(t); i++ {
		switch c := t[i]; c {
		case ' ', '\t', '\r', '\n', ';', '|', '&', '(', ')', '<', '>':
			s.rest = t[i:]
			return b.String(), doubt
		case '\\':
			if i++; i < len(t) && t[i] != '\n' {
				b.WriteByte(t[i])
			}
		case '\'':
			n := strings.IndexByte(t[i+1:], '\'')
			if n < 0 {
				n = len(t) - i - 1
			}
			b.WriteString(t[i+1 : i+1+n])
			i += n + 1
		case '"':
			for i++; i < len(t) && t[i] != '"'; i++ {
				switch {
				case t[i] == '\\' && i+1 < len(t) && strings.IndexByte("\"\\$`\n", t[i+1]) >= 0:
					if i++; t[i] != '\n' {
						b.WriteByte(t[i])
					}
				default:
					if t[i] == '$' || t[i] == '`' {
						doubt = computed
					}
					b.WriteByte(t[i])
				}
			}
		case '$', '`':
			doubt = computed
			n := substitution(t[i:])
			b.WriteString(t[i : i+n])
			i += n - 1
		case '*', '?', '[':
			b.WriteByte(c) // a pattern that matches no file stays as it is
		default:
			b.WriteByte(c)
		}
	}
	s.rest = ""
	return b.String(), doubt
}

// substitution is the length of $(...), ${...}, `...` or a single character.
func substitution(t string) int {
	end := ""
	switch {
	case strings.HasPrefix(t, "$("):
		end = ")"
	case strings.HasPrefix(t, "${"):
		end = "}"
	case t[0] == '`':
		end = "`"
	default:
		return 1
	}
	if i := strings.Index(t[1:], end); i >= 0 {
		return i + 2
	}
	return len(t)
}
