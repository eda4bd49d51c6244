-- Figures of the past: what was counted in the minute that begins at `at`, or, if nobody had looked for longer, in so many seconds up to its
-- end. appid: '' is the whole system, with what else is known of it as JSON; other: all apps that have no series by name.
create table if not exists cWaferSample (
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
-- How far the counters had come at the last sample, as JSON; at: milliseconds since 1970. The one row is locked by who takes a sample.
create table if not exists cWaferSampled (
  name varchar(20) not null,
  at bigint unsigned not null,
  counted mediumtext not null,
  primary key (name)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci;
