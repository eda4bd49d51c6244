import { request, type Agent } from 'node:http';
import { inspect } from 'node:util';

/**
 * Repeats each of `loops` until `meanwhile` has ended; gives what went wrong and how often it went well.
 * @param loops each resolves to what failed, or to undefined; a rejection is a failure too
 */
export async function whileLoaded(
  loops: readonly (() => Promise<string | undefined>)[],
  meanwhile: () => Promise<unknown>,
): Promise<{ failures: string[]; successes: number }> {
  const failures: string[] = [];
  let successes = 0;
  let isOver = false;
  const load = loops.map(async (work) => {
    while (!isOver) {
      const failure = await work().catch((error: unknown) => inspect(error));
      if (failure === undefined) successes++;
      else failures.push(failure);
    }
  });
  try {
    await meanwhile();
  } finally {
    isOver = true;
    await Promise.all(load);
  }
  return { failures, successes };
}

/**
 * An auth check over a connection of the agent (false: a new one), with none of the repetitions that other clients do.
 * @returns the answer unless it is a success
 */
export function authOver(
  agent: Agent | false,
  url: string,
  session: { id: string; skey: string },
): Promise<string | undefined> {
  const body = JSON.stringify({ interface: { interfaceName: 'qcloud.cam.auth', para: session } });
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/mina_auth/`, { method: 'POST', agent }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('end', () => resolve(text.startsWith('{"returnCode":0,') ? undefined : text));
      response.once('error', reject);
    });
    sent.once('error', reject);
    sent.end(body);
  });
}
