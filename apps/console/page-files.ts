import type { Context, Middleware } from 'koa';
import { send } from '@koa/send';

/** Paths that are not the page's; everything else that a browser opens is a place in the page. */
const notOfThePage = /^\/(api|queues\/board|sign-in\/(oidc|ways))(\/|$)/;
/** Vite puts a hash of their content into the names of these. */
const hashed = /^\/assets\//;
const yearSeconds = 31_536_000;

/** The page's built files. Compressed ones beside them are sent to who takes them. @param root folder with index.html */
export function createPageFiles(root: string): Middleware {
  return async (context, next) => {
    const { path, method } = context;
    if ((method !== 'GET' && method !== 'HEAD') || notOfThePage.test(path)) return next();
    if (path !== '/' && (await sendFile(context, root, path))) return undefined;
    // A file of an earlier build is no page.
    if (hashed.test(path) || context.accepts('html') === false) return next();
    return (await sendFile(context, root, '/index.html')) ? undefined : next();
  };
}

/** @returns false if there is no such file */
async function sendFile(context: Context, root: string, path: string): Promise<boolean> {
  const caching = hashed.test(path) ? `public, max-age=${yearSeconds}, immutable` : 'no-cache';
  try {
    const setHeaders: NonNullable<Parameters<typeof send>[2]>['setHeaders'] = (response) => {
      response.setHeader('Cache-Control', caching);
      response.setHeader('Vary', 'Accept-Encoding');
    };
    return (await send(context, path, { root, setHeaders })) !== undefined;
  } catch (error) {
    // Of a name that is none, too: nothing of what is wrong with it is a client's business.
    const { status } = error as { status?: unknown };
    if (typeof status === 'number' && status < 500) return false;
    throw error;
  }
}
