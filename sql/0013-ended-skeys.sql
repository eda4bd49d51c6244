-- What is known of the last skeys that a row had and that are over: hash, time and reason (shared/session/ended-skeys.ts). Never an skey.
alter table cSessionInfo
  add column ended_skeys varbinary(168) null default null;
