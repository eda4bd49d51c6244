-- The app that a caller's key is bound to: requests through it are that app's. NULL: it may call for every app.
alter table cWaferCaller
  add column appid varchar(200) collate utf8mb4_bin null default null;
