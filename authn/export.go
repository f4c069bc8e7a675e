package authn

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/rbac"
)

// Export is a list of the accounts of a directory. Only names and whether they are enabled are kept.
type Export struct {
	users, groups map[string]bool // lower-case names; false: disabled
}

// DirectoryExport is the export that accounts are held against; nil, there is none.
var DirectoryExport = inventory.NewSetting[*Export]("directoryExport", nil)

func (e *Export) String() string {
	if e == nil {
		return "none"
	}
	return fmt.Sprintf("%d names of users, %d of groups", len(e.users), len(e.groups))
}

// maxExport bounds what is read of an export.
const maxExport = 256 << 20

// ReadDirectory reads an export of a directory: SCIM (a ListResponse of RFC 7644, a list of resources or one), or CSV with a
// header that names the columns. Known columns are, in any case, userName, userPrincipalName, upn, user, login, email, mail,
// primaryEmail and samAccountName for users; group, groupName, groupId and displayName of groups; type to tell which a row is; and
// active, enabled, accountEnabled, suspended, status. Errors name lines and columns and quote nothing.
func ReadDirectory(r io.Reader) (*Export, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxExport+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("directory export: %w", err)
	case len(data) > maxExport:
		return nil, fmt.Errorf("directory export: more than %d bytes", maxExport)
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	e := &Export{users: map[string]bool{}, groups: map[string]bool{}}
	switch trimmed := bytes.TrimSpace(data); {
	case len(trimmed) == 0:
		return nil, errors.New("directory export: it is empty")
	case trimmed[0] == '{', trimmed[0] == '[':
		err = e.scim(trimmed)
	default:
		err = e.csv(data)
	}
	if err != nil {
		return nil, fmt.Errorf("directory export: %w", err)
	}
	if len(e.users)+len(e.groups) == 0 {
		return nil, errors.New("directory export: it names no account")
	}
	return e, nil
}

func (e *Export) add(list map[string]bool, enabled bool, names ...string) {
	for _, n := range names {
		if n = strings.ToLower(strings.TrimSpace(n)); n != "" {
			list[n] = enabled || list[n] // one that is listed twice counts where it is enabled
		}
	}
}

// scimResource is a User or Group of RFC 7643.
type scimResource struct {
	ID          string                   `json:"id"`
	ExternalID  string                   `json:"externalId"`
	UserName    string                   `json:"userName"`
	DisplayName string                   `json:"displayName"`
	Active      *bool                    `json:"active"`
	Emails      []struct{ Value string } `json:"emails"`
	Schemas     []string                 `json:"schemas"`
	Meta        struct{ ResourceType string }
}

func (e *Export) scim(data []byte) error {
	var resources []scimResource
	var err error
	if data[0] == '[' {
		err = json.Unmarshal(data, &resources)
	} else {
		var response struct {
			Resources []scimResource
			scimResource
		}
		err = json.Unmarshal(data, &response)
		resources = response.Resources
		if response.UserName != "" {
			resources = append(resources, response.scimResource)
		}
	}
	if err != nil {
		return jsonFault(err)
	}
	for _, r := range resources {
		enabled := r.Active == nil || *r.Active
		if r.UserName == "" || r.Meta.ResourceType == "Group" {
			e.add(e.groups, enabled, r.DisplayName, r.ID, r.ExternalID)
			continue
		}
		e.add(e.users, enabled, r.UserName, r.ID, r.ExternalID)
		for _, m := range r.Emails {
			e.add(e.users, enabled, m.Value)
		}
	}
	return nil
}

// jsonFault says where and not what.
func jsonFault(err error) error {
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("no JSON at byte %d", syntax.Offset)
	case errors.As(err, &wrong):
		return fmt.Errorf("%s is of another type, at byte %d", wrong.Field, wrong.Offset)
	}
	return errors.New("no JSON")
}

var (
	userColumns   = []string{"username", "userprincipalname", "upn", "user", "login", "email", "mail", "primaryemail", "samaccountname", "user name", "email address"}
	groupColumns  = []string{"group", "groupname", "groupid", "group name"}
	enableColumns = []string{"active", "enabled", "accountenabled", "account enabled"}
	closedColumns = []string{"suspended", "disabled", "locked"}
)

func (e *Export) csv(data []byte) error {
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord, r.LazyQuotes, r.TrimLeadingSpace = -1, true, true
	header, err := r.Read()
	if err != nil {
		return csvFault(err)
	}
	if len(header) == 1 && strings.Contains(header[0], ";") {
		r = csv.NewReader(bytes.NewReader(data))
		r.Comma, r.FieldsPerRecord, r.LazyQuotes = ';', -1, true
		if header, err = r.Read(); err != nil {
			return csvFault(err)
		}
	}
	var users, groups []int
	enable, closed, kind, display, status := -1, -1, -1, -1, -1
	for i, h := range header {
		switch h = strings.ToLower(strings.TrimSpace(h)); {
		case slices.Contains(userColumns, h):
			users = append(users, i)
		case slices.Contains(groupColumns, h):
			groups = append(groups, i)
		case slices.Contains(enableColumns, h):
			enable = i
		case slices.Contains(closedColumns, h):
			closed = i
		case h == "type":
			kind = i
		case h == "displayname":
			display = i
		case h == "status":
			status = i
		}
	}
	if len(users)+len(groups) == 0 {
		return errors.New("the header names no column of users or groups")
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return csvFault(err)
		}
		cell := func(i int) string {
			if i < 0 || i >= len(row) {
				return ""
			}
			return strings.ToLower(strings.TrimSpace(row[i]))
		}
		enabled := !no(cell(enable)) && !yes(cell(closed)) && !slices.Contains([]string{"suspended", "disabled", "deprovisioned", "inactive", "deleted"}, cell(status))
		isGroup := cell(kind) == "group"
		for _, i := range users {
			if isGroup {
				e.add(e.groups, enabled, cell(i))
			} else {
				e.add(e.users, enabled, cell(i))
			}
		}
		for _, i := range groups {
			e.add(e.groups, true, cell(i))
		}
		if isGroup {
			e.add(e.groups, enabled, cell(display))
		}
	}
}

func yes(s string) bool { return s == "true" || s == "yes" || s == "1" }
func no(s string) bool  { return s == "false" || s == "no" || s == "0" }

func csvFault(err error) error {
	var p *csv.ParseError
	if errors.As(err, &p) {
		return fmt.Errorf("line %d, column %d: no CSV", p.Line, p.Column)
	}
	return errors.New("no CSV")
}

// LastUse is when users were last seen in audit events.
type LastUse struct {
	users, groups map[string]time.Time
}

// Uses are the last uses of accounts; nil, no events were given.
var Uses = inventory.NewSetting[*LastUse]("auditEvents", nil)

func (u *LastUse) String() string {
	if u == nil {
		return "none"
	}
	return fmt.Sprintf("last uses of %d users", len(u.users))
}

func (u *LastUse) last(s rbac.Subject) time.Time {
	switch {
	case u == nil:
		return time.Time{}
	case s.Kind == rbacv1.GroupKind:
		return u.groups[s.Name]
	}
	return u.users[s.UserName()]
}

// maxEvent bounds one audit event: bodies are truncated at 10 MiB by default (apiserver/plugin/pkg/audit/truncate).
const maxEvent = 32 << 20

// ReadAuditEvents reads audit.k8s.io/v1 events, one JSON object per line, as the log backend writes them. Of each only who asked and
// when is kept; somebody who was impersonated was used as well. Lines that are no events are counted and passed over.
func ReadAuditEvents(r io.Reader) (uses *LastUse, skipped int, err error) {
	uses = &LastUse{users: map[string]time.Time{}, groups: map[string]time.Time{}}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxEvent)
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		var event struct {
			Kind, APIVersion         string
			RequestReceivedTimestamp time.Time
			StageTimestamp           time.Time
			User, ImpersonatedUser   struct {
				Username string
				Groups   []string
			}
		}
		if json.Unmarshal(line, &event) != nil || event.Kind != "Event" || !strings.HasPrefix(event.APIVersion, "audit.k8s.io/") || event.User.Username == "" {
			skipped++
			continue
		}
		at := event.RequestReceivedTimestamp
		if at.IsZero() {
			at = event.StageTimestamp
		}
		see(uses.users, at, event.User.Username, event.ImpersonatedUser.Username)
		see(uses.groups, at, event.User.Groups...)
		see(uses.groups, at, event.ImpersonatedUser.Groups...)
	}
	if err := lines.Err(); err != nil {
		return nil, skipped, fmt.Errorf("audit events: %w", err)
	}
	return uses, skipped, nil
}

func see(list map[string]time.Time, at time.Time, names ...string) {
	for _, n := range names {
		if n != "" && at.After(list[n]) {
			list[n] = at
		}
	}
}
