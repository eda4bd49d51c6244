-- By which caller's key the last log-in came. NULL: by none, or before this was kept.
alter table cSessionInfo
  add column caller varchar(64) null default null;
