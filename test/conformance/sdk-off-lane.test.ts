import { testSdks } from './run-sdk.ts';

await testSdks({ FAST_LANE: 'false' });
