import type { SignedData } from '../../../shared/rpc/contract.ts';

/** The signature that came along, to be checked by the worker; nothing if none was sent. */
export function readSigned({ rawData, signature }: { readonly rawData: unknown; readonly signature: unknown }): {
  signed?: SignedData;
} {
  return signature === undefined ? {} : { signed: { rawData, signature } };
}
