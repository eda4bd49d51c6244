-- Makes the empty database cAuth in one go:  mysql < sql/db.sql
-- The result equals that of `npm run migrate` on an empty server (a test compares the two); an existing database is for
-- `npm run migrate` alone: here the first table that exists already stops everything, before anything is changed.
set names utf8mb4;
set sql_mode = '', time_zone = '+08:00';
create database if not exists cAuth default character set utf8mb4 collate utf8mb4_unicode_ci;
use cAuth;

create table cAppinfo (
  appid varchar(200) collate utf8_unicode_ci not null,
  secret varchar(500) collate utf8_unicode_ci not null,
  login_duration int(11) default '30',
  session_duration int(11) default '2592000',
  qcloud_appid varchar(300) collate utf8_unicode_ci default 'appid_qcloud',
  ip varchar(50) collate utf8_unicode_ci default '0.0.0.0',
  is_default tinyint not null default 0,
  previous_secret varchar(500) null default null,
  session_policy varchar(20) not null default 'single',
  max_sessions smallint unsigned not null default 5,
  grace_seconds int unsigned not null default 0,
  watermark_max_age_seconds int unsigned null default null,
  revoked_before bigint unsigned not null default 0,
  phone_data tinyint not null default 1,
  allow_sign tinyint not null default 0,
  undecrypted varchar(20) not null default 'refuse',
  kind varchar(20) not null default 'wechat',
  component_appid varchar(200) null default null,
  keep_device tinyint not null default 0,
  keep_client_ip tinyint not null default 0,
  per_device tinyint not null default 0,
  primary key (appid)
) engine=InnoDB default charset=utf8 collate=utf8_unicode_ci;

create table cSessionInfo (
  id int(11) not null auto_increment,
  uuid varchar(100) not null,
  skey varchar(100) not null,
  create_time datetime not null,
  last_visit_time datetime not null,
  open_id varchar(100) not null,
  session_key varchar(191) not null,
  user_info varchar(12000) not null,
  appid varchar(200) null default null,
  user_key binary(32) null default null,
  slot smallint unsigned null default null,
  fence bigint unsigned not null default 0,
  union_id varchar(100) null default null,
  user_info_long mediumtext null default null,
  previous_skey varchar(100) null default null,
  previous_skey_until datetime null default null,
  former_keys varchar(600) null default null,
  ended_skeys varbinary(168) null default null,
  device_kind varchar(20) null default null,
  device_label varchar(64) null default null,
  client_ip varchar(45) null default null,
  profile_fence bigint unsigned not null default 0,
  caller varchar(64) null default null,
  primary key (id),
  key auth (uuid, skey),
  key weixin (open_id, session_key),
  unique key session_slot (user_key, slot),
  key app_login (appid, create_time),
  key app_visit (appid, last_visit_time),
  key person (union_id)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci;

create table cWaferKey (
  name varchar(50) not null,
  value varbinary(255) not null,
  created_at datetime not null default current_timestamp,
  primary key (name)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci;

create table cWaferDropped (
  id int unsigned not null auto_increment,
  row_id bigint not null comment 'id of the deleted row in cSessionInfo',
  uuid varchar(100) collate utf8mb4_bin not null,
  open_id varchar(100) collate utf8mb4_bin not null,
  last_visit_time datetime not null,
  kept_id bigint not null comment 'id of the row of this uuid that stays',
  reason varchar(50) not null,
  dropped_at datetime not null default current_timestamp,
  primary key (id),
  key kept (kept_id),
  key open_id (open_id)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci;

create table cWaferAudit (
  id bigint unsigned not null auto_increment,
  at datetime not null,
  os_user varchar(100) not null,
  host varchar(255) not null,
  by_name varchar(100) null default null,
  action varchar(50) not null,
  target varchar(255) null default null,
  details text not null,
  primary key (id),
  key at (at),
  key target (target(100))
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci;

create table cWaferCaller (
  name varchar(64) collate utf8mb4_bin not null,
  key_hash binary(32) not null,
  created_at datetime not null default current_timestamp,
  appid varchar(200) collate utf8mb4_bin null default null,
  apps text null default null,
  may varchar(500) null default null,
  primary key (name),
  unique key caller_key (key_hash)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci;

create table cWaferRevocation (
  what varchar(204) collate utf8mb4_bin not null,
  revoked_before bigint unsigned not null,
  primary key (what)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci row_format=dynamic;

create table cWaferErasure (
  person varchar(32) collate utf8mb4_bin not null,
  erased_before bigint unsigned not null,
  todo mediumtext null default null,
  at datetime not null,
  primary key (person)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci;

create table cWaferOperator (
  id int unsigned not null auto_increment,
  name varchar(64) collate utf8mb4_bin not null,
  kind varchar(10) not null,
  role varchar(10) not null,
  is_disabled tinyint not null default 0,
  sign_ins int unsigned not null,
  password_hash varchar(255) null default null,
  link_hash binary(32) null default null,
  link_until datetime null default null,
  totp_secret varchar(255) null default null,
  totp_on tinyint not null default 0,
  totp_step int unsigned not null default 0,
  subject_hash binary(32) null default null,
  token_hash binary(32) null default null,
  token_until datetime null default null,
  created_at datetime not null,
  signed_in_at datetime null default null,
  sign_in_ids varbinary(640) not null default '',
  primary key (id),
  unique key operator_name (name),
  unique key operator_link (link_hash),
  unique key operator_subject (subject_hash),
  unique key operator_token (token_hash)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci;

create table cWaferSample (
  appid varchar(200) collate utf8mb4_bin not null,
  at datetime not null,
  seconds mediumint unsigned not null,
  logins_ok int unsigned not null default 0,
  logins_refused int unsigned not null default 0,
  logins_failed int unsigned not null default 0,
  checks_ok int unsigned not null default 0,
  checks_refused int unsigned not null default 0,
  checks_failed int unsigned not null default 0,
  more text null default null,
  primary key (appid, at)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci row_format=dynamic;

create table cWaferSampled (
  name varchar(20) not null,
  at bigint unsigned not null,
  counted mediumtext not null,
  primary key (name)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci;

create table cWaferEndpoint (
  name varchar(64) collate utf8mb4_bin not null,
  url varchar(2000) not null,
  apps text null default null,
  events text null default null,
  secret varchar(500) not null,
  previous_secret varchar(500) null default null,
  previous_secret_until bigint unsigned null default null,
  enabled tinyint not null default 1,
  created_at bigint unsigned not null,
  delivered_at bigint unsigned null default null,
  failing_since bigint unsigned null default null,
  failure varchar(100) null default null,
  primary key (name)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci row_format=dynamic;

create table cWaferEndpointLane (
  endpoint varchar(64) collate utf8mb4_bin not null,
  lane smallint unsigned not null,
  after_id bigint unsigned not null,
  waits_for bigint unsigned null default null,
  waiting_since bigint unsigned null default null,
  failure varchar(100) null default null,
  primary key (endpoint, lane)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci;

create table cWaferEventDemand (
  what varchar(20) collate utf8mb4_bin not null,
  wanted_until bigint unsigned not null,
  since_id bigint unsigned not null,
  primary key (what)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci;

create table cWaferOutbox (
  id bigint unsigned not null auto_increment,
  at bigint unsigned not null,
  event varchar(30) not null,
  lane smallint unsigned not null,
  appid varchar(200) collate utf8mb4_bin null default null,
  open_id varchar(100) collate utf8mb4_bin null default null,
  session_id varchar(100) collate utf8mb4_bin null default null,
  details text null default null,
  primary key (id)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci;

create table cWaferEvent (
  id bigint unsigned not null auto_increment,
  at bigint unsigned not null,
  event varchar(30) not null,
  lane smallint unsigned not null,
  appid varchar(200) collate utf8mb4_bin null default null,
  open_id varchar(100) collate utf8mb4_bin null default null,
  session_id varchar(100) collate utf8mb4_bin null default null,
  details text null default null,
  primary key (id),
  key lane (lane, id),
  key at (at),
  key open_id (open_id)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci;

create table cWaferDeadLetter (
  id bigint unsigned not null auto_increment,
  endpoint varchar(64) collate utf8mb4_bin not null,
  event_id bigint unsigned not null,
  at bigint unsigned not null,
  event varchar(30) not null,
  appid varchar(200) collate utf8mb4_bin null default null,
  open_id varchar(100) collate utf8mb4_bin null default null,
  session_id varchar(100) collate utf8mb4_bin null default null,
  details text null default null,
  failure varchar(100) not null,
  died_at bigint unsigned not null,
  again tinyint not null default 0,
  primary key (id),
  unique key letter (endpoint, event_id),
  key open_id (open_id),
  key died_at (died_at),
  key again (again, endpoint)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci;

create table cWaferMigration (
  name varchar(100) not null,
  ran_at datetime not null default current_timestamp,
  primary key (name)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci;

-- Last: until here nothing claims to be complete.
insert into cWaferMigration (name) values
  ('0001-original-tables'),
  ('0002-new-tables'),
  ('0003-session-columns'),
  ('0004-duplicate-ids'),
  ('0005-apps-and-policies'),
  ('0006-keys-and-audit'),
  ('0007-callers'),
  ('0008-caller-app'),
  ('0009-phone-data'),
  ('0010-revocations'),
  ('0011-former-keys'),
  ('0012-user-data-settings'),
  ('0013-ended-skeys'),
  ('0014-caller-permissions'),
  ('0015-app-kinds'),
  ('0016-erasures'),
  ('0017-operators'),
  ('0018-session-lists'),
  ('0019-events'),
  ('0020-samples'),
  ('0021-devices'),
  ('0022-erasure-keys'),
  ('0023-profile-fence'),
  ('0024-waiting-events'),
  ('0025-session-caller'),
  ('0026-sign-in-ids');
