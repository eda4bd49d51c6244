/** For a connection to the database, a command of Redis, an answer of WeChat: an administrator has more patience than a log-in. */
export const patienceMs = 3000;
