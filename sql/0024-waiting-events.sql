-- The event that a lane of an endpoint waits for, since when (milliseconds since 1970), and what was answered the last time. One that is not
-- greater than after_id is done.
alter table cWaferEndpointLane
  add column waits_for bigint unsigned null default null,
  add column waiting_since bigint unsigned null default null,
  add column failure varchar(100) null default null;
