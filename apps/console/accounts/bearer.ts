import type { Context } from 'koa';
import { ApiProblem } from '../api/problem.ts';

/** The token that a program sends; undefined: none, and cookies count. */
export function bearerOf(context: Context): string | undefined {
  return /^Bearer +(\S+)$/i.exec(context.get('Authorization'))?.[1];
}

/** Of who has a token and wants to sign in or out. */
export function notAPerson(): ApiProblem {
  return new ApiProblem(409, 'not_a_person', 'A program signs in with each request.');
}
