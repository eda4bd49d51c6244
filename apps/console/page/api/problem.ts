/** What the console answers instead of what was asked for (RFC 9457), or why there is no answer. */
export class Problem extends Error {
  /** HTTP status; 0: no answer came. */
  readonly status: number;
  /** One word for programs; `no_answer` and `late` are of the page itself. */
  readonly code: string;
  readonly requestId: string | undefined;
  readonly faults: readonly { readonly at: string; readonly message: string }[];

  constructor(
    status: number,
    code: string,
    detail: string,
    more: { readonly requestId?: string; readonly faults?: Problem['faults'] } = {},
  ) {
    super(detail);
    this.name = 'Problem';
    this.status = status;
    this.code = code;
    this.requestId = more.requestId;
    this.faults = more.faults ?? [];
  }
}

/** What was thrown, as a Problem: what is none is a bug of the page, which is told as one. */
export function toProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  return new Problem(0, 'bug', thrown instanceof Error ? thrown.message : String(thrown));
}

interface ProblemBody {
  readonly title?: string;
  readonly detail?: string;
  readonly code?: string;
  readonly requestId?: string;
  readonly faults?: Problem['faults'];
}

/** Of an answer that is no success. A proxy in between may answer with a page of its own. */
export async function readProblem(response: Response): Promise<Problem> {
  const body = ((await response.json().catch(() => undefined)) ?? {}) as ProblemBody;
  const requestId = body.requestId ?? response.headers.get('x-request-id') ?? undefined;
  return new Problem(response.status, body.code ?? `http_${response.status}`, body.detail ?? body.title ?? '', {
    ...(requestId === undefined ? {} : { requestId }),
    ...(body.faults === undefined ? {} : { faults: body.faults }),
  });
}
