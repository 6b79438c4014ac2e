// Package tour is the script that the recorder plays to the real Cinder and the comparison plays to ours: every route and
// action of Block Storage, in success and in failure, as data.
//
// What must not live here: how a step is sent, what is compared, anything either side answered.
package tour

import (
	"strconv"
	"strings"
)

// Persona is who asks: a set of roles in a project.
type Persona string

// The personas. Member and Reader are in the project "demo", Other is a member of a project of its own, Admin an
// administrator in a third.
const (
	Member Persona = "member"
	Reader Persona = "reader"
	Other  Persona = "other"
	Admin  Persona = "admin"
)

// Personas lists them.
func Personas() []Persona { return []Persona{Admin, Member, Reader, Other} }

// Versions are the microversions a group is played at, one after the other, each time to an empty cloud.
func Versions() []string { return []string{"3.0", "3.27", "3.50", "3.70", "3.71"} }

// Group is a list of steps that stand on one another and on no other group.
type Group struct {
	Name  string // of its file of recordings
	Since string // the first microversion it is played at; "" is all
	Steps []Step
}

// Step is a request. Texts may have ${variables}: what earlier answers gave (Save), and those every cloud has: ${project}
// is the asking persona's project; ${admin_project}, ${member_project}, ${other_project} and ${admin_user}, ... of each persona;
// ${default_type} is the id of the type __DEFAULT__; ${host}, ${backend} and ${pool} are where volumes are.
type Step struct {
	Name string // unique in its group
	As   Persona
	// Do is method and path: "GET volumes?limit=1" is below /v3/${project}/, "GET /v3/volumes" is below the root.
	Do      string
	Body    string            // "" sends none; a Content-Type of application/json goes with any other
	Headers map[string]string // an empty value removes one that would be sent
	// At are microversions of the step's own, separated by spaces. It is then sent at these, in the group's last play only.
	At string
	// Since and Before bound the microversions of the group at which the step is sent: from Since on, below Before.
	Since, Before string
	// Save takes variables from the answer: "volume=volume.id first=volumes.0.id".
	Save string
	// Wait polls, as administrator, after the answer: "volumes/${v} volume.status available|error", or "volumes/${v} gone".
	Wait string
	// Unordered says that lists in the answer come in no order that the API promises, or one that depends on chance.
	Unordered bool
	// Mask are places in the answer's JSON that tell of the back end, not of the API: "connection_info.data". A star is
	// every element of a list.
	Mask []string
}

// SentAt gives the microversions the step is sent at while its group is played at version; none means it is left out.
func (s Step) SentAt(version string) []string {
	if s.At != "" {
		if version == Versions()[len(Versions())-1] {
			return strings.Fields(s.At)
		}
		return nil
	}
	if s.Since != "" && Before(version, s.Since) || s.Before != "" && !Before(version, s.Before) {
		return nil
	}
	return []string{version}
}

// Plays are the microversions a group is played at.
func (g Group) Plays() []string {
	var plays []string
	for _, v := range Versions() {
		if g.Since == "" || !Before(v, g.Since) {
			plays = append(plays, v)
		}
	}
	return plays
}

// Before says whether microversion a is older than b; both are like "3.27".
func Before(a, b string) bool { return minor(a) < minor(b) }

func minor(version string) int {
	_, text, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}

// All is the whole tour.
func All() []Group {
	all := []Group{
		protocol(), volumes(), actions(), migrations(), snapshots(), attachments(), types(), encryption(), qos(), quotas(), services(), operator(),
		groupTypes(), groups(), consistencyGroups(), backups(), transfers("os-volume-transfer"), transfers("volume-transfers"), managing(), messages(),
	}
	for _, g := range all {
		for i := range g.Steps {
			g.Steps[i].Name = strings.TrimSpace(g.Steps[i].Name) // "extend " and nothing is "extend"
		}
	}
	return all
}
