import { Argument, type Command } from 'commander';
import { renderCompletion, shells, type Shell } from '../completion.ts';
import { addCommand, type CommandContext } from '../result.ts';

/** `completion`: what a shell needs to complete these commands. */
export function addCompletionCommand(program: Command, { report }: CommandContext): void {
  addCommand(program, 'completion', 'prints a script by which your shell completes the commands of wafer', [
    "alias wafer='npx wafer'; source <(npx wafer completion bash)",
    'source <(npx wafer completion zsh)',
    'npx wafer completion fish | source',
  ])
    .addArgument(new Argument('<shell>').choices([...shells]))
    .action((shell: Shell) => {
      const script = renderCompletion(program, shell);
      report({ text: script, json: { shell, script } });
    });
}
