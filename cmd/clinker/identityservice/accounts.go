package identityservice

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity/app/bootstrap"
	"github.com/clinker/clinker/internal/identity/app/secrets"
)

const (
	passwordsFile = "keystone-passwords.json"
	cloudsFile    = "clouds.yaml"
	// passwordBytes are random: three times what nobody will ever try.
	passwordBytes = 24
)

// CloudsFile is the path of the clouds.yaml of a state directory.
func CloudsFile(stateDir string) string { return filepath.Join(stateDir, cloudsFile) }

// Passwords reads the passwords that a cloud was made with, by user. One that was never started has none: fault.NotFound.
func Passwords(stateDir string) (map[string]string, error) {
	path := filepath.Join(stateDir, passwordsFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(err, fault.NotFound, "", "there are no passwords in %s: no cloud with an identity service was started there", stateDir)
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "", "the passwords in %s cannot be read", path)
	}
	var found map[string]string
	if err := json.Unmarshal(text, &found); err != nil {
		return nil, fault.New(fault.Invalid, "", "%s is not a JSON object of user names and passwords", path)
	}
	return found, nil
}

// passwords reads them, and makes those that are missing if the store is new.
func passwords(stateDir string, isNew bool) (map[string]string, error) {
	found, err := Passwords(stateDir)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	if found == nil {
		found = map[string]string{}
	}
	added := false
	for _, a := range bootstrap.Accounts() {
		if found[a.Name] == "" && isNew {
			found[a.Name], added = secrets.Random(passwordBytes), true
		}
	}
	if !added {
		return found, nil
	}
	text, err := json.MarshalIndent(found, "", "  ")
	if err != nil {
		return nil, err
	}
	return found, writePrivate(filepath.Join(stateDir, passwordsFile), append(text, '\n'))
}

// writeClouds writes clouds.yaml, which openstack --os-cloud reads, unless it says the same already.
func writeClouds(stateDir, authURL string, passwords map[string]string) error {
	var out strings.Builder
	out.WriteString("# Written by \"clinker up\" at each start. OS_CLIENT_CONFIG_FILE names it to OpenStack's clients.\nclouds:\n")
	cloud := func(name, user, scope string) {
		if passwords[user] == "" {
			return // removed from the file by somebody who knows
		}
		fmt.Fprintf(&out, "  %s:\n    auth:\n      auth_url: %s\n      username: %s\n      password: %s\n      user_domain_name: Default\n%s"+
			"    region_name: %s\n    interface: public\n    identity_api_version: \"3\"\n",
			name, strconv.Quote(authURL), user, strconv.Quote(passwords[user]), scope, Region)
	}
	project := func(name string) string {
		return "      project_name: " + name + "\n      project_domain_name: Default\n"
	}
	cloud("clinker", "admin", project("admin"))
	cloud("clinker-demo", "demo", project("demo"))
	cloud("clinker-system", "admin", "      system_scope: all\n")
	path := CloudsFile(stateDir)
	if text, err := os.ReadFile(path); err == nil && bytes.Equal(text, []byte(out.String())) {
		return nil
	}
	return writePrivate(path, []byte(out.String()))
}

// writePrivate writes a file for its owner only, whole or not at all.
func writePrivate(path string, text []byte) error {
	problem := func(err error) error { return fault.Wrap(err, fault.Unavailable, "", "%s cannot be written", path) }
	f, err := os.CreateTemp(filepath.Dir(path), ".new-") // for its owner only
	if err != nil {
		return problem(err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return problem(errors.Join(err, os.Remove(f.Name())))
	}
	// What is in the database next rests on the file: its name has to be on the disk too.
	dir, err := os.Open(filepath.Dir(path))
	if err == nil {
		err = errors.Join(dir.Sync(), dir.Close())
	}
	if err != nil {
		return problem(err)
	}
	return nil
}

// Environment is what OpenStack's clients need in their environment to be a user of the cloud at that URL, in order.
func Environment(stateDir, authURL, user string) ([][2]string, error) {
	found, err := Passwords(stateDir)
	if err != nil {
		return nil, err
	}
	for _, a := range bootstrap.Accounts() {
		if a.Name == user && found[user] != "" {
			return [][2]string{{"OS_AUTH_TYPE", "password"}, {"OS_AUTH_URL", authURL}, {"OS_IDENTITY_API_VERSION", "3"}, {"OS_USERNAME", user},
				{"OS_PASSWORD", found[user]}, {"OS_USER_DOMAIN_NAME", "Default"}, {"OS_PROJECT_NAME", a.Project}, {"OS_PROJECT_DOMAIN_NAME", "Default"},
				{"OS_REGION_NAME", Region}, {"OS_INTERFACE", "public"}, {"OS_CLIENT_CONFIG_FILE", CloudsFile(stateDir)}}, nil
		}
	}
	var names []string
	for _, a := range bootstrap.Accounts() {
		names = append(names, a.Name)
	}
	return nil, fault.New(fault.Invalid, "", "there is no password of a user %q; those the cloud was made with are %s", user, strings.Join(names, ", "))
}
