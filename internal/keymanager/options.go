package keymanager

import (
	"slices"

	"github.com/clinker/clinker/internal/oslo/config"
)

// FixedBackend is the name of the key manager with the fixed key.
const FixedBackend = "cinder.keymgr.conf_key_mgr.ConfKeyManager"

// barbicanBackends are the names of Barbican: castellan's, its class, and the class it was in Cinder before there was castellan.
var barbicanBackends = []string{"barbican", "castellan.key_manager.barbican_key_manager.BarbicanKeyManager", "cinder.keymgr.barbican.BarbicanKeyManager"}

// Settings are castellan's options, declared, with the one that Cinder adds; see NewSettings.
type Settings struct{ backend, fixedKey config.Handle[string] }

// NewSettings declares them (castellan/key_manager/__init__.py, cinder/keymgr/conf_key_mgr.py).
func NewSettings() *Settings {
	const group = "key_manager"
	return &Settings{
		backend: config.String(group, "backend", barbicanBackends[0], "Where the keys of encrypted volumes are kept: in Barbican, see [barbican]; or, with "+FixedBackend+
			", nowhere: then all have one key, fixed_key.",
			config.Deprecated("", "api_class"), config.Deprecated("keymgr", "api_class")),
		fixedKey: config.String(group, "fixed_key", "", "The one key of the key manager with the fixed key, in hexadecimal digits; consumers of the volumes "+
			"need the same. With Barbican it is the key of the volumes from before. clinker up makes one.", config.Secret(), config.NoDefault(), config.Deprecated("keymgr", "fixed_key")),
	}
}

// All lists the options for config.Load.
func (s *Settings) All() []config.Option { return []config.Option{s.backend, s.fixedKey} }

// Open makes the key manager that the configuration names; barbican makes Barbican's, and is asked only where that is the one.
// A name that means nothing, and a missing or malformed fixed key, are refused.
func (s *Settings) Open(c *config.Config, barbican func() (Manager, error)) (Manager, error) {
	var fixed *Fixed
	if key := s.fixedKey.Get(c); key != "" {
		var err error
		if fixed, err = NewFixed(key); err != nil {
			return nil, s.fixedKey.Refuse(c, "", "it is no key", keyForm)
		}
	}
	switch name := s.backend.Get(c); {
	case slices.Contains(barbicanBackends, name):
		m, err := barbican()
		if err != nil || fixed == nil {
			return m, err
		}
		return WithFixed(m, fixed), nil
	case name != FixedBackend:
		return nil, s.backend.Refuse(c, "", "there is no such key manager", FixedBackend+", or barbican")
	case fixed == nil:
		return nil, s.fixedKey.Refuse(c, "", "the key manager "+FixedBackend+" has no key", keyForm)
	}
	return fixed, nil
}

// keyForm is what a fixed key looks like.
const keyForm = "an even number of hexadecimal digits, such as openssl rand -hex 32 gives"
