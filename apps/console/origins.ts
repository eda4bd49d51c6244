import type { Context } from 'koa';
import { consoleAddress, nameHost } from '../../shared/config/console.ts';
import { isLoopbackHost } from '../../shared/config/exposure.ts';

/** The addresses under which this console is opened in browsers. */
export interface Origins {
  /** For links and redirects: without a slash at its end. */
  readonly url: string;
  /** Whether cookies may go over TLS alone. */
  readonly isSecure: boolean;
  /** Whether the request was sent to a name of this console: another one may be a stranger's that leads here (DNS rebinding). */
  isAddressed(context: Context): boolean;
  /** Whether a page of this console sent the request. */
  isOwnPage(context: Context): boolean;
}

const loopbackNames = ['127.0.0.1', 'localhost', '[::1]'];

/**
 * @param url CONSOLE_URL; undefined: where it listens
 * @param port 0: any, which each connection knows
 */
export function createOrigins({
  url,
  host,
  port,
}: {
  readonly url: URL | undefined;
  readonly host: string;
  readonly port: number;
}): Origins {
  const names = isLoopbackHost(host) ? loopbackNames : [nameHost(host), ...loopbackNames];
  /** `https://console.example.com`, `http://127.0.0.1:8081` */
  const listOrigins = ({ req }: Context): string[] => {
    const own = names.map((name) => new URL(`http://${name}:${req.socket.localPort ?? port}`).origin);
    return url === undefined ? own : [url.origin, ...own];
  };
  return {
    url: consoleAddress({ url, host, port }),
    isSecure: url?.protocol === 'https:',
    isAddressed(context) {
      const given = context.get('Host').toLowerCase();
      return listOrigins(context).some((origin) => hostOf(origin) === withoutUsualPort(given, origin));
    },
    isOwnPage(context) {
      return listOrigins(context).includes(context.get('Origin'));
    },
  };
}

const hostOf = (origin: string): string => new URL(origin).host;

/** A client may name the port that its scheme means anyway. */
function withoutUsualPort(host: string, origin: string): string {
  return host.replace(origin.startsWith('https:') ? /:443$/ : /:80$/, '');
}
