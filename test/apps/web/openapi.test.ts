import { createConfig, lintFromString } from '@redocly/openapi-core';
import test from 'ava';

import { createInterfaces } from '../../../apps/web/interfaces/index.ts';
import type { InterfaceDeps } from '../../../apps/web/interfaces/interface.ts';
import { interfaceSchemas } from '../../../apps/web/interfaces/schemas/index.ts';
import { createOpenApiDocument } from '../../../apps/web/openapi/document.ts';
import { failures } from '../../../shared/protocol/return-codes.ts';

/** Of the linter's recommended rules these do not fit: a probe has no 4xx, and SDKs have always called `/mina_auth/`. */
const rules = { 'operation-4xx-response': 'off', 'no-path-trailing-slash': 'off' } as const;

interface Document {
  readonly paths: Record<string, Record<string, unknown>>;
  readonly components: { readonly schemas: Record<string, Record<string, unknown>> };
}

const document = createOpenApiDocument() as unknown as Document;

async function lint(text: string): Promise<string[]> {
  const config = await createConfig({ extends: ['recommended-strict'], rules });
  const problems = await lintFromString({ source: text, absoluteRef: 'openapi.json', config });
  return problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer ?? ''}`);
}

test('the document passes the linter, examples included', async (t) => {
  t.deepEqual(await lint(JSON.stringify(document)), []);
});

test('the linter sees a broken reference and an example that its schema refuses', async (t) => {
  const text = JSON.stringify(document);
  const broken = await lint(text.replace('#/components/schemas/AuthRequest', '#/components/schemas/Nothing'));
  t.true(broken.some((problem) => problem.startsWith('no-unresolved-refs')));
  const wrong = await lint(text.replace('"iv":"r7BXXKkLb8qrSNn05n0qiA=="', '"iv":7'));
  t.true(wrong.some((problem) => problem.startsWith('no-invalid-media-type-examples')));
});

test('the document has every interface of the server and no other', (t) => {
  const interfaces = createInterfaces({
    login: { deadlineMs: 1, requiresUserData: false },
  } as unknown as InterfaceDeps);
  t.deepEqual([...interfaceSchemas.keys()].toSorted(), [...interfaces.keys()].toSorted());
  const text = JSON.stringify(document.components.schemas);
  for (const [name, { title }] of interfaceSchemas) {
    t.truthy(document.components.schemas[`${title}Request`]);
    t.true(text.includes(`"const":"${name}"`));
  }
});

test('the document has every return code with its message', (t) => {
  const text = JSON.stringify(document.components.schemas['Failure']);
  for (const { code, message } of Object.values(failures)) {
    t.true(
      text.includes(
        `"returnCode":{"type":"number","const":${code}},"returnMessage":{"type":"string","const":"${message}"}`,
      ),
    );
  }
});

test('a profile is described once', (t) => {
  const { UserInfo, ...others } = document.components.schemas;
  t.true(JSON.stringify(UserInfo).includes('nickName'));
  t.false(JSON.stringify(others).includes('nickName'));
});
