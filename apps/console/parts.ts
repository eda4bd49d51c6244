import type { SeenToken } from '../../shared/administration/access-tokens.ts';
import type { Accounts } from './accounts/accounts.ts';
import type { DoctorRuns } from './doctor-runs.ts';
import type { NowFeed } from './now-feed.ts';
import type { Samples } from './samples/samples.ts';
import type { EventTail } from './events/event-tail.ts';

/** What the API works with beside the stores; made by `console.ts`, one field for each subject. */
export interface ConsoleParts {
  readonly accounts: Accounts;
  readonly now: NowFeed;
  readonly samples: Samples;
  readonly eventTail: EventTail;
  readonly doctor: DoctorRuns;
  /** Opens connections of its own for each look: who asks while one goes on shares it. */
  readonly readTokens: () => Promise<SeenToken[]>;
}
