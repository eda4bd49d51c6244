import type { Connection, RowDataPacket } from 'mysql2/promise';

/** @param step the same words as long as one step lasts @param share of that step, from 0 to 1; undefined: nobody knows */
export type OnProgress = (step: string, share: number | undefined) => void;

/**
 * Tells every `everyMs` how far a statement is that runs on `running`, until it is done.
 * @param openWatcher opens a second connection: the first one is busy
 */
export async function withStatementProgress<Result>(
  running: Connection,
  openWatcher: () => Promise<Connection>,
  onProgress: (share: number | undefined) => void,
  work: () => Promise<Result>,
  everyMs = 1000,
): Promise<Result> {
  const thread = running.threadId;
  let watcher: Promise<Connection | undefined> | undefined;
  let isLooking = false;
  let isOver = false;
  const look = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    // Who watches must never be why a migration fails.
    watcher ??= openWatcher().catch(() => undefined);
    const connection = await watcher;
    const share = connection && (await readShare(connection, thread).catch(() => undefined));
    if (!isOver) onProgress(share);
    isLooking = false;
  };
  const timer = setInterval(() => void look(), everyMs);
  try {
    return await work();
  } finally {
    isOver = true;
    clearInterval(timer);
    void watcher?.then((connection) => connection?.destroy());
  }
}

/**
 * The share of an `alter table` that the server says it has done, from 0 to 1; undefined: it does not say.
 * MariaDB does, in its process list, by stages. MySQL does only where performance_schema was told to collect stages; by default it was not.
 */
async function readShare(connection: Connection, thread: number): Promise<number | undefined> {
  const [rows] = await connection.query<RowDataPacket[]>(
    'select (stage - 1 + progress / 100) / max_stage as share from information_schema.processlist where id = ? and max_stage > 0',
    [thread],
  );
  return rows[0] === undefined ? undefined : Number(rows[0]['share']);
}
