/**
 * SQL: milliseconds since 1970 by MySQL's clock, when the statement began. What is kept until it is so old has its time from here, and is
 * compared with this: clocks of processes differ, and what one that is ahead has written would stay by so much longer.
 */
export const databaseNowMs = 'cast(unix_timestamp(now(3)) * 1000 as unsigned)';
