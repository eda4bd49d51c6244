-- Of an app: whether log-ins keep what their callers say of the device, and the user's address; with the policy multi, whether a log-in ends
-- the user's session on a device of the same kind.
alter table cAppinfo
  add column keep_device tinyint not null default 0,
  add column keep_client_ip tinyint not null default 0,
  add column per_device tinyint not null default 0;
-- Of the last log-in, as its caller said it. NULL: it said nothing, or the app does not keep it.
alter table cSessionInfo
  add column device_kind varchar(20) null default null,
  add column device_label varchar(64) null default null,
  add column client_ip varchar(45) null default null;
