import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type axe from 'axe-core';
import { chromium, type Browser, type Page } from 'playwright-core';
import { canUseApt, installPackages } from '../../apps/local/servers/apt.ts';
import { findBinary, getBinary } from '../../apps/local/servers/binaries.ts';
import { rootDir } from './built.ts';
import type { OnClose } from './closing.ts';

/** Without these Chromium asks hosts of Google at its start, and needs rights that a container does not have. */
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A real Chromium without a window. Installs Debian's if there is none. */
export async function startBrowser(onClose: OnClose): Promise<Browser> {
  if (findBinary('chromium') === undefined && canUseApt())
    await installPackages(['chromium'], [], (line) => console.error(line));
  const browser = await chromium.launch({ executablePath: getBinary('chromium'), args: flags });
  onClose(() => browser.close());
  return browser;
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Resolves when what fades in or out has done so. */
const untilStill = `Promise.all(document.getAnimations()
  .filter(({ effect }) => Number.isFinite(effect.getComputedTiming().endTime))
  .map(({ finished }) => finished.catch(() => undefined)))
  .then(() => new Promise(requestAnimationFrame))
  .then(() => undefined)`;

/** What axe finds wrong with a page as it is shown once it is still, each with the places where. */
export async function findAxeFaults(page: Page): Promise<string[]> {
  await page.evaluate(untilStill);
  // Not as a script of the page, which its Content-Security-Policy would refuse.
  await page.evaluate(`window.axe === undefined && (() => { ${axeSource} })()`);
  const { violations } = await page.evaluate<axe.AxeResults>(`axe.run(document, { resultTypes: ['violations'] })`);
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary = '' }) => `${id}: ${help}: ${target.join(' ')}: ${failureSummary}`),
  );
}

/** Where pictures of the pages are kept to be looked at. */
const folder = process.env['WAFER_SCREENSHOTS'] ?? join(rootDir, '.data', 'screenshots');

export async function takePicture(page: Page, name: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled' });
}
