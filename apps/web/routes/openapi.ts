import type { Router } from '@koa/router';
import { createOpenApiDocument } from '../openapi/document.ts';

/** GET /openapi.json. */
export function addOpenApi(router: Router): void {
  let body: string | undefined;
  router.get('/openapi.json', (context) => {
    body ??= JSON.stringify(createOpenApiDocument());
    context.set('Content-Type', 'application/json; charset=utf-8');
    context.body = body;
  });
}
