package rpcapi

// A message that a Python service has sent belongs to no operation of the journal. Whoever takes it up makes one, and says so
// in the message, which is also the operation's state, or part of it.

// SetFlowID says which operation of the journal the message belongs to.
func (m *BackupTask) SetFlowID(id string) { m.FlowID = id }

// SetFlowID says which operation of the journal the message belongs to.
func (m *RestoreBackup) SetFlowID(id string) { m.FlowID = id }

// SetFlowID says which operation of the journal the message belongs to.
func (m *DeleteBackup) SetFlowID(id string) { m.FlowID = id }

// SetFlowID says which operation of the journal the message belongs to.
func (m *ImportRecord) SetFlowID(id string) { m.FlowID = id }

// SetFlowID says which operation of the journal the message belongs to.
func (m *ResetBackupStatus) SetFlowID(id string) { m.FlowID = id }

// SetFlowID says which operation of the journal the message belongs to.
func (m *CreateGroup) SetFlowID(id string) { m.FlowID = id }

// SetFlowID says which operation of the journal the message belongs to.
func (m *UpdateGroup) SetFlowID(id string) { m.FlowID = id }

// SetFlowID says which operation of the journal the message belongs to.
func (m *DeleteGroup) SetFlowID(id string) { m.FlowID = id }

// SetFlowID says which operation of the journal the message belongs to.
func (m *CreateGroupFromSource) SetFlowID(id string) { m.FlowID = id }

// SetFlowID says which operation of the journal the message belongs to.
func (m *CreateGroupSnapshot) SetFlowID(id string) { m.FlowID = id }

// SetFlowID says which operation of the journal the message belongs to.
func (m *DeleteGroupSnapshot) SetFlowID(id string) { m.FlowID = id }

// SetFlowID says which operation of the journal the message belongs to.
func (m *SetReplication) SetFlowID(id string) { m.FlowID = id }

// SetFlowID says which operation of the journal the message belongs to.
func (m *CopyVolumeToImage) SetFlowID(id string) { m.FlowID = id }

// SetFlowID says which operation of the journal the message belongs to.
func (m *Reimage) SetFlowID(id string) { m.FlowID = id }

// SetFlowID says which operation of the journal the message belongs to.
func (m *ManageExisting) SetFlowID(id string) { m.FlowID = id }

// SetFlowID says which operation of the journal the message belongs to.
func (m *ManageExistingSnapshot) SetFlowID(id string) { m.FlowID = id }

// SetFlowID says which operation of the journal the message belongs to.
func (m *Retype) SetFlowID(id string) { m.FlowID = id }

// SetFlowID says which operation of the journal the message belongs to.
func (m *MigrateVolume) SetFlowID(id string) { m.FlowID = id }

// SetFlowID says which operation of the journal the message belongs to.
func (m *UpdateMigratedVolume) SetFlowID(id string) { m.FlowID = id }

// SetFlowID says which operation of the journal the message belongs to.
func (m *CreateVolume) SetFlowID(id string) { m.FlowID = id }

// SetFlowID says which operation of the journal the message belongs to.
func (m *DeleteVolume) SetFlowID(id string) { m.FlowID = id }

// SetFlowID says which operation of the journal the message belongs to.
func (m *ExtendVolume) SetFlowID(id string) { m.FlowID = id }

// SetFlowID says which operation of the journal the message belongs to.
func (m *CreateSnapshot) SetFlowID(id string) { m.FlowID = id }

// SetFlowID says which operation of the journal the message belongs to.
func (m *DeleteSnapshot) SetFlowID(id string) { m.FlowID = id }

// SetFlowID says which operation of the journal the message belongs to.
func (m *RevertToSnapshot) SetFlowID(id string) { m.FlowID = id }
