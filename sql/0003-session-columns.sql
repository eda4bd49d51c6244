-- Our columns of cSessionInfo. All have defaults: the original's own inserts go on working.
-- Three statements, each the cheapest of its kind. In one they would rebuild the table: a server takes the instant
-- way only when every part of the statement can go it.
-- Columns and keys that are there already (the Go port has appid) are left out, so this can run again after a kill.

-- Longer text in the same column changes no row (text types would copy the table). Whatever else is
-- found of the column stays: character set, collation, null or not null, a wider type.
alter table cSessionInfo
  modify column user_info varchar(12000) not null;

-- appid: null or '' is the default app. user_key: sha256(appid, '\0', open_id) of rows that we wrote or adopted.
-- slot: 0.. of our sessions of one user. fence: microseconds of Redis time at which the login was claimed.
-- user_info_long: base64 past 12000 characters (user_info is '' then).
alter table cSessionInfo
  add column appid varchar(200) null default null,
  add column user_key binary(32) null default null,
  add column slot smallint unsigned null default null,
  add column fence bigint unsigned not null default 0,
  add column union_id varchar(100) null default null,
  add column user_info_long mediumtext null default null;

-- NULLs may repeat in a unique key: rows of the original have NULL here and never collide.
alter table cSessionInfo
  add unique key session_slot (user_key, slot);
