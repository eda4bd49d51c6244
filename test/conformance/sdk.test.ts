import { testSdks } from './run-sdk.ts';

await testSdks();
