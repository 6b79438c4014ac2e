package api_test

import "testing"

// The fuzz targets, one for each operation with a request schema: whatever the body, the answer is no server error, a
// refusal is a fault body, and it comes in time. "go test" runs the seeds, which are made from the schema; to search, run
// "go test -fuzz=FuzzPostVolumes$ ./internal/block/api". TestFuzzTargets writes this file when it is run with -update.

func FuzzPostAttachments(f *testing.F)         { fuzz(f, "POST /attachments") }
func FuzzPutAttachmentsId(f *testing.F)        { fuzz(f, "PUT /attachments/{id}") }
func FuzzAttachmentsOsComplete(f *testing.F)   { fuzz(f, "POST /attachments/{id}/action os-complete") }
func FuzzPostBackups(f *testing.F)             { fuzz(f, "POST /backups") }
func FuzzPostBackupsImportRecord(f *testing.F) { fuzz(f, "POST /backups/import_record") }
func FuzzPutBackupsId(f *testing.F)            { fuzz(f, "PUT /backups/{id}") }
func FuzzBackupsOsForceDelete(f *testing.F)    { fuzz(f, "POST /backups/{id}/action os-force_delete") }
func FuzzBackupsOsResetStatus(f *testing.F)    { fuzz(f, "POST /backups/{id}/action os-reset_status") }
func FuzzPostBackupsIdRestore(f *testing.F)    { fuzz(f, "POST /backups/{id}/restore") }
func FuzzPutClustersId(f *testing.F)           { fuzz(f, "PUT /clusters/{id}") }
func FuzzPutDefaultTypesId(f *testing.F)       { fuzz(f, "PUT /default-types/{id}") }
func FuzzPostGroupSnapshots(f *testing.F)      { fuzz(f, "POST /group_snapshots") }
func FuzzGroupSnapshotsResetStatus(f *testing.F) {
	fuzz(f, "POST /group_snapshots/{id}/action reset_status")
}
func FuzzPostGroupTypes(f *testing.F)             { fuzz(f, "POST /group_types") }
func FuzzPutGroupTypesId(f *testing.F)            { fuzz(f, "PUT /group_types/{id}") }
func FuzzPostGroupTypesIdGroupSpecs(f *testing.F) { fuzz(f, "POST /group_types/{id}/group_specs") }
func FuzzPutGroupTypesIdGroupSpecsKey(f *testing.F) {
	fuzz(f, "PUT /group_types/{id}/group_specs/{key}")
}
func FuzzPostGroups(f *testing.F)          { fuzz(f, "POST /groups") }
func FuzzGroupsCreateFromSrc(f *testing.F) { fuzz(f, "POST /groups/action create-from-src") }
func FuzzPutGroupsId(f *testing.F)         { fuzz(f, "PUT /groups/{id}") }
func FuzzGroupsDelete(f *testing.F)        { fuzz(f, "POST /groups/{id}/action delete") }
func FuzzGroupsDisableReplication(f *testing.F) {
	fuzz(f, "POST /groups/{id}/action disable_replication")
}
func FuzzGroupsEnableReplication(f *testing.F) {
	fuzz(f, "POST /groups/{id}/action enable_replication")
}
func FuzzGroupsFailoverReplication(f *testing.F) {
	fuzz(f, "POST /groups/{id}/action failover_replication")
}
func FuzzGroupsListReplicationTargets(f *testing.F) {
	fuzz(f, "POST /groups/{id}/action list_replication_targets")
}
func FuzzGroupsResetStatus(f *testing.F)             { fuzz(f, "POST /groups/{id}/action reset_status") }
func FuzzPostManageableSnapshots(f *testing.F)       { fuzz(f, "POST /manageable_snapshots") }
func FuzzPostManageableVolumes(f *testing.F)         { fuzz(f, "POST /manageable_volumes") }
func FuzzPutOsHostsId(f *testing.F)                  { fuzz(f, "PUT /os-hosts/{id}") }
func FuzzPutOsQuotaClassSetsId(f *testing.F)         { fuzz(f, "PUT /os-quota-class-sets/{id}") }
func FuzzPutOsQuotaSetsId(f *testing.F)              { fuzz(f, "PUT /os-quota-sets/{id}") }
func FuzzPutOsServicesDisable(f *testing.F)          { fuzz(f, "PUT /os-services/disable") }
func FuzzPutOsServicesDisableLogReason(f *testing.F) { fuzz(f, "PUT /os-services/disable-log-reason") }
func FuzzPutOsServicesEnable(f *testing.F)           { fuzz(f, "PUT /os-services/enable") }
func FuzzPutOsServicesFailover(f *testing.F)         { fuzz(f, "PUT /os-services/failover") }
func FuzzPutOsServicesFailoverHost(f *testing.F)     { fuzz(f, "PUT /os-services/failover_host") }
func FuzzPutOsServicesFreeze(f *testing.F)           { fuzz(f, "PUT /os-services/freeze") }
func FuzzPutOsServicesGetLog(f *testing.F)           { fuzz(f, "PUT /os-services/get-log") }
func FuzzPutOsServicesSetLog(f *testing.F)           { fuzz(f, "PUT /os-services/set-log") }
func FuzzPutOsServicesThaw(f *testing.F)             { fuzz(f, "PUT /os-services/thaw") }
func FuzzPostOsSnapshotManage(f *testing.F)          { fuzz(f, "POST /os-snapshot-manage") }
func FuzzPostOsVolumeManage(f *testing.F)            { fuzz(f, "POST /os-volume-manage") }
func FuzzPostOsVolumeTransfer(f *testing.F)          { fuzz(f, "POST /os-volume-transfer") }
func FuzzPostOsVolumeTransferIdAccept(f *testing.F)  { fuzz(f, "POST /os-volume-transfer/{id}/accept") }
func FuzzPostQosSpecs(f *testing.F)                  { fuzz(f, "POST /qos-specs") }
func FuzzPutQosSpecsId(f *testing.F)                 { fuzz(f, "PUT /qos-specs/{id}") }
func FuzzPutQosSpecsIdDeleteKeys(f *testing.F)       { fuzz(f, "PUT /qos-specs/{id}/delete_keys") }
func FuzzPostSnapshots(f *testing.F)                 { fuzz(f, "POST /snapshots") }
func FuzzPutSnapshotsId(f *testing.F)                { fuzz(f, "PUT /snapshots/{id}") }
func FuzzSnapshotsOsForceDelete(f *testing.F)        { fuzz(f, "POST /snapshots/{id}/action os-force_delete") }
func FuzzSnapshotsOsResetStatus(f *testing.F)        { fuzz(f, "POST /snapshots/{id}/action os-reset_status") }
func FuzzSnapshotsOsUnmanage(f *testing.F)           { fuzz(f, "POST /snapshots/{id}/action os-unmanage") }
func FuzzSnapshotsOsUpdateSnapshotStatus(f *testing.F) {
	fuzz(f, "POST /snapshots/{id}/action os-update_snapshot_status")
}
func FuzzPostSnapshotsIdMetadata(f *testing.F)   { fuzz(f, "POST /snapshots/{id}/metadata") }
func FuzzPutSnapshotsIdMetadata(f *testing.F)    { fuzz(f, "PUT /snapshots/{id}/metadata") }
func FuzzPutSnapshotsIdMetadataKey(f *testing.F) { fuzz(f, "PUT /snapshots/{id}/metadata/{key}") }
func FuzzPostTypes(f *testing.F)                 { fuzz(f, "POST /types") }
func FuzzPutTypesId(f *testing.F)                { fuzz(f, "PUT /types/{id}") }
func FuzzTypesAddProjectAccess(f *testing.F)     { fuzz(f, "POST /types/{id}/action addProjectAccess") }
func FuzzTypesRemoveProjectAccess(f *testing.F) {
	fuzz(f, "POST /types/{id}/action removeProjectAccess")
}
func FuzzPostTypesIdEncryption(f *testing.F)       { fuzz(f, "POST /types/{id}/encryption") }
func FuzzPutTypesIdEncryptionKey(f *testing.F)     { fuzz(f, "PUT /types/{id}/encryption/{key}") }
func FuzzPostTypesIdExtraSpecs(f *testing.F)       { fuzz(f, "POST /types/{id}/extra_specs") }
func FuzzPutTypesIdExtraSpecsKey(f *testing.F)     { fuzz(f, "PUT /types/{id}/extra_specs/{key}") }
func FuzzPostVolumeTransfers(f *testing.F)         { fuzz(f, "POST /volume-transfers") }
func FuzzPostVolumeTransfersIdAccept(f *testing.F) { fuzz(f, "POST /volume-transfers/{id}/accept") }
func FuzzPostVolumes(f *testing.F)                 { fuzz(f, "POST /volumes") }
func FuzzPutVolumesId(f *testing.F)                { fuzz(f, "PUT /volumes/{id}") }
func FuzzVolumesOsAttach(f *testing.F)             { fuzz(f, "POST /volumes/{id}/action os-attach") }
func FuzzVolumesOsBeginDetaching(f *testing.F) {
	fuzz(f, "POST /volumes/{id}/action os-begin_detaching")
}
func FuzzVolumesOsDetach(f *testing.F) { fuzz(f, "POST /volumes/{id}/action os-detach") }
func FuzzVolumesOsExtend(f *testing.F) { fuzz(f, "POST /volumes/{id}/action os-extend") }
func FuzzVolumesOsExtendVolumeCompletion(f *testing.F) {
	fuzz(f, "POST /volumes/{id}/action os-extend_volume_completion")
}
func FuzzVolumesOsForceDelete(f *testing.F) { fuzz(f, "POST /volumes/{id}/action os-force_delete") }
func FuzzVolumesOsForceDetach(f *testing.F) { fuzz(f, "POST /volumes/{id}/action os-force_detach") }
func FuzzVolumesOsInitializeConnection(f *testing.F) {
	fuzz(f, "POST /volumes/{id}/action os-initialize_connection")
}
func FuzzVolumesOsMigrateVolume(f *testing.F) { fuzz(f, "POST /volumes/{id}/action os-migrate_volume") }
func FuzzVolumesOsMigrateVolumeCompletion(f *testing.F) {
	fuzz(f, "POST /volumes/{id}/action os-migrate_volume_completion")
}
func FuzzVolumesOsReimage(f *testing.F)       { fuzz(f, "POST /volumes/{id}/action os-reimage") }
func FuzzVolumesOsReserve(f *testing.F)       { fuzz(f, "POST /volumes/{id}/action os-reserve") }
func FuzzVolumesOsResetStatus(f *testing.F)   { fuzz(f, "POST /volumes/{id}/action os-reset_status") }
func FuzzVolumesOsRetype(f *testing.F)        { fuzz(f, "POST /volumes/{id}/action os-retype") }
func FuzzVolumesOsRollDetaching(f *testing.F) { fuzz(f, "POST /volumes/{id}/action os-roll_detaching") }
func FuzzVolumesOsSetBootable(f *testing.F)   { fuzz(f, "POST /volumes/{id}/action os-set_bootable") }
func FuzzVolumesOsSetImageMetadata(f *testing.F) {
	fuzz(f, "POST /volumes/{id}/action os-set_image_metadata")
}
func FuzzVolumesOsShowImageMetadata(f *testing.F) {
	fuzz(f, "POST /volumes/{id}/action os-show_image_metadata")
}
func FuzzVolumesOsTerminateConnection(f *testing.F) {
	fuzz(f, "POST /volumes/{id}/action os-terminate_connection")
}
func FuzzVolumesOsUnmanage(f *testing.F)  { fuzz(f, "POST /volumes/{id}/action os-unmanage") }
func FuzzVolumesOsUnreserve(f *testing.F) { fuzz(f, "POST /volumes/{id}/action os-unreserve") }
func FuzzVolumesOsUnsetImageMetadata(f *testing.F) {
	fuzz(f, "POST /volumes/{id}/action os-unset_image_metadata")
}
func FuzzVolumesOsUpdateReadonlyFlag(f *testing.F) {
	fuzz(f, "POST /volumes/{id}/action os-update_readonly_flag")
}
func FuzzVolumesOsVolumeUploadImage(f *testing.F) {
	fuzz(f, "POST /volumes/{id}/action os-volume_upload_image")
}
func FuzzVolumesRevert(f *testing.F)           { fuzz(f, "POST /volumes/{id}/action revert") }
func FuzzPostVolumesIdMetadata(f *testing.F)   { fuzz(f, "POST /volumes/{id}/metadata") }
func FuzzPutVolumesIdMetadata(f *testing.F)    { fuzz(f, "PUT /volumes/{id}/metadata") }
func FuzzPutVolumesIdMetadataKey(f *testing.F) { fuzz(f, "PUT /volumes/{id}/metadata/{key}") }
func FuzzPostWorkersCleanup(f *testing.F)      { fuzz(f, "POST /workers/cleanup") }
