package policies

// volumesRules are the rules that upstream keeps in cinder/policies/volumes.py.
func volumesRules() []rule {
	return []rule{
		{"volume:create", member, everybody, "",
			"Make a volume.",
			[]string{"POST /volumes"}},
		{"volume:create_from_image", member, everybody, "",
			"Make a volume from an image.",
			[]string{"POST /volumes"}},
		{"volume:get", reader, adminOrOwner, "",
			"See one volume.",
			[]string{"GET /volumes/{volume_id}"}},
		{"volume:get_all", reader, adminOrOwner, "",
			"See the volumes of a project, or their number and size.",
			[]string{"GET /volumes", "GET /volumes/detail", "GET /volumes/summary"}},
		{"volume:update", member, adminOrOwner, "",
			"Change a volume: name, description, metadata, whether it is bootable.",
			[]string{"PUT /volumes", "POST /volumes/{volume_id}/action (os-set_bootable)"}},
		{"volume:delete", member, adminOrOwner, "",
			"Delete a volume.",
			[]string{"DELETE /volumes/{volume_id}"}},
		{"volume:force_delete", admin, unchanged, "",
			"Delete a volume with force=true.",
			[]string{"DELETE /volumes/{volume_id}"}},
		{"volume_extension:volume_host_attribute", admin, unchanged, "",
			"See which host a volume is on.",
			[]string{"GET /volumes/{volume_id}", "GET /volumes/detail"}},
		{"volume_extension:volume_tenant_attribute", reader, adminOrOwner, "",
			"See which project a volume belongs to.",
			[]string{"GET /volumes/{volume_id}", "GET /volumes/detail"}},
		{"volume_extension:volume_mig_status_attribute", admin, unchanged, "",
			"See how far the move of a volume has come.",
			[]string{"GET /volumes/{volume_id}", "GET /volumes/detail"}},
		{"volume_extension:volume_encryption_metadata", reader, adminOrOwner, "",
			"See how a volume is encrypted.",
			[]string{"GET /volumes/{volume_id}/encryption", "GET /volumes/{volume_id}/encryption/{encryption_key}"}},
		{"volume:multiattach", member, adminOrOwner, "",
			"Make a volume that can be attached in several places.",
			[]string{"POST /volumes"}},
	}
}

// volumeActionsRules are the rules that upstream keeps in cinder/policies/volume_actions.py.
func volumeActionsRules() []rule {
	return []rule{
		{"volume:extend", member, adminOrOwner, "",
			"Make a volume larger.",
			[]string{"POST /volumes/{volume_id}/action (os-extend)"}},
		{"volume:extend_attached_volume", member, adminOrOwner, "",
			"Make a volume larger while it is attached.",
			[]string{"POST /volumes/{volume_id}/action (os-extend)"}},
		{"volume_extension:volume_admin_actions:extend_volume_completion", admin, unchanged, "",
			"Say how the extending of an attached volume ended.",
			[]string{"POST /volumes/{volume_id}/action (os-extend_volume_completion)"}},
		{"volume:revert_to_snapshot", member, adminOrOwner, "",
			"Set a volume back to its newest snapshot.",
			[]string{"POST /volumes/{volume_id}/action (revert)"}},
		{"volume_extension:volume_admin_actions:reset_status", admin, unchanged, "",
			"Overwrite the states of a volume.",
			[]string{"POST /volumes/{volume_id}/action (os-reset_status)"}},
		{"volume:retype", member, adminOrOwner, "",
			"Change the type of a volume.",
			[]string{"POST /volumes/{volume_id}/action (os-retype)"}},
		{"volume:update_readonly_flag", member, adminOrOwner, "",
			"Make a volume read-only, or writable again.",
			[]string{"POST /volumes/{volume_id}/action (os-update_readonly_flag)"}},
		{"volume_extension:volume_admin_actions:force_delete", admin, unchanged, "",
			"Delete a volume whatever its status.",
			[]string{"POST /volumes/{volume_id}/action (os-force_delete)"}},
		{"volume_extension:volume_actions:upload_public", admin, unchanged, "",
			"Make a public image of a volume.",
			[]string{"POST /volumes/{volume_id}/action (os-volume_upload_image)"}},
		{"volume_extension:volume_actions:upload_image", member, adminOrOwner, "",
			"Make an image of a volume.",
			[]string{"POST /volumes/{volume_id}/action (os-volume_upload_image)"}},
		{"volume_extension:volume_admin_actions:force_detach", admin, unchanged, "",
			"Detach a volume whatever its status.",
			[]string{"POST /volumes/{volume_id}/action (os-force_detach)"}},
		{"volume_extension:volume_admin_actions:migrate_volume", admin, unchanged, "",
			"Move a volume to another back end.",
			[]string{"POST /volumes/{volume_id}/action (os-migrate_volume)"}},
		{"volume_extension:volume_admin_actions:migrate_volume_completion", admin, unchanged, "",
			"End the move of a volume.",
			[]string{"POST /volumes/{volume_id}/action (os-migrate_volume_completion)"}},
	}
}

// volumeConnectionRules are those of volumeActionsRules that are about attaching and detaching, and what comes after.
func volumeConnectionRules() []rule {
	return []rule{
		{"volume_extension:volume_actions:initialize_connection", member, adminOrOwner, "",
			"Export a volume to a connector.",
			[]string{"POST /volumes/{volume_id}/action (os-initialize_connection)"}},
		{"volume_extension:volume_actions:terminate_connection", member, adminOrOwner, "",
			"End the export of a volume to a connector.",
			[]string{"POST /volumes/{volume_id}/action (os-terminate_connection)"}},
		{"volume_extension:volume_actions:roll_detaching", member, adminOrOwner, "",
			"Undo the beginning of a detachment.",
			[]string{"POST /volumes/{volume_id}/action (os-roll_detaching)"}},
		{"volume_extension:volume_actions:reserve", member, adminOrOwner, "",
			"Reserve a volume for an attachment.",
			[]string{"POST /volumes/{volume_id}/action (os-reserve)"}},
		{"volume_extension:volume_actions:unreserve", member, adminOrOwner, "",
			"Give a reserved volume free.",
			[]string{"POST /volumes/{volume_id}/action (os-unreserve)"}},
		{"volume_extension:volume_actions:begin_detaching", member, adminOrOwner, "",
			"Begin to detach a volume.",
			[]string{"POST /volumes/{volume_id}/action (os-begin_detaching)"}},
		{"volume_extension:volume_actions:attach", member, adminOrOwner, "",
			"Record that a volume is attached.",
			[]string{"POST /volumes/{volume_id}/action (os-attach)"}},
		{"volume_extension:volume_actions:detach", member, adminOrOwner, "",
			"Record that a volume is detached.",
			[]string{"POST /volumes/{volume_id}/action (os-detach)"}},
		{"volume:reimage", member, unchanged, "",
			"Write an image into an available volume or one in error.",
			[]string{"POST /volumes/{volume_id}/action (os-reimage)"}},
		{"volume:reimage_reserved", member, unchanged, "",
			"Write an image into a reserved volume.",
			[]string{"POST /volumes/{volume_id}/action (os-reimage)"}},
	}
}

// volumeMetadataRules are the rules that upstream keeps in cinder/policies/volume_metadata.py.
func volumeMetadataRules() []rule {
	return []rule{
		{"volume:get_volume_metadata", reader, adminOrOwner, "",
			"See the metadata of a volume, or of the image it came from.",
			[]string{"GET /volumes/{volume_id}/metadata", "GET /volumes/{volume_id}/metadata/{key}", "POST /volumes/{volume_id}/action (os-show_image_metadata)"}},
		{"volume:create_volume_metadata", member, adminOrOwner, "",
			"Add to the metadata of a volume.",
			[]string{"POST /volumes/{volume_id}/metadata"}},
		{"volume:update_volume_metadata", member, adminOrOwner, "",
			"Replace the metadata of a volume or one key of it.",
			[]string{"PUT /volumes/{volume_id}/metadata", "PUT /volumes/{volume_id}/metadata/{key}"}},
		{"volume:delete_volume_metadata", member, adminOrOwner, "",
			"Remove a key from the metadata of a volume.",
			[]string{"DELETE /volumes/{volume_id}/metadata/{key}"}},
		{"volume_extension:volume_image_metadata:show", reader, adminOrOwner, "volume_extension:volume_image_metadata",
			"See image metadata in the details of a volume; other rules decide about the call itself.",
			[]string{"GET /volumes/detail", "GET /volumes/{volume_id}"}},
		{"volume_extension:volume_image_metadata:set", member, adminOrOwner, "volume_extension:volume_image_metadata",
			"Set image metadata of a volume.",
			[]string{"POST /volumes/{volume_id}/action (os-set_image_metadata)"}},
		{"volume_extension:volume_image_metadata:remove", member, adminOrOwner, "volume_extension:volume_image_metadata",
			"Remove image metadata of a volume.",
			[]string{"POST /volumes/{volume_id}/action (os-unset_image_metadata)"}},
		{"volume:update_volume_admin_metadata", admin, unchanged, "",
			"Let the call change administrative metadata; other rules decide about the call itself.",
			[]string{"POST /volumes/{volume_id}/action (os-update_readonly_flag)", "POST /volumes/{volume_id}/action (os-attach)"}},
	}
}

// attachmentsRules are the rules that upstream keeps in cinder/policies/attachments.py.
func attachmentsRules() []rule {
	return []rule{
		{"volume:attachment_create", member, everybody, "",
			"Reserve a volume for an attachment, or attach it in one go.",
			[]string{"POST /attachments"}},
		{"volume:attachment_update", member, adminOrOwner, "",
			"Hand in the connector of an attachment and get its connection.",
			[]string{"PUT /attachments/{attachment_id}"}},
		{"volume:attachment_delete", member, adminOrOwner, "",
			"End an attachment.",
			[]string{"DELETE /attachments/{attachment_id}"}},
		{"volume:attachment_complete", member, adminOrOwner, "",
			"Say that an attachment is in use.",
			[]string{"POST /attachments/{attachment_id}/action (os-complete)"}},
		{"volume:multiattach_bootable_volume", member, adminOrOwner, "",
			"Attach a bootable volume in more than one place.",
			[]string{"POST /attachments"}},
	}
}

// volumeTransferRules are the rules that upstream keeps in cinder/policies/volume_transfer.py.
func volumeTransferRules() []rule {
	return []rule{
		{"volume:get_all_transfers", reader, adminOrOwner, "",
			"See the transfers of a project.",
			[]string{"GET /os-volume-transfer", "GET /os-volume-transfer/detail", "GET /volume_transfers", "GET /volume-transfers/detail"}},
		{"volume:create_transfer", member, adminOrOwner, "",
			"Offer a volume to another project.",
			[]string{"POST /os-volume-transfer", "POST /volume_transfers"}},
		{"volume:get_transfer", reader, adminOrOwner, "",
			"See one transfer.",
			[]string{"GET /os-volume-transfer/{transfer_id}", "GET /volume-transfers/{transfer_id}"}},
		{"volume:accept_transfer", member, everybody, "",
			"Accept a volume that another project offers.",
			[]string{"POST /os-volume-transfer/{transfer_id}/accept", "POST /volume-transfers/{transfer_id}/accept"}},
		{"volume:delete_transfer", member, adminOrOwner, "",
			"Withdraw a transfer.",
			[]string{"DELETE /os-volume-transfer/{transfer_id}", "DELETE /volume-transfers/{transfer_id}"}},
	}
}

// manageableVolumesRules are the rules that upstream keeps in cinder/policies/manageable_volumes.py.
func manageableVolumesRules() []rule {
	return []rule{
		{"volume_extension:list_manageable", admin, unchanged, "",
			"See volumes on a back end that are not managed yet.",
			[]string{"GET /manageable_volumes", "GET /manageable_volumes/detail"}},
		{"volume_extension:volume_manage", admin, unchanged, "",
			"Take an existing volume under management.",
			[]string{"POST /manageable_volumes"}},
		{"volume_extension:volume_unmanage", admin, unchanged, "",
			"Forget a volume without deleting it.",
			[]string{"POST /volumes/{volume_id}/action (os-unmanage)"}},
	}
}
