import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { rootDir } from './built.ts';

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
  readonly gridPos: { readonly h: number; readonly w: number; readonly x: number; readonly y: number };
  readonly id: number;
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
}

interface Rule {
  readonly record?: string;
  readonly expr: string;
}

const folder = join(rootDir, 'deploy/grafana/dashboards');

export function readDashboards(): Dashboard[] {
  return readdirSync(folder).map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Dashboard);
}

export function readRules(): Rule[] {
  const text = readFileSync(join(rootDir, 'deploy/prometheus/wafer-session.rules.yml'), 'utf8');
  return (parse(text) as { groups: { rules: Rule[] }[] }).groups.flatMap(({ rules }) => rules);
}

export function expressionsOf({ panels, templating }: Dashboard): string[] {
  const chosen = templating.list.flatMap(({ definition }) => definition ?? []);
  return [...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)), ...chosen];
}

/** Series of ours and of Node, not those that rules record. */
const namesIn = (expression: string) =>
  expression.replaceAll(/\w+:[\w:]+/g, '').match(/\b(?:wafer|nodejs|process)_\w+/g) ?? [];

export const namesInRules = () => readRules().flatMap(({ expr }) => namesIn(expr));
export const namesInDashboards = () => readDashboards().flatMap((each) => expressionsOf(each).flatMap(namesIn));
