/** A fault of a request: where in it, and what is wrong there. */
export interface RequestFault {
  /** `body.name`, `query.limit`, `params.appid` */
  readonly at: string;
  readonly message: string;
}

interface ProblemOptions {
  readonly faults?: readonly RequestFault[];
  /** Headers of the answer. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** An expected failure of a request, as `application/problem+json` (RFC 9457). The detail is for the client: no secret in it. */
export class ApiProblem extends Error {
  readonly status: number;
  /** For programs: lower case, with underscores. */
  readonly code: string;
  readonly faults: readonly RequestFault[] | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, detail: string, { faults, headers = {} }: ProblemOptions = {}) {
    super(detail);
    this.name = 'ApiProblem';
    this.status = status;
    this.code = code;
    this.faults = faults;
    this.headers = headers;
  }
}
