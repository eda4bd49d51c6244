-- The session_keys that log-ins of the last minutes have replaced, with their times: what WeChat sealed before such a log-in opens with
-- these alone. JSON, encrypted as a whole where session_key is. Null: none, as after a log-in of the original.
alter table cSessionInfo
  add column former_keys varchar(600) null default null;
