-- Whether qcloud.cam.phone takes encrypted data from this app's mini program; 0: only the code of a button.
alter table cAppinfo
  add column phone_data tinyint not null default 1;
