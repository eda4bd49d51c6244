import type { z } from 'zod';
import type { FailureName, SuccessMessage } from '../../../../shared/protocol/return-codes.ts';

/**
 * What one interface takes and answers, for the OpenAPI document. Of a request only which parameters there are, and which are needed, is read by
 * this: types and lengths are what the interface, or its worker, checks.
 */
export interface InterfaceSchema {
  /** Name of its components in the document, such as `Auth` for `AuthRequest` and `AuthAnswer`. */
  readonly title: string;
  readonly summary: string;
  /** Without `appid`, which every interface takes. */
  readonly para: z.ZodObject;
  /** On success; every failure has `""`. */
  readonly returnData: z.ZodType;
  readonly messages: readonly SuccessMessage[];
  /** Beside those that every request can get. */
  readonly failures: readonly FailureName[];
  /** A `para` that is complete. */
  readonly example: Readonly<Record<string, string>>;
}
