-- Of the profile: when the log-in was made that brought it, or the order that dropped one, in microseconds of Redis's clock. What is older never
-- takes its place, and an order never drops what is newer. 0: nobody noted it.
alter table cSessionInfo
  add column profile_fence bigint unsigned not null default 0;
