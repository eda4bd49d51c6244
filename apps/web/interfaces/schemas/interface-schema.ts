import type { z } from 'zod';
import type { FailureName, SuccessMessage } from '../../../../shared/protocol/return-codes.ts';

/** What one interface takes and answers: its parameters are read by this, and the OpenAPI document is made from it. */
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
