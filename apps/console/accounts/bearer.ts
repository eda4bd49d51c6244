import type { Context } from 'koa';

/** The token that a program sends; undefined: none, and cookies count. */
export function bearerOf(context: Context): string | undefined {
  return /^Bearer +(\S+)$/i.exec(context.get('Authorization'))?.[1];
}
