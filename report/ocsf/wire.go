package ocsf

type event struct {
	ActivityID   int          `json:"activity_id"`
	ActivityName string       `json:"activity_name"`
	CategoryUID  int          `json:"category_uid"`
	CategoryName string       `json:"category_name"`
	ClassUID     int          `json:"class_uid"`
	ClassName    string       `json:"class_name"`
	TypeUID      int          `json:"type_uid"`
	Time         int64        `json:"time"` // milliseconds since 1970
	SeverityID   int          `json:"severity_id"`
	Severity     string       `json:"severity"`
	StatusID     int          `json:"status_id,omitempty"`
	Status       string       `json:"status,omitempty"`
	StatusDetail string       `json:"status_detail,omitempty"`
	Message      string       `json:"message"`
	Metadata     metadata     `json:"metadata"`
	Finding      finding      `json:"finding_info"`
	Compliance   compliance   `json:"compliance"`
	Resource     resource     `json:"resource"`
	Remediation  *remediation `json:"remediation,omitempty"`
	Unmapped     unmapped     `json:"unmapped"`
}

type metadata struct {
	Version string  `json:"version"`
	Product product `json:"product"`
	LogName string  `json:"log_name,omitempty"`
}

type product struct {
	Name       string `json:"name"`
	VendorName string `json:"vendor_name"`
	Version    string `json:"version,omitempty"`
}

type finding struct {
	UID      string   `json:"uid"`
	Title    string   `json:"title"`
	Desc     string   `json:"desc"`
	Types    []string `json:"types"`
	LastSeen int64    `json:"last_seen_time"`
	Analytic analytic `json:"analytic"`
}

type analytic struct {
	UID    string `json:"uid"`
	Name   string `json:"name"`
	TypeID int    `json:"type_id"`
	Type   string `json:"type"`
}

type compliance struct {
	Standards    []string `json:"standards"`
	Control      string   `json:"control"`
	Requirements []string `json:"requirements"`
	StatusID     int      `json:"status_id"`
	Status       string   `json:"status"`
	StatusCode   string   `json:"status_code"`
	StatusDetail string   `json:"status_detail,omitempty"`
}

type resource struct {
	UID       string   `json:"uid"`
	Name      string   `json:"name,omitempty"`
	Namespace string   `json:"namespace,omitempty"`
	Type      string   `json:"type,omitempty"`
	Version   string   `json:"version,omitempty"`
	Labels    []string `json:"labels,omitempty"`
}

type remediation struct {
	Desc string `json:"desc"`
}

// unmapped is where OCSF has no field.
type unmapped struct {
	Key         string   `json:"key,omitempty"`
	Provisional string   `json:"provisional,omitempty"`
	Strength    string   `json:"strength,omitempty"`
	Place       string   `json:"place,omitempty"`
	Path        []string `json:"path,omitempty"`
}
