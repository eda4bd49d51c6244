// What `npm run test:wechat` runs; opt-in, since it wants the credentials of a real app.
import { compareWithSimulator, type Finding } from './comparison.ts';
import { readCredentials, usage, UsageError } from './options.ts';

const counts = { same: 0, different: 0, 'not tried': 0, unanswered: 0 };

function report(finding: Finding): void {
  counts[finding.kind]++;
  console.log(`${finding.kind.padEnd(11)} ${finding.title}${'why' in finding ? `: ${finding.why}` : ''}`);
  if (finding.kind !== 'different') return;
  for (const { field, atWechat, inSimulator } of finding.differences) {
    console.log(`              ${field}: ${atWechat} at WeChat, ${inSimulator} in the simulator`);
  }
}

const args = process.argv.slice(2);
if (args.includes('--help')) console.log(usage);
else {
  try {
    const credentials = await readCredentials(args, process.env);
    console.log(`WeChat at ${credentials.apiBase}, ${credentials.appid} of kind ${credentials.kind}\n`);
    await compareWithSimulator(credentials, report);
    const { same, different, unanswered, 'not tried': notTried } = counts;
    console.log(`\n${same} calls the same, ${different} different, ${unanswered} unanswered, ${notTried} not tried`);
    process.exitCode = different + unanswered > 0 ? 1 : 0;
  } catch (error) {
    console.error(error instanceof UsageError ? `${error.message}\n\n${usage}` : (error as Error).message);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
