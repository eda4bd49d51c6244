import type { Command } from 'commander';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** What can stand behind the words of a command line so far. */
interface Place {
  /** Names of the commands so far, such as `app set`; '' at the beginning. */
  readonly path: string;
  readonly commands: readonly Command[];
  /** With their two dashes. */
  readonly options: readonly string[];
}

/** Each word as it stands in a script between single quotes. */
const safeWord = /^[\w-]+$/;

function placesOf(command: Command, path = ''): Place[] {
  const commands = command.commands.filter((each) => safeWord.test(each.name()));
  const options = ['--help', ...command.options.flatMap(({ long, hidden }) => (long && !hidden ? [long] : []))];
  const own = { path, commands, options: [...new Set(options)].filter((option) => safeWord.test(option)) };
  return [own, ...commands.flatMap((each) => placesOf(each, `${path} ${each.name()}`.trim()))];
}

/**
 * A script by which a shell completes the commands and options of this command line. It holds all of them, so that a shell asks nobody: the
 * start of this program would be felt at each key.
 */
export function renderCompletion(program: Command, shell: Shell): string {
  const places = placesOf(program);
  return shell === 'fish' ? renderFish(places) : renderCases(places, shell);
}

/** bash and zsh differ in how they name the words and take the answer. */
function renderCases(places: readonly Place[], shell: 'bash' | 'zsh'): string {
  const paths = places.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`);
  const words = places.map(({ path, commands, options }) => {
    const all = [...commands.map((each) => each.name()), ...options].join(' ');
    return `    '${path}') answers='${all}' ;;`;
  });
  const isBash = shell === 'bash';
  return [
    ...(isBash ? [] : ['#compdef wafer']),
    '_wafer() {',
    "  local at='' so_far word answers=''",
    isBash ? '  so_far=("${COMP_WORDS[@]:1:COMP_CWORD-1}")' : '  so_far=("${(@)words[2,CURRENT-1]}")',
    '  for word in "${so_far[@]}"; do',
    '    case "${at:+$at }$word" in',
    `    ${paths.join('|')}) at="\${at:+$at }$word" ;;`,
    '    esac',
    '  done',
    '  case "$at" in',
    ...words,
    '  esac',
    isBash ? '  COMPREPLY=($(compgen -W "$answers" -- "${COMP_WORDS[COMP_CWORD]}"))' : '  compadd -- ${=answers}',
    '}',
    isBash ? 'complete -F _wafer wafer' : 'compdef _wafer wafer',
  ].join('\n');
}

function renderFish(places: readonly Place[]): string {
  const lines = places.flatMap(({ path, commands, options }) => {
    const seen = path.split(' ').filter((name) => name !== '');
    const none = commands.map((each) => each.name()).join(' ');
    const condition = [
      ...seen.map((name) => `__fish_seen_subcommand_from ${name}`),
      ...(none === '' ? [] : [`not __fish_seen_subcommand_from ${none}`]),
    ].join('; and ');
    return [
      ...commands.map(
        (each) => `complete -c wafer -n '${condition}' -a ${each.name()} -d '${quote(each.description())}'`,
      ),
      ...options.map((option) => `complete -c wafer -n '${condition}' -l ${option.slice(2)}`),
    ];
  });
  return ['complete -c wafer -f', ...lines].join('\n');
}

function quote(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
}
