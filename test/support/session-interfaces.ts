import { interfaceSchemas } from '../../apps/web/interfaces/schemas/index.ts';

/** The interfaces that want a session's `id` and `skey`, and a `para` of each that is complete. */
export const sessionInterfaces = [...interfaceSchemas]
  .filter(([, { para }]) => 'skey' in para.shape)
  .map(([name, { example }]) => ({ name, example }));
