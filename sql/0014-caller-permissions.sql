-- What a caller may do.
-- apps: JSON list of the apps that its key is bound to. It counts if it begins with the column appid, which is all that older versions
-- know and change; else that one app alone counts.
-- may: interfaces and more, with commas between them. NULL: what callers may do by default.
alter table cWaferCaller
  add column apps text null default null,
  add column may varchar(500) null default null;
