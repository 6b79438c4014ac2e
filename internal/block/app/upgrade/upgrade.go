// Package upgrade is what cinder-status upgrade check looks at before a release is put in the place of another: the checks of
// Cinder, with its names and words.
//
// What must not live here: the command line, and changes of anything.
package upgrade

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/clinker/clinker/internal/block/store"
)

// Code is how a check went; the worst is the status the command ends with.
type Code int

// The codes.
const (
	Success Code = 0
	Warning Code = 1
	Failure Code = 2
)

// String is the word for it.
func (c Code) String() string {
	return [...]string{"Success", "Warning", "Failure"}[c]
}

// Result is what a check found.
type Result struct {
	Check   string
	Code    Code
	Details string // empty unless Code says that something is to be done
}

// Subject is what is checked.
type Subject struct {
	// Directory is where cinder.conf is; empty if it was not found.
	Directory string
	// The options of these names, empty where nothing is set.
	BackupDriver, PolicyFile, PeriodicInterval, QuotaDriver string
	VolumeDrivers                                           []string // of the enabled back ends
	Database                                                store.RepairReader
}

// removedDrivers are parts of the names of drivers that are no more.
var removedDrivers = [...]string{"coprhd", "drbdmanage", "disco", "hgst", "hpe_lefthand", "sheepdog", "zfssa"}

// defaultPolicyFile is the file that is looked for if nothing is set.
const defaultPolicyFile = "policy.yaml"

// Check makes all checks, in upstream's order. The error is the database's.
func Check(ctx context.Context, s Subject) ([]Result, error) {
	uuids, err := s.serviceUUIDs(ctx)
	if err != nil {
		return nil, err
	}
	specs, err := s.attachmentSpecs(ctx)
	if err != nil {
		return nil, err
	}
	return []Result{s.backupDriver(), s.policyFile(), s.removedDrivers(), s.periodicInterval(), uuids, specs, s.nestedQuota()}, nil
}

// Worst is the code of the worst result.
func Worst(results []Result) Code {
	worst := Success
	for _, r := range results {
		worst = max(worst, r.Code)
	}
	return worst
}

func (s Subject) backupDriver() Result {
	r := Result{Check: "Backup Driver Path"}
	if s.BackupDriver != "" && s.BackupDriver == strings.ToLower(s.BackupDriver) {
		r.Code, r.Details = Failure, "Backup driver configuration requires the full path to the driver, but current setting is using only the module path."
	}
	return r
}

func (s Subject) policyFile() Result {
	r := Result{Check: "Use of Policy File"}
	switch {
	case s.Directory == "":
		r.Code, r.Details = Warning, "Cannot locate your cinder configuration directory. Please re-run using the --config-dir <dirname> option."
	case s.PolicyFile == "" || s.PolicyFile == defaultPolicyFile:
		if exists(filepath.Join(s.Directory, "policy.json")) {
			r.Code, r.Details = Warning, "policy.json file is present. Make sure any changes from the default policies are present in a policy.yaml file instead. "+
				"If you really intend to use a policy.json file, make sure that its absolute path is set as the value of the 'policy_file' configuration option in the "+
				"[oslo_policy] section of your cinder.conf file."
		}
	default:
		path := s.PolicyFile
		if !filepath.IsAbs(path) {
			path = filepath.Join(s.Directory, path)
		}
		if !exists(path) {
			r.Code, r.Details = Warning, fmt.Sprintf("Configured policy file '%s' does not exist. This may be expected, but default policies will be used until any "+
				"desired overrides are added to the configured file.", path)
		}
	}
	return r
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (s Subject) removedDrivers() Result {
	r := Result{Check: "Removed Drivers"}
	var found []string
	for _, driver := range s.VolumeDrivers {
		for _, removed := range removedDrivers {
			if strings.Contains(driver, removed) {
				found = append(found, driver)
			}
		}
	}
	switch len(found) {
	case 0:
	case 1:
		r.Code, r.Details = Failure, fmt.Sprintf("Found driver %s configured in your cinder.conf file. This driver has been removed and all data should be migrated "+
			"off of this backend before upgrading Cinder.", found[0])
	default:
		r.Code, r.Details = Failure, fmt.Sprintf("The following drivers, which no longer exist, were found configured in your cinder.conf file:\n%s.\n"+
			"These drivers have been removed and all data should be migrated off of the associated backends before upgrading Cinder.", strings.Join(found, ",\n"))
	}
	return r
}

func (s Subject) periodicInterval() Result {
	r := Result{Check: "Periodic Interval Use"}
	if s.PeriodicInterval != "" && s.PeriodicInterval != "60" {
		r.Code, r.Details = Warning, "Detected non-default value for the 'periodic_interval' option.  New configuration options have been introduced to replace the use of "+
			"'periodic_interval' for some purposes.  Please consult the 'Upgrade' section of the Train release notes for more information."
	}
	return r
}

func (s Subject) serviceUUIDs(ctx context.Context) (Result, error) {
	r := Result{Check: "Service UUIDs"}
	lacking, err := s.Database.LacksServiceUUID(ctx)
	if lacking {
		r.Code, r.Details = Failure, "Services and volumes must have a service UUID. Please fix this issue by running Queens online data migrations."
	}
	return r, err
}

func (s Subject) attachmentSpecs(ctx context.Context) (Result, error) {
	r := Result{Check: "Attachment specs"}
	there, err := s.Database.HasAttachmentSpecs(ctx)
	if there {
		r.Code, r.Details = Failure, "There should be no more AttachmentSpecs in the system. Please fix this issue by running Queens online data migrations."
	}
	return r, err
}

func (s Subject) nestedQuota() Result {
	r := Result{Check: "Use of Nested Quota Driver"}
	if s.QuotaDriver == "cinder.quota.NestedDbQuotaDriver" {
		r.Code, r.Details = Failure, "The NestedDbQuotaDriver was deprecated in Train release and is removed in Wallaby release."
	}
	return r
}
