import { request as requestHttp, type Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { request as requestHttps, type Agent as HttpsAgent } from 'node:https';
import { setPatientTimeout } from '../../../shared/patience.ts';
import type { WechatAnswer } from './client.ts';

/** A GET without what a general client does around it. */
export type LeanGet = (path: string, timeoutMs: number) => Promise<WechatAnswer>;

/**
 * Log-ins are one GET each, and node-fetch with its streams and signals takes four times the processor time of node:http for one
 * (docs/adr/0017-lean-get.md). No redirect is followed, nothing is inflated, an answer over the limit is not read to its end.
 * @param base where WeChat is; its path comes before `path`
 */
export function createLeanGet(base: string, agent: HttpAgent | HttpsAgent, maxAnswerBytes: number): LeanGet {
  const { protocol, hostname, port, pathname } = new URL(base);
  const request = protocol === 'https:' ? requestHttps : requestHttp;
  const options = {
    agent,
    // A literal IPv6 address stands in brackets in URLs alone.
    hostname: hostname.replace(/^\[|\]$/g, ''),
    ...(port === '' ? {} : { port }),
    headers: { accept: 'application/json' },
  };
  const prefix = pathname.replace(/\/$/, '');

  return (path, timeoutMs) =>
    new Promise((resolve) => {
      let hasEnded = false;
      const end = (answer: WechatAnswer) => {
        hasEnded = true;
        clearTimeout(timer);
        resolve(answer);
      };
      const sent = request({ ...options, path: prefix + path }, (response) =>
        readAnswer(response, maxAnswerBytes, end),
      );
      // The error itself stays here: its message may quote the path, and with it secret and code.
      sent.on('error', () => end({ kind: 'unreachable', reason: 'wechat_network' }));
      const timer = setPatientTimeout(
        () => {
          if (hasEnded) return;
          end({ kind: 'unreachable', reason: 'wechat_timeout' });
          sent.destroy();
        },
        Math.max(Math.ceil(timeoutMs), 1),
      );
      sent.end();
    });
}

function readAnswer(response: IncomingMessage, maxBytes: number, end: (answer: WechatAnswer) => void): void {
  let text = '';
  let bytes = 0;
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    text += chunk;
    bytes += Buffer.byteLength(chunk);
    if (bytes <= maxBytes) return;
    end({ kind: 'invalid' });
    response.destroy();
  });
  response.once('end', () =>
    end(
      response.statusCode === 200
        ? { kind: 'body', text }
        : { kind: 'unreachable', reason: `wechat_http_${response.statusCode}` },
    ),
  );
  // Cut off in its middle; after an end this says nothing any more.
  response.once('close', () => end({ kind: 'unreachable', reason: 'wechat_network' }));
}
