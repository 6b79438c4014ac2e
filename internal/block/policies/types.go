package policies

// volumeTypeRules are the rules that upstream keeps in cinder/policies/volume_type.py.
func volumeTypeRules() []rule {
	return []rule{
		{"volume_extension:type_create", admin, admin, "volume_extension:types_manage",
			"Make a volume type.",
			[]string{"POST /types"}},
		{"volume_extension:type_update", admin, admin, "volume_extension:types_manage",
			"Change a volume type.",
			[]string{"PUT /types"}},
		{"volume_extension:type_delete", admin, admin, "volume_extension:types_manage",
			"Delete a volume type.",
			[]string{"DELETE /types"}},
		{"volume_extension:type_get", reader, everybody, "",
			"See one volume type.",
			[]string{"GET /types/{type_id}"}},
		{"volume_extension:type_get_all", reader, everybody, "",
			"See the volume types.",
			[]string{"GET /types/"}},
		{"volume_extension:access_types_extra_specs", reader, admin, "",
			"See the extra specs of a volume type with the type; other rules decide about the call itself.",
			[]string{"GET /types/{type_id}", "GET /types"}},
		{"volume_extension:access_types_qos_specs_id", admin, unchanged, "",
			"See which QoS specs a volume type uses; other rules decide about the call itself.",
			[]string{"GET /types/{type_id}", "GET /types"}},
		{"volume_extension:volume_type_encryption:create", admin, "rule:volume_extension:volume_type_encryption", "",
			"Add encryption to a volume type.",
			[]string{"POST /types/{type_id}/encryption"}},
		{"volume_extension:volume_type_encryption:get", admin, "rule:volume_extension:volume_type_encryption", "",
			"See the encryption of a volume type.",
			[]string{"GET /types/{type_id}/encryption", "GET /types/{type_id}/encryption/{key}"}},
		{"volume_extension:volume_type_encryption:update", admin, "rule:volume_extension:volume_type_encryption", "",
			"Change the encryption of a volume type.",
			[]string{"PUT /types/{type_id}/encryption/{encryption_id}"}},
		{"volume_extension:volume_type_encryption:delete", admin, "rule:volume_extension:volume_type_encryption", "",
			"Remove the encryption of a volume type.",
			[]string{"DELETE /types/{type_id}/encryption/{encryption_id}"}},
	}
}

// typeExtraSpecsRules are the rules that upstream keeps in cinder/policies/type_extra_specs.py.
func typeExtraSpecsRules() []rule {
	return []rule{
		{"volume_extension:types_extra_specs:index", reader, everybody, "",
			"See the extra specs of a volume type.",
			[]string{"GET /types/{type_id}/extra_specs"}},
		{"volume_extension:types_extra_specs:create", admin, unchanged, "",
			"Add extra specs to a volume type.",
			[]string{"POST /types/{type_id}/extra_specs"}},
		{"volume_extension:types_extra_specs:show", reader, everybody, "",
			"See one extra spec of a volume type.",
			[]string{"GET /types/{type_id}/extra_specs/{extra_spec_key}"}},
		{"volume_extension:types_extra_specs:read_sensitive", admin, unchanged, "",
			"See also those extra specs that tell how the cloud is built; other rules decide about the call itself.",
			[]string{"GET /types", "GET /types/{type_id}", "GET /types/{type_id}/extra_specs", "GET /types/{type_id}/extra_specs/{extra_spec_key}"}},
		{"volume_extension:types_extra_specs:update", admin, unchanged, "",
			"Change one extra spec of a volume type.",
			[]string{"PUT /types/{type_id}/extra_specs/{extra_spec_key}"}},
		{"volume_extension:types_extra_specs:delete", admin, unchanged, "",
			"Remove one extra spec of a volume type.",
			[]string{"DELETE /types/{type_id}/extra_specs/{extra_spec_key}"}},
	}
}

// volumeAccessRules are the rules that upstream keeps in cinder/policies/volume_access.py.
func volumeAccessRules() []rule {
	return []rule{
		{"volume_extension:volume_type_access", member, adminOrOwner, "",
			"See whether a volume type is public (os-volume-type-access:is_public); other rules decide about the call itself.",
			[]string{"GET /types", "GET /types/{type_id}", "POST /types"}},
		{"volume_extension:volume_type_access:addProjectAccess", admin, unchanged, "",
			"Let a project use a private volume type.",
			[]string{"POST /types/{type_id}/action (addProjectAccess)"}},
		{"volume_extension:volume_type_access:removeProjectAccess", admin, unchanged, "",
			"No longer let a project use a private volume type.",
			[]string{"POST /types/{type_id}/action (removeProjectAccess)"}},
		{"volume_extension:volume_type_access:get_all_for_type", admin, "volume_extension:volume_type_access", "",
			"See which projects may use a private volume type.",
			[]string{"GET /types/{type_id}/os-volume-type-access"}},
	}
}

// defaultTypesRules are the rules that upstream keeps in cinder/policies/default_types.py.
func defaultTypesRules() []rule {
	return []rule{
		{"volume_extension:default_set_or_update", admin, anyAdmin, "",
			"Choose the default volume type of a project.",
			[]string{"PUT /default-types"}},
		{"volume_extension:default_get", admin, anyAdmin, "",
			"See the default volume type of a project.",
			[]string{"GET /default-types/{project-id}"}},
		{"volume_extension:default_get_all", admin, "role:admin and system_scope:all", "",
			"See the default volume types of all projects; that tells much about a cloud.",
			[]string{"GET /default-types/"}},
		{"volume_extension:default_unset", admin, anyAdmin, "",
			"Take the default volume type of a project away.",
			[]string{"DELETE /default-types/{project-id}"}},
	}
}

// qosSpecsRules are the rules that upstream keeps in cinder/policies/qos_specs.py.
func qosSpecsRules() []rule {
	return []rule{
		{"volume_extension:qos_specs_manage:get_all", admin, unchanged, "",
			"See all QoS specs, or the types that use one.",
			[]string{"GET /qos-specs", "GET /qos-specs/{qos_id}/associations"}},
		{"volume_extension:qos_specs_manage:get", admin, unchanged, "",
			"See one of the QoS specs.",
			[]string{"GET /qos-specs/{qos_id}"}},
		{"volume_extension:qos_specs_manage:create", admin, unchanged, "",
			"Make QoS specs.",
			[]string{"POST /qos-specs"}},
		{"volume_extension:qos_specs_manage:update", admin, unchanged, "",
			"Change QoS specs or which types use them.",
			[]string{"PUT /qos-specs/{qos_id}", "GET /qos-specs/{qos_id}/disassociate_all", "GET /qos-specs/{qos_id}/associate", "GET /qos-specs/{qos_id}/disassociate"}},
		{"volume_extension:qos_specs_manage:delete", admin, unchanged, "",
			"Delete QoS specs or keys of them.",
			[]string{"DELETE /qos-specs/{qos_id}", "PUT /qos-specs/{qos_id}/delete_keys"}},
	}
}
