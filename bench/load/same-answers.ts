import { readFileSync } from 'node:fs';
import { createConnection } from './connection.ts';
import { createRenderer } from './render.ts';
import { requestParts, type RequestSource } from './source.ts';

const samples = 20;

/** Before two are compared: that they answer the same bytes to the same questions. @throws {Error} with the answers that differ */
export async function assertSameAnswers(
  url: string,
  source: RequestSource,
  otherUrl: string,
  otherSource: RequestSource,
): Promise<void> {
  const answers = await readAnswers(url, source);
  const others = await readAnswers(otherUrl, otherSource);
  answers.forEach((answer, index) => {
    if (answer !== others[index]) throw new Error(`the answers differ:\n${answer}\n${others[index]}`);
    if (!answer.includes(source.expect)) throw new Error(`the answer is no success: ${answer}`);
  });
}

/** @returns the bodies of the first answers */
export async function readAnswers(url: string, source: RequestSource, count = samples): Promise<string[]> {
  const render = createRenderer(source, readFileSync(source.recordsFile));
  const parts = requestParts(source);
  const connection = createConnection(new URL(url));
  const answers: string[] = [];
  for (let number = 0; number < count; number++) {
    const answer = await new Promise<string | undefined>((resolve) => connection.send(render(parts, number), resolve));
    if (answer === undefined) throw new Error(`${url} closed the connection`);
    answers.push(answer.slice(answer.indexOf('\r\n\r\n') + 4));
  }
  connection.close();
  return answers;
}
