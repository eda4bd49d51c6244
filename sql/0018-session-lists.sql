-- What lists of sessions are read from, however many there are: those of an app by their log-in or last visit, those of a person by unionId.
-- Servers make them while others read and write (docs/operations.md).
alter table cSessionInfo
  add key app_login (appid, create_time),
  add key app_visit (appid, last_visit_time),
  add key person (union_id);
