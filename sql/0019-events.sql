-- Events for other systems (docs/events.md). Times are milliseconds since 1970.
-- Where they are sent. apps and events: JSON lists; null: all. secret: encrypted as cAppinfo.secret is; the one before is still signed with until
-- previous_secret_until. The rest says how it goes.
create table if not exists cWaferEndpoint (
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

-- How far each endpoint has come, in each lane: the greatest id of cWaferEvent that is done.
create table if not exists cWaferEndpointLane (
  endpoint varchar(64) collate utf8mb4_bin not null,
  lane smallint unsigned not null,
  after_id bigint unsigned not null,
  primary key (endpoint, lane)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci;

-- Whoever reads events as a stream wants them until then. since_id: the greatest id of cWaferEvent when they began to be kept.
create table if not exists cWaferEventDemand (
  what varchar(20) collate utf8mb4_bin not null,
  wanted_until bigint unsigned not null,
  since_id bigint unsigned not null,
  primary key (what)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci;

-- Written in one transaction with what it tells of, and moved into cWaferEvent at once: so small a table costs a log-in the least.
create table if not exists cWaferOutbox (
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

-- One process at a time moves them, so ids have the order in which they can be seen. event '': of a person who was erased since.
create table if not exists cWaferEvent (
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

-- What an endpoint did not take within a day. again: it is to be sent once more.
create table if not exists cWaferDeadLetter (
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
