import type { IncomingMessage, ServerResponse } from 'node:http';

const maxBodyBytes = 65_536;

/** The JSON object in a request's body; {} if there is none. */
export async function readJsonObject(
  request: IncomingMessage,
): Promise<{ readonly body: Record<string, unknown>; readonly hasBody: boolean }> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= maxBodyBytes) chunks.push(chunk);
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return { body: isObject ? (value as Record<string, unknown>) : {}, hasBody: true };
  } catch {
    return { body: {}, hasBody: length > 0 };
  }
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  send(response, status, 'application/json; charset=utf-8', JSON.stringify(body));
}

export function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}
