-- By which an erasure finds whom the audit log names, and whether anything is kept of somebody at all.
alter table cWaferAudit
  add key target (target(100));

alter table cWaferDropped
  add key open_id (open_id);
