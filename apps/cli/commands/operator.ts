import { InvalidArgumentError, Option, type Command } from 'commander';
import {
  addProgram,
  changeOperatorRights,
  invitePerson,
  removeOperatorByName,
  renewLink,
  type InvitedOperator,
} from '../../../shared/administration/operators.ts';
import { consoleAddress } from '../../../shared/config/console.ts';
import { linkUrl } from '../../../shared/operators/link-url.ts';
import { readOperators, type Operator } from '../../../shared/operators/operator-store.ts';
import { linkMinutes } from '../../../shared/operators/password-store.ts';
import { isRole, roles, type Role } from '../../../shared/operators/roles.ts';
import { createByOption, findActor, type ByOption } from '../actor.ts';
import { addCommand, UsageFailure, type CommandContext, type CommandResult } from '../result.ts';
import { readSettings } from '../../../shared/administration/settings.ts';
import { withDatabase } from '../../../shared/administration/stores.ts';
import { formatTable } from '../text.ts';

interface AddOptions extends ByOption {
  readonly role: Role;
  readonly token?: boolean;
  readonly days?: number;
}

const createRoleOption = (): Option =>
  new Option('--role <role>', 'viewer reads; operator also ends sessions and runs the doctor; admin does everything')
    .choices(roles)
    .default('viewer');

/** `operator list | add | link | role | disable | enable | remove`: who may use the console, in cWaferOperator. */
export function addOperatorCommands(program: Command, { env, report }: CommandContext): void {
  const operator = program.command('operator').description('the people and programs that may use the console');

  addCommand(operator, 'list', 'lists the operators; their passwords and tokens are not known to anybody', [
    'npx wafer operator list',
    'npx wafer operator list --json',
  ]).action(async () => report(await withDatabase(env, async ({ sequelize }) => list(await readOperators(sequelize)))));

  addCommand(operator, 'add', 'adds a person and shows the link to set a password; or a program and its token', [
    'npx wafer operator add alice --role admin',
    'npx wafer operator add reports --token --days 90',
  ])
    .argument('<name>', 'a name or an e-mail address, the same in small and capital letters')
    .addOption(createRoleOption())
    .option('--token', 'a program: it sends the token that is shown here, this once')
    .option('--days <count>', 'with --token: how long that is good', parseDays)
    .addOption(createByOption())
    .action(async (name: string, { role, token = false, days, ...by }: AddOptions) => {
      if (days !== undefined && !token)
        throw new UsageFailure('--days is for --token: a person’s password does not end');
      const actor = findActor(by);
      report(
        await withDatabase(env, async (database) =>
          token
            ? showToken(await addProgram(database, { name, role, days }, actor))
            : showLink(env, await invitePerson(database, { name, role }, actor), 'Added'),
        ),
      );
    });

  addCommand(operator, 'link', 'shows a new link to set a password, for somebody who has forgotten it', [
    'npx wafer operator link alice',
    'npx wafer operator link alice --without-totp',
  ])
    .argument('<name>')
    .option('--without-totp', 'using the link also takes the second factor away, of somebody who has lost it')
    .addOption(createByOption())
    .action(async (name: string, { withoutTotp, ...by }: ByOption & { readonly withoutTotp?: boolean }) =>
      report(
        await withDatabase(env, async (database) => {
          const renewed = await renewLink(database, { name, dropsTotp: withoutTotp }, findActor(by));
          return showLink(env, renewed, 'A new link for');
        }),
      ),
    );

  addCommand(operator, 'role', 'changes what somebody may do; it counts at once', [
    'npx wafer operator role alice viewer',
  ])
    .argument('<name>')
    .argument('<role>', roles.join(', '), parseRole)
    .addOption(createByOption())
    .action(async (name: string, role: Role, by: ByOption) =>
      report(
        await withDatabase(env, async (database) => {
          const { name: changed } = await changeOperatorRights(database, name, { role }, findActor(by));
          return { text: `${changed} has the role ${role} now.`, json: { name: changed, role } };
        }),
      ),
    );

  for (const [verb, disabled, summary] of [
    ['disable', true, 'lets somebody in no more; it counts at once'],
    ['enable', false, 'lets somebody in again'],
  ] as const)
    addCommand(operator, verb, summary, [`npx wafer operator ${verb} alice`])
      .argument('<name>')
      .addOption(createByOption())
      .action(async (name: string, by: ByOption) =>
        report(
          await withDatabase(env, async (database) => {
            const { name: changed } = await changeOperatorRights(database, name, { disabled }, findActor(by));
            return { text: `${changed} may ${disabled ? 'not ' : ''}sign in now.`, json: { name: changed, disabled } };
          }),
        ),
      );

  addCommand(operator, 'remove', 'removes somebody; it counts at once', ['npx wafer operator remove alice'])
    .argument('<name>')
    .addOption(createByOption())
    .action(async (name: string, by: ByOption) =>
      report(
        await withDatabase(env, async (database) => {
          const { name: removed } = await removeOperatorByName(database, name, findActor(by));
          return { text: `Removed ${removed}.`, json: { name: removed, removed: true } };
        }),
      ),
    );
}

function parseDays(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('give a whole number of days from 1 to 9999');
}

function parseRole(text: string): Role {
  if (isRole(text)) return text;
  throw new InvalidArgumentError(`a role is one of ${roles.join(', ')}`);
}

function showLink(env: NodeJS.ProcessEnv, { name, role, linkSecret }: InvitedOperator, what: string): CommandResult {
  const link = linkUrl(consoleAddress(readSettings(env, 'console').console), linkSecret);
  return {
    text: [
      `${what} ${name} (${role}). The password is set at this address, once, within ${linkMinutes} minutes:`,
      '',
      `  ${link}`,
    ].join('\n'),
    json: { name, role, link },
  };
}

function showToken({ name, role, token }: { name: string; role: Role; token: string }): CommandResult {
  return {
    text: [
      `Added ${name} (${role}). Its token, which is not shown again:`,
      '',
      `  ${token}`,
      '',
      'It sends that with each request: Authorization: Bearer <token>',
    ].join('\n'),
    json: { name, role, token },
  };
}

function list(operators: readonly Operator[]): CommandResult {
  const told = operators.map(
    ({ name, kind, role, isDisabled, hasPassword, hasTotp, tokenUntil, signedInAt, createdAt }) => ({
      name,
      kind,
      role,
      disabled: isDisabled,
      passwordSet: hasPassword,
      totp: hasTotp,
      tokenUntil,
      signedInAt,
      createdAt,
    }),
  );
  const rows = told.map((one) => [
    one.name,
    one.role,
    describeWay(one),
    one.disabled ? 'disabled' : '',
    one.signedInAt ?? 'never',
    one.createdAt,
  ]);
  return {
    text:
      told.length === 0
        ? 'There is no operator. Add one: npx wafer operator add <name> --role admin'
        : formatTable([['NAME', 'ROLE', 'SIGNS IN BY', '', 'LAST (UTC+8)', 'SINCE (UTC+8)'], ...rows]),
    json: { operators: told },
  };
}

function describeWay(one: { kind: string; passwordSet: boolean; totp: boolean; tokenUntil: string | null }): string {
  if (one.kind === 'token') return one.tokenUntil === null ? 'token' : `token until ${one.tokenUntil}`;
  if (one.kind === 'oidc') return 'identity provider';
  if (!one.passwordSet) return 'no password yet';
  return one.totp ? 'password and code' : 'password';
}
