import { withLocalEnvironment } from './local-environment.ts';
import { runCli } from './program.ts';

// At once: a connection that still waits for a silent server must not hold the terminal.
process.exit(await runCli(process.argv.slice(2), withLocalEnvironment(process.env, process.cwd())));
