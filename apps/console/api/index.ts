import { z } from 'zod';
import { appRoutes } from './apps.ts';
import { auditRoutes } from './audit.ts';
import { callerRoutes } from './callers.ts';
import { doctorRoutes } from './doctor.ts';
import { keyRoutes } from './keys.ts';
import { deadLetterRoutes } from './dead-letters.ts';
import { endpointActRoutes } from './endpoint-acts.ts';
import { endpointRoutes } from './endpoints.ts';
import { eventRoutes } from './events.ts';
import { meRoutes } from './me.ts';
import { nowRoutes } from './now.ts';
import { createConsoleDocument } from './openapi.ts';
import { operatorRoutes } from './operators.ts';
import { queueRoutes } from './queues.ts';
import { defineRoute, type ApiRoute } from './route.ts';
import { sessionRoutes } from './sessions.ts';
import { signInRoutes } from './sign-in.ts';
import { tokenRoutes } from './tokens.ts';
import { userRoutes } from './users.ts';

/** The API on one screen: each file is one resource. */
const resources: readonly ApiRoute[] = [
  ...signInRoutes,
  ...meRoutes,
  ...operatorRoutes,
  ...sessionRoutes,
  ...userRoutes,
  ...appRoutes,
  ...callerRoutes,
  ...keyRoutes,
  ...tokenRoutes,
  ...queueRoutes,
  ...auditRoutes,
  ...doctorRoutes,
  ...nowRoutes,
  ...endpointRoutes,
  ...endpointActRoutes,
  ...deadLetterRoutes,
  ...eventRoutes,
];

/** Made once: the routes do not change. */
const known: { document?: { openapi: string } } = {};

const document: ApiRoute = defineRoute({
  method: 'GET',
  path: '/openapi.json',
  operationId: 'describeApi',
  summary: 'This document',
  role: 'anyone',
  answer: z.looseObject({ openapi: z.string() }),
  handle: () => (known.document ??= createConsoleDocument(apiRoutes) as { openapi: string }),
});

export const apiRoutes: readonly ApiRoute[] = [...resources, document];
