-- Room for encrypted values. Both lengths of session_key need two bytes for the length, so no row changes; 191 characters
-- of utf8mb4 are what a key of an old row format can hold of one column.
alter table cSessionInfo
  modify column session_key varchar(191) not null;

alter table cAppinfo
  modify column secret varchar(500) not null,
  modify column previous_secret varchar(500) null default null;

-- Who did what by the command line. The program only ever adds rows.
-- at: UTC+8. by_name: what was given with --by. target: an appid, an id, … details: JSON, without secrets.
create table if not exists cWaferAudit (
  id bigint unsigned not null auto_increment,
  at datetime not null,
  os_user varchar(100) not null,
  host varchar(255) not null,
  by_name varchar(100) null default null,
  action varchar(50) not null,
  target varchar(255) null default null,
  details text not null,
  primary key (id),
  key at (at)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci;
