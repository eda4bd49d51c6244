import test, { type ExecutionContext } from 'ava';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { migrate } from '../../../shared/store/migrate.ts';
import { MigrationError } from '../../../shared/store/migrate/migration-error.ts';
import { runDoctor } from '../../support/doctor.ts';
import { findServer, readSchema, reserveDatabase, type MigrationDatabase } from './migration-database.ts';

const server = await findServer();
test.after.always(() => server.stop());

const original = `
  create table cAppinfo (appid varchar(200) collate utf8_unicode_ci not null, secret varchar(300) collate utf8_unicode_ci not null,
    login_duration int(11) default '30', session_duration int(11) default '2592000',
    qcloud_appid varchar(300) collate utf8_unicode_ci default 'appid_qcloud', ip varchar(50) collate utf8_unicode_ci default '0.0.0.0',
    primary key (appid)) engine=InnoDB default charset=utf8 collate=utf8_unicode_ci;
  create table cSessionInfo (id int(11) not null auto_increment, uuid varchar(100) not null, skey varchar(100) not null,
    create_time datetime not null, last_visit_time datetime not null, open_id varchar(100) not null, session_key varchar(100) not null,
    user_info varchar(2048) not null, primary key (id), key auth (uuid, skey), key weixin (open_id, session_key))
    engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci;
  insert into cSessionInfo values (1, 'u1', 's1', now(), now(), 'o1', 'k1', ''), (2, 'u1', 's2', now(), now(), 'o1', 'k1', '');`;

/** What Wafer 2 leaves, which has no session server: the same names for other things. */
const wafer2 = `
  create table cSessionInfo (open_id varchar(100) not null, uuid varchar(100) not null, skey varchar(100) not null,
    create_time timestamp not null default current_timestamp, last_visit_time timestamp not null default current_timestamp,
    session_key varchar(100) not null, user_info varchar(2048) not null, primary key (open_id), key openid (open_id) using btree,
    key skey (skey) using btree) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci comment='of another program';
  create table score (open_id varchar(100) not null, points int not null, primary key (open_id),
    foreign key (open_id) references cSessionInfo (open_id)) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci;
  insert into cSessionInfo values ('o1', 'u1', 's1', now(), now(), 'k1', '{"openId":"o1"}');
  insert into score values ('o1', 7);`;

async function fill(
  t: ExecutionContext,
  sql: string,
): Promise<{ database: MigrationDatabase; connection: Connection }> {
  const database = await reserveDatabase(t, server);
  const admin = await database.connect(false);
  await admin.query(`create database ${database.name} default charset utf8mb4 collate utf8mb4_unicode_ci`);
  const connection = await database.connect();
  await connection.query(sql);
  return { database, connection };
}

/** All that a migration could have changed: definitions, and the rows of the tables of the original. */
async function readAll(connection: Connection): Promise<unknown> {
  const [tables] = await connection.query<RowDataPacket[]>(
    "select table_name as name from information_schema.tables where table_schema = database() and table_type like 'BASE TABLE'",
  );
  const rows = [];
  for (const { name } of tables) rows.push((await connection.query(`select * from \`${name}\``))[0]);
  return { schema: await readSchema(connection), rows };
}

const findSchemaFaults = async (url: string) =>
  (await runDoctor({ DATABASE_URL: url })).findings.filter(
    ({ check, state }) => /^database\.(schema|migrations)$/.test(check) && state === 'fault',
  );

/** What is there, what the refusal says of it, and where it can be mended by what the refusal says, how. */
const refused: Record<string, { sql: string; says: RegExp; mended?: string }> = {
  'the cAuth of Wafer 2': { sql: wafer2, says: /holds the sessions of Wafer 2 .* Name a database of its own/ },
  'sessions without an id': {
    sql: `${original} alter table cSessionInfo drop column id, add primary key (skey)`,
    says: /a column is missing \(id\)/,
  },
  'sessions without open_id and session_key': {
    sql: `${original} alter table cSessionInfo drop key weixin, drop column open_id, drop column session_key`,
    says: /columns are missing \(open_id, session_key\)/,
  },
  'apps without a secret': {
    sql: `${original} alter table cAppinfo drop column secret`,
    says: /cAppinfo that is no table of the original: a column is missing \(secret\)/,
  },
  'an app table of another program': {
    sql: 'create table cAppinfo (id int primary key, title varchar(20))',
    says: /cAppinfo that is no table of the original/,
  },
  'tables of MyISAM': {
    sql: `${original} alter table cSessionInfo engine=MyISAM; alter table cAppinfo engine=MyISAM`,
    says: /cAppinfo of the engine MyISAM.*cSessionInfo of the engine MyISAM.*alter table cSessionInfo engine=InnoDB/s,
    mended: 'alter table cAppinfo engine=InnoDB; alter table cSessionInfo engine=InnoDB',
  },
  'tables in lower case': {
    sql: `${original} rename table cSessionInfo to csessioninfo; rename table cAppinfo to cappinfo`,
    says: /a table csessioninfo, and this server tells names of tables apart by case.*rename table csessioninfo to cSessionInfo/,
    mended: 'rename table csessioninfo to cSessionInfo, cappinfo to cAppinfo',
  },
  'cAppInfo, as the README of the original spells it': {
    sql: `${original} rename table cAppinfo to cAppInfo`,
    says: /rename table cAppInfo to cAppinfo/,
    mended: 'rename table cAppInfo to cAppinfo',
  },
  'a view of sessions': {
    sql: `${original} rename table cSessionInfo to sessions; create view cSessionInfo as select * from sessions`,
    says: /cSessionInfo as a view, not as a table/,
  },
  'times as timestamps': {
    sql: `${original} alter table cSessionInfo modify create_time timestamp not null, modify last_visit_time timestamp not null`,
    says: /create_time of the type timestamp instead of datetime.*set time_zone = '\+08:00'/,
    mended: `set time_zone = '+08:00'; alter table cSessionInfo modify create_time datetime not null, modify last_visit_time datetime not null`,
  },
  'times as numbers': {
    sql: `${original} alter table cSessionInfo drop column create_time, add column create_time int not null default 0`,
    says: /create_time of the type int\S* instead of datetime/,
  },
  'ids too short for ours': {
    sql: `${original} alter table cSessionInfo modify uuid varchar(32) not null`,
    says: /uuid of the type varchar\(32\) instead of varchar\(100\)/,
    mended: 'alter table cSessionInfo modify uuid varchar(100) not null',
  },
  'skeys as bytes': {
    sql: `${original} alter table cSessionInfo modify skey varbinary(100) not null`,
    says: /skey of the type varbinary\(100\) instead of varchar\(100\)/,
  },
  'profiles as JSON': {
    sql: `${original} update cSessionInfo set user_info = '{}'; alter table cSessionInfo modify user_info json not null`,
    says: /user_info/,
  },
  'skeys that may be null': {
    sql: `${original} alter table cSessionInfo modify skey varchar(100) null`,
    says: /skey that may be null/,
    mended: 'alter table cSessionInfo modify skey varchar(100) not null',
  },
  'an id that does not count by itself': {
    sql: `${original} alter table cSessionInfo modify id int not null`,
    says: /whose id does not count by itself/,
    mended: 'alter table cSessionInfo modify id int not null auto_increment',
  },
  'another primary key': {
    sql: `${original} alter table cSessionInfo drop primary key, add primary key (id, uuid)`,
    says: /the primary key \(id, uuid\) instead of \(id\)/,
  },
  'no key for ids': {
    sql: `${original} alter table cSessionInfo drop key auth`,
    says: /without a key that begins with uuid/,
    mended: 'alter table cSessionInfo add key auth (uuid, skey)',
  },
  'a key that allows one row per user': {
    sql: `${original} delete from cSessionInfo where id = 2; alter table cSessionInfo add unique key one (open_id)`,
    says: /a key one \(open_id\) that log-ins collide with/,
    mended: 'alter table cSessionInfo drop key one',
  },
  'a key of our name': {
    sql: `${original} alter table cSessionInfo add key session_slot (skey)`,
    says: /a key session_slot \(skey\)/,
    mended: 'alter table cSessionInfo drop key session_slot',
  },
  'a column of our name with another meaning': {
    sql: `${original} alter table cSessionInfo add column slot varchar(20) null`,
    says: /a column cSessionInfo.slot of another program/,
    mended: 'alter table cSessionInfo change slot shelf varchar(20) null',
  },
  'a column of our name and type with another meaning': {
    sql: `${original} alter table cSessionInfo add column fence bigint unsigned not null default 7`,
    says: /a column cSessionInfo.fence of another program/,
  },
  'an app column of our name': {
    sql: `${original} alter table cAppinfo add column is_default tinyint not null default 1`,
    says: /cAppinfo.is_default of another program/,
  },
  'a column that must be given a value': {
    sql: `${original} alter table cSessionInfo add column region varchar(10) not null`,
    says: /cSessionInfo.region that needs a value/,
    mended: 'alter table cSessionInfo modify region varchar(10) null',
  },
  'an appid that is a number': {
    sql: `${original} alter table cSessionInfo add column appid int not null default 0`,
    says: /appid of the type int/,
  },
  'times that change by themselves': {
    sql: `${original} alter table cSessionInfo modify last_visit_time datetime not null default current_timestamp on update current_timestamp`,
    says: /last_visit_time that changes at each update/,
  },
  'rows that ours would make too wide': {
    sql: `${original} alter table cSessionInfo add column notes varchar(6000) null`,
    says: /whose rows would be too wide/,
    mended: 'alter table cSessionInfo modify notes text null',
  },
  'pages of an old format that ours would make too full': {
    sql: `${original} alter table cSessionInfo row_format=compact, ${['a', 'b', 'c', 'd'].map((name) => `add column ${name} varchar(300) null`).join(', ')}`,
    says: /whose rows would be too wide.*alter table cSessionInfo row_format=dynamic/,
    mended: 'alter table cSessionInfo row_format=dynamic',
  },
  'a trigger on sessions': {
    sql: `${original} create trigger copy before insert on cSessionInfo for each row set new.open_id = lower(new.open_id)`,
    says: /a trigger copy, which changes what is written/,
    mended: 'drop trigger copy',
  },
  'sessions whose users have to be in another table': {
    sql: `${original} create table users (id varchar(100) primary key) default charset=utf8mb4 collate=utf8mb4_unicode_ci;
      insert into users values ('o1'); alter table cSessionInfo add constraint known foreign key (open_id) references users (id)`,
    says: /the foreign key known to users/,
    mended: 'alter table cSessionInfo drop foreign key known',
  },
  'rows of others that go with a session': {
    sql: `${original} create table score (session int, constraint of_session foreign key (session) references cSessionInfo (id) on delete cascade)`,
    says: /the foreign key of_session from score/,
  },
  'a check of what a session may hold': {
    sql: `${original} alter table cSessionInfo add constraint short check (length(skey) < 5)`,
    says: /the check short/,
  },
  'sessions in partitions': {
    sql: `${original} alter table cSessionInfo partition by hash (id) partitions 4`,
    says: /cSessionInfo in partitions/,
    mended: 'alter table cSessionInfo remove partitioning',
  },
  'a table of one of our names that is not ours': {
    sql: `${original} create table cWaferKey (id int primary key)`,
    says: /cWaferKey that is not as this server makes it: columns are missing/,
  },
  'a list of migrations that is not ours': {
    sql: `${original} create table cWaferMigration (version int primary key)`,
    says: /cWaferMigration that is not as this server makes it/,
  },
};

for (const [what, { sql, says, mended }] of Object.entries(refused)) {
  test.serial(`migrate refuses ${what} and changes nothing`, async (t) => {
    const { database, connection } = await fill(t, sql);
    const before = await readAll(connection);
    const error = await t.throwsAsync(migrate({ databaseUrl: database.url }), { instanceOf: MigrationError });
    t.is(error?.code, 'not_adoptable');
    t.regex(error?.message ?? '', says);
    t.deepEqual(await readAll(connection), before);

    const faults = await findSchemaFaults(database.url);
    t.true(faults.length > 0);
    for (const fault of faults) {
      t.is(fault.cause, 'schema_foreign');
      t.notRegex(fault.remedy ?? '', /^npm run migrate/);
    }
    if (mended === undefined) return;
    await connection.query(mended);
    t.true((await migrate({ databaseUrl: database.url })).applied.length > 0);
    t.deepEqual(await findSchemaFaults(database.url), []);
  });
}

const adopted: Record<string, string> = {
  'the tables of the original': original,
  'sessions alone': `${original} drop table cAppinfo`,
  'apps alone': `${original} drop table cSessionInfo`,
  'the column of the Go port': `${original} alter table cSessionInfo add column appid varchar(200) not null after id, add key appid (appid)`,
  'ids that count further': `${original} alter table cSessionInfo modify id bigint unsigned not null auto_increment`,
  'wider columns': `${original} alter table cSessionInfo modify uuid varchar(255) not null, modify open_id varchar(128) not null, modify user_info text null`,
  'columns that were spelled otherwise, and in another order': `${original} alter table cSessionInfo change uuid UUID varchar(100) not null after open_id`,
  'times with fractions and defaults': `${original} alter table cSessionInfo modify create_time datetime(3) not null default current_timestamp(3)`,
  'an own column with a default, or null': `${original} alter table cSessionInfo add column region varchar(10) not null default '', add column note text null;
    alter table cAppinfo add column owner varchar(50) null`,
  'rows in the format of before 5.7': `${original} alter table cSessionInfo row_format=compact; alter table cAppinfo row_format=compact`,
  'other collations': `${original} alter table cSessionInfo convert to character set utf8 collate utf8_bin`,
  'other tables, also of our names in another case': `${original} create table csessioninfo (a int); create table score (a int); create view top as select * from score`,
  'a key that ids may not repeat in': `${original} delete from cSessionInfo where id = 2; alter table cSessionInfo drop key auth, add unique key auth (uuid)`,
};

for (const [what, sql] of Object.entries(adopted)) {
  test.serial(`migrate adopts ${what}`, async (t) => {
    const { database } = await fill(t, sql);
    const { applied } = await migrate({ databaseUrl: database.url });
    t.true(applied.length > 0);
    t.deepEqual(await findSchemaFaults(database.url), []);
    t.deepEqual((await migrate({ databaseUrl: database.url })).applied, []);
  });
}

test.serial('what an earlier migration of ours left half done is brought to its end', async (t) => {
  const { database, connection } = await fill(t, original);
  await migrate({ databaseUrl: database.url });
  await connection.query(`delete from cWaferMigration where name > '0003';
    alter table cSessionInfo drop key session_slot, drop column previous_skey, modify user_info varchar(2048) not null;
    drop table cWaferAudit`);
  t.true((await migrate({ databaseUrl: database.url })).applied.length > 0);
  t.deepEqual(await findSchemaFaults(database.url), []);
});

test.serial('migrate adopts again what a dump of the original replaced', async (t) => {
  const { database, connection } = await fill(t, original);
  await migrate({ databaseUrl: database.url });
  await connection.query(`drop table cAppinfo, cSessionInfo; ${original}`);
  const faults = await findSchemaFaults(database.url);
  t.deepEqual(
    [...new Set(faults.map(({ cause, remedy }) => `${cause}: ${remedy}`))],
    ['schema_behind: npm run migrate'],
  );
  t.is((await migrate({ databaseUrl: database.url })).dropped.length, 2, 'one then, one now');
  t.deepEqual(await findSchemaFaults(database.url), []);
  t.deepEqual((await migrate({ databaseUrl: database.url })).applied, []);
});

test.serial('what came to an adopted database later keeps no deploy from its migration', async (t) => {
  const { database, connection } = await fill(t, original);
  await migrate({ databaseUrl: database.url });
  await connection.query(
    'create trigger later before insert on cSessionInfo for each row set new.open_id = new.open_id',
  );
  t.deepEqual((await migrate({ databaseUrl: database.url })).applied, []);
});
