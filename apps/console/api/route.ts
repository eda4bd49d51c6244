import type { Context } from 'koa';
import { z } from 'zod';
import type { Role } from '../../../shared/operators/roles.ts';
import type { Administration } from '../administration.ts';
import type { Who } from '../accounts/who.ts';
import type { ConsoleParts } from '../parts.ts';
import { confirmation } from './confirm-person.ts';

/** Least role of a route. `anyone`: before sign-in too; `self`: whoever is signed in. */
export type LeastRole = Role | 'self' | 'anyone';

/** What a route is asked. What came from the client was checked by the route's schemas. */
export interface Call<Params, Query, Body, Least extends LeastRole> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly who: Least extends 'anyone' ? Who | undefined : Who;
  /** The stores and who acts, for the functions of shared/administration. */
  readonly administration: Administration;
  readonly parts: ConsoleParts;
  readonly requestId: string;
  /** Aborted when the client goes, the process stops, or, of a stream, the sign-in ends. */
  readonly signal: AbortSignal;
  /** For cookies and redirects alone. */
  readonly context: Context;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
/** Server-sent events, or one JSON document a line. */
export type StreamType = 'text/event-stream' | 'application/x-ndjson';

/** One item of a stream of server-sent events. */
export interface ServerEvent<Data = unknown> {
  readonly event?: string;
  readonly id?: string;
  readonly data: Data;
}

interface Described {
  readonly method: Method;
  /** Below /api/v1, such as `/apps/:appid`. */
  readonly path: string;
  /** Unique, camelCase; names it in OpenAPI, logs and the test of roles. */
  readonly operationId: string;
  /** A phrase, as `Lists the apps`. */
  readonly summary: string;
  /** More than the summary: CommonMark. */
  readonly description?: string;
  /** Of a success; default 200. 204: without a body, whatever `answer` says. */
  readonly status?: number;
}

/**
 * Whether it gives rights or a way in: then a person does it, no program, and confirms that it is they (`confirm-person.ts`). A function says
 * it of a body.
 */
type Confirm<Body> = true | ((body: Body) => boolean);

/** A route without the types of what it is asked, for lists. */
export interface ApiRoute extends Described {
  readonly role: LeastRole;
  readonly confirm?: Confirm<never>;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodObject;
  /** Of the answer, or of one item of the stream (of an event: its data). Fields that it does not name are left out. */
  readonly answer: z.ZodType;
  readonly stream?: StreamType;
  readonly handle: (call: Call<never, never, never, never>) => unknown;
}

type Given<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

interface Asked<
  Params extends z.ZodObject | undefined,
  Query extends z.ZodObject | undefined,
  Body extends z.ZodObject | undefined,
  Answer extends z.ZodType,
  Least extends LeastRole,
> extends Described {
  readonly role: Least;
  readonly confirm?: Confirm<Given<Body>>;
  readonly params?: Params;
  readonly query?: Query;
  /** With an empty object as what a request without a body says. */
  readonly body?: Body;
  readonly answer: Answer;
}

type AskedCall<
  Params extends z.ZodObject | undefined,
  Query extends z.ZodObject | undefined,
  Body extends z.ZodObject | undefined,
  Least extends LeastRole,
> = Call<Given<Params>, Given<Query>, Given<Body>, Least>;

/** A route that answers once. What `handle` throws: `problem.ts`. */
export function defineRoute<
  Answer extends z.ZodType,
  Least extends LeastRole,
  Params extends z.ZodObject | undefined = undefined,
  Query extends z.ZodObject | undefined = undefined,
  Body extends z.ZodObject | undefined = undefined,
>(
  route: Asked<Params, Query, Body, Answer, Least> & {
    readonly handle: (call: AskedCall<Params, Query, Body, Least>) => Promise<z.input<Answer>> | z.input<Answer>;
  },
): ApiRoute {
  const { confirm, body = z.object({}) } = route;
  const asked = confirm === undefined ? route : { ...route, body: body.extend({ confirm: confirmation }) };
  return asked as unknown as ApiRoute;
}

/**
 * A route that answers item by item, until the iteration or `call.signal` ends. What fails before the first item is a problem as
 * everywhere; so a stream begins by what can fail.
 */
export function defineStream<
  Answer extends z.ZodType,
  Least extends LeastRole,
  Type extends StreamType,
  Params extends z.ZodObject | undefined = undefined,
  Query extends z.ZodObject | undefined = undefined,
>(
  route: Asked<Params, Query, undefined, Answer, Least> & {
    readonly stream: Type;
    readonly handle: (
      call: AskedCall<Params, Query, undefined, Least>,
    ) => AsyncIterable<Type extends 'text/event-stream' ? ServerEvent<z.input<Answer>> : z.input<Answer>>;
  },
): ApiRoute {
  return route as unknown as ApiRoute;
}
