import bodyParser from 'koa-bodyparser';
import type { Context } from 'koa';
import { z } from 'zod';
import { isSafe } from './authorize.ts';
import { ApiProblem, type RequestFault } from './problem.ts';
import type { ApiRoute } from './route.ts';

/** What a route is given of a request. */
export interface ReadRequest {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  /** As it came. */
  readonly rawBody: string;
}

const bodyLimit = '64kb';
const parse = bodyParser({ enableTypes: ['json'], jsonLimit: bodyLimit });
const nothing = z.object({});
/** Told of one request. */
const mostFaults = 50;

/** Reads and checks all that a route takes; what its schemas do not name is a fault, since it may be a misspelled `dryRun`. */
export function createRequestReader({ params, query, body }: ApiRoute): (context: Context) => Promise<ReadRequest> {
  // Of the router: it has what the path names.
  const schemas = {
    params: params ?? z.looseObject({}),
    query: (query ?? nothing).strict(),
    body: (body ?? nothing).strict(),
  };
  return async (context) => {
    if (!isSafe(context)) await readBody(context);
    const given = { params: context['params'], query: { ...context.query }, body: context.request.body ?? {} };
    const faults: RequestFault[] = [];
    const check = (place: keyof typeof schemas): unknown => {
      const result = schemas[place].safeParse(given[place]);
      if (!result.success) faults.push(...result.error.issues.flatMap((issue) => describe(place, issue)));
      return result.data;
    };
    const request = {
      params: check('params'),
      query: check('query'),
      body: isSafe(context) ? undefined : check('body'),
      rawBody: (context.request as { rawBody?: string }).rawBody ?? '',
    };
    if (faults.length === 0) return request;
    // A list of nonsense has as many faults as items, and each is longer than its item.
    faults.splice(mostFaults);
    const list = faults.map(({ at, message }) => `${at}: ${message}`).join('; ');
    throw new ApiProblem(400, 'request_invalid', `The request has faults. ${list}`, { faults });
  };
}

async function readBody(context: Context): Promise<void> {
  const hasBody = context.get('Transfer-Encoding') !== '' || Number(context.get('Content-Length')) > 0;
  if (hasBody && context.is('application/json') === false)
    throw new ApiProblem(415, 'body_not_json', 'Send the body as application/json.');
  await parse(context, async () => {});
}

function describe(place: string, issue: z.core.$ZodIssue): RequestFault[] {
  const at = [place, ...issue.path].join('.');
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ at: `${at}.${key.slice(0, 50)}`, message: 'is not known here' }));
  return [{ at, message: issue.message }];
}
