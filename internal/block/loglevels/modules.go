package loglevels

// Modules says which of our loggers do what a logger of Cinder's did, for default_log_levels.
func Modules() map[string][]string {
	return map[string][]string{
		"cinder":                {"clinker"},
		"cinder.api":            {"clinker.block.api", "clinker.block.app", "clinker.oslo.wsgi"},
		"cinder.api.middleware": {"clinker.oslo.middleware"},
		"cinder.backup":         {"clinker.block.backup"},
		"cinder.backup.drivers": {"clinker.block.backup.repository", "clinker.block.backup.chunked"},
		"cinder.compute":        {"clinker.nova"},
		"cinder.coordination":   {"clinker.lock"},
		"cinder.db":             {"clinker.block.store"},
		"cinder.flow_utils":     {"clinker.flow"},
		"cinder.image":          {"clinker.glance", "clinker.block.manager.image"},
		"cinder.keymgr":         {"clinker.keymanager"},
		"cinder.quota":          {"clinker.block.app.quota"},
		"cinder.rpc":            {"clinker.block.rpcapi"},
		"cinder.scheduler":      {"clinker.block.scheduler"},
		"cinder.service":        {"clinker.block.membership"},
		"cinder.volume":         {"clinker.block.manager", "clinker.block.driver", "clinker.block.target"},
		"cinder.volume.drivers": {"clinker.block.driver"},
		"cinder.volume.manager": {"clinker.block.manager"},
		"cinder.volume.targets": {"clinker.block.target"},
		"os_brick":              {"clinker.block.initiator"},
	}
}
