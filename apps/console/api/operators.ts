import { z } from 'zod';
import {
  addProgram,
  changeOperatorRights,
  invitePerson,
  removeOperatorByName,
  renewLink,
} from '../../../shared/administration/operators.ts';
import { linkUrl } from '../../../shared/operators/link-url.ts';
import { readOperators, type Operator } from '../../../shared/operators/operator-store.ts';
import { operatorName, role, timestamp, toOptionalTimestamp, toTimestamp } from './fields.ts';
import { ApiProblem } from './problem.ts';
import { defineRoute, type ApiRoute } from './route.ts';

const params = z.object({ name: operatorName });
const link = z.string().describe('Opens the page where the password is set, once, within two hours; shown here alone');
const invited = z.object({ name: z.string(), role, link });

const operator = z.object({
  name: z.string(),
  kind: z.enum(['person', 'token']),
  via: z.array(z.enum(['password', 'oidc'])),
  role,
  isDisabled: z.boolean(),
  passwordSet: z.boolean(),
  totp: z.boolean(),
  tokenUntil: timestamp.nullable(),
  lastSignInAt: timestamp.nullable(),
  createdAt: timestamp,
});

/** Who may use this console. */
export const operatorRoutes: readonly ApiRoute[] = [
  defineRoute({
    method: 'GET',
    path: '/operators',
    operationId: 'listOperators',
    summary: 'Lists people and programs that may use this console',
    role: 'admin',
    answer: z.object({ items: z.array(operator), next: z.null() }),
    handle: async ({ administration }) => ({
      items: (await readOperators(administration.sequelize)).map(describe),
      next: null,
    }),
  }),
  defineRoute({
    method: 'POST',
    path: '/operators',
    operationId: 'addOperator',
    summary: 'Adds a person, and gives the link by which they set their password',
    role: 'admin',
    confirm: true,
    status: 201,
    body: z.object({ name: operatorName, role }),
    answer: invited,
    async handle({ body, parts, administration }) {
      const { linkSecret, ...person } = await invitePerson(administration, body, administration.actor);
      return { ...person, link: linkUrl(parts.accounts.origins.url, linkSecret) };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/operators/tokens',
    operationId: 'addProgram',
    summary: 'Adds a program, and gives its token',
    role: 'admin',
    confirm: true,
    status: 201,
    body: z.object({ name: operatorName, role, days: z.int().min(1).max(3650).optional() }),
    answer: z.object({ name: z.string(), role, token: z.string().describe('Shown here alone') }),
    handle: ({ body, administration }) => addProgram(administration, body, administration.actor),
  }),
  defineRoute({
    method: 'PATCH',
    path: '/operators/:name',
    operationId: 'changeOperator',
    summary: 'Changes what somebody may do, or whether at all; counts at once, and ends their sign-ins',
    role: 'admin',
    confirm: (body) => body.role !== undefined || body.isDisabled === false,
    params,
    body: z.object({ role: role.optional(), isDisabled: z.boolean().optional() }),
    answer: z.object({ name: z.string(), role, isDisabled: z.boolean() }),
    async handle({ params, body, who, administration }) {
      refuseOwn(params.name, who.name);
      const rights = { role: body.role, disabled: body.isDisabled };
      const { disabled, ...changed } = await changeOperatorRights(
        administration,
        params.name,
        rights,
        administration.actor,
      );
      return { ...changed, isDisabled: disabled };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/operators/:name',
    operationId: 'removeOperator',
    summary: 'Removes somebody; counts at once, and ends their sign-ins',
    role: 'admin',
    status: 204,
    params,
    answer: z.undefined(),
    async handle({ params, who, administration }) {
      refuseOwn(params.name, who.name);
      await removeOperatorByName(administration, params.name, administration.actor);
      return undefined;
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/operators/:name/link',
    operationId: 'renewLink',
    summary: 'Gives a new link to set a password, of somebody else who has forgotten it',
    role: 'admin',
    confirm: true,
    params,
    body: z.object({
      withoutTotp: z
        .boolean()
        .optional()
        .describe('Using it also takes the second factor away, of somebody who has lost it'),
    }),
    answer: invited,
    async handle({ params, body, who, parts, administration }) {
      refuseOwn(params.name, who.name);
      const renewed = await renewLink(
        administration,
        { name: params.name, dropsTotp: body.withoutTotp },
        administration.actor,
      );
      const { linkSecret, ...person } = renewed;
      return { ...person, link: linkUrl(parts.accounts.origins.url, linkSecret) };
    },
  }),
];

/** So the last admin can't lock everybody out by a slip. What a sign-in alone, which may be stolen, must not do is for `confirm` of a route. */
function refuseOwn(name: string, own: string): void {
  if (name.trim().toLowerCase() === own)
    throw new ApiProblem(
      409,
      'own_account',
      'Nobody changes or removes themselves: another admin does, or npx wafer operator.',
    );
}

function describe({ kind, isDisabled, hasPassword, hasTotp, tokenUntil, createdAt, signedInAt, ...told }: Operator) {
  return {
    name: told.name,
    role: told.role,
    kind: kind === 'token' ? ('token' as const) : ('person' as const),
    via: kind === 'token' ? [] : [kind],
    isDisabled,
    passwordSet: hasPassword,
    totp: hasTotp,
    tokenUntil: toOptionalTimestamp(tokenUntil),
    lastSignInAt: toOptionalTimestamp(signedInAt),
    createdAt: toTimestamp(createdAt),
  };
}
