package block

import (
	"strings"

	"github.com/google/uuid"
)

// NameTemplate says what storage calls a volume or a snapshot: a text with "%s" in it once, where its id goes. "" is the id alone.
type NameTemplate string

// Names are the templates for what storage holds (volume_name_template, snapshot_name_template). Who changes them when there is
// something in storage is like one who renames it all: it is not found again.
type Names struct{ Volumes, Snapshots NameTemplate }

// DefaultNames are upstream's defaults.
func DefaultNames() Names { return Names{Volumes: "volume-%s", Snapshots: "snapshot-%s"} }

// OrDefault is n, with the defaults for what it does not say.
func (n Names) OrDefault() Names {
	d := DefaultNames()
	if n.Volumes != "" {
		d.Volumes = n.Volumes
	}
	if n.Snapshots != "" {
		d.Snapshots = n.Snapshots
	}
	return d
}

// Name is the name of what has this id; for volumes it is the one the back end knows them by, Volume.BackendID.
func (t NameTemplate) Name(id string) string {
	before, after := t.parts()
	return before + id + after
}

// ID is the id in a name that Name has made of one, which is a UUID in the form that we write. ok is false for every other name.
func (t NameTemplate) ID(name string) (id string, ok bool) {
	before, after := t.parts()
	id, begins := strings.CutPrefix(name, before)
	id, ends := strings.CutSuffix(id, after)
	if !begins || !ends {
		return "", false
	}
	parsed, err := uuid.Parse(id)
	if err != nil || parsed.String() != id {
		return "", false
	}
	return id, true
}

func (t NameTemplate) parts() (before, after string) {
	before, after, _ = strings.Cut(string(t), "%s")
	return before, after
}
