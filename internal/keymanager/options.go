package keymanager

import (
	"github.com/clinker/clinker/internal/oslo/config"
)

// FixedBackend is the name of the key manager with the fixed key.
const FixedBackend = "cinder.keymgr.conf_key_mgr.ConfKeyManager"

// Settings are castellan's options, declared, with the one that Cinder adds; see NewSettings.
type Settings struct{ backend, fixedKey config.Handle[string] }

// NewSettings declares them (castellan/key_manager/__init__.py, cinder/keymgr/conf_key_mgr.py).
func NewSettings() *Settings {
	const group = "key_manager"
	return &Settings{
		backend: config.String(group, "backend", "barbican", "Where the keys of encrypted volumes are kept. "+FixedBackend+
			" has one key for all, fixed_key. Barbican is not spoken to yet: volumes of encrypted types are refused.",
			config.Deprecated("", "api_class"), config.Deprecated("keymgr", "api_class")),
		fixedKey: config.String(group, "fixed_key", "", "The one key of the key manager with the fixed key, in hexadecimal digits; consumers of the volumes "+
			"need the same. clinker up makes one.", config.Secret(), config.NoDefault(), config.Deprecated("keymgr", "fixed_key")),
	}
}

// All lists the options for config.Load.
func (s *Settings) All() []config.Option { return []config.Option{s.backend, s.fixedKey} }

// Open makes the key manager that the configuration names; nil if there is none that this program knows how to reach, and
// then encrypted volumes are refused. A name that means nothing, and a missing or malformed fixed key, are refused.
func (s *Settings) Open(c *config.Config) (Manager, error) {
	switch s.backend.Get(c) {
	case FixedBackend:
	case "barbican", "castellan.key_manager.barbican_key_manager.BarbicanKeyManager":
		return nil, nil
	default:
		return nil, s.backend.Refuse(c, "", "there is no such key manager", FixedBackend+", or barbican")
	}
	if s.fixedKey.Get(c) == "" {
		return nil, s.fixedKey.Refuse(c, "", "the key manager "+FixedBackend+" has no key", "an even number of hexadecimal digits, such as openssl rand -hex 32 gives")
	}
	m, err := NewFixed(s.fixedKey.Get(c))
	if err != nil {
		return nil, s.fixedKey.Refuse(c, "", "it is no key", "an even number of hexadecimal digits, such as openssl rand -hex 32 gives")
	}
	return m, nil
}
