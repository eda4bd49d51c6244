-- Settings of an app that the original does not know. Each default is the original's behaviour.
-- is_default: the app of requests that name none. previous_secret: still accepted while a secret is being changed.
-- session_policy: single (a log-in ends the user's other session) or multi (up to max_sessions devices).
-- grace_seconds: for this long after a log-in the previous skey still works.
-- watermark_max_age_seconds: older user data is refused; null: any age.
-- revoked_before: sessions of log-ins before this are void; microseconds since 1970.
alter table cAppinfo
  add column is_default tinyint not null default 0,
  add column previous_secret varchar(300) null default null,
  add column session_policy varchar(20) not null default 'single',
  add column max_sessions smallint unsigned not null default 5,
  add column grace_seconds int unsigned not null default 0,
  add column watermark_max_age_seconds int unsigned null default null,
  add column revoked_before bigint unsigned not null default 0;

-- The skey before the last log-in, for its time of grace.
alter table cSessionInfo
  add column previous_skey varchar(100) null default null,
  add column previous_skey_until datetime null default null;
