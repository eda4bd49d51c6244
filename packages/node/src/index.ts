export { WaferSessionError, type FailureFacts } from './error.ts';
export type { EventsOptions } from './event-stream.ts';
export {
  createWaferSession,
  type Login,
  type LoginRequest,
  type RequestHeaders,
  type WaferSession,
  type WaferSessionOptions,
} from './wafer-session.ts';
export type { UserInfo } from './wire.ts';
