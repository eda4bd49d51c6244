-- Which sign-ins of the console go on: SHA-256 of what the cookie holds, 32 bytes each, the newest first, twenty at most. One that is not here
-- has ended, whatever Redis has of it.
alter table cWaferOperator
  add column sign_in_ids varbinary(640) not null default '';
