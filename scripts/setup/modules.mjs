/** The npm packages of the lockfile, Node.js 24 among them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from './fail.mjs';
import { findProgram, nodePath, ROOT } from './paths.mjs';
import { step } from './progress.mjs';
import { mustRunLogged } from './run.mjs';

/** Installs node_modules unless it already is what package-lock.json says. */
export async function bringModules() {
  if (!upToDate()) {
    const npm = findProgram('npm');
    if (npm === undefined) fail('npm is missing.', 'It comes with Node.js; on Debian: apt-get install npm');
    await step('Installing npm packages', () =>
      mustRunLogged('npm-ci', [npm, 'ci', '--ignore-scripts', '--no-audit', '--no-fund'], { env: { NODE_ENV: '' } }),
    );
  }
  if (nodePath() === undefined) {
    fail(
      `Node.js 24 or newer is needed; this is ${process.versions.node}, and npm has none for ${process.platform} ${process.arch}.`,
      'Install Node.js 24 from https://nodejs.org and put it first in PATH.',
    );
  }
}

/** npm leaves a lockfile of what it installed, written last: equal entries mean a complete and current installation. */
function upToDate() {
  const wanted = readPackages(join(ROOT, 'package-lock.json'));
  const installed = readPackages(join(ROOT, 'node_modules', '.package-lock.json'));
  if (wanted === undefined)
    fail('package-lock.json is missing.', 'Get a complete checkout: git checkout package-lock.json');
  if (installed === undefined) return false;
  const same = (path) =>
    installed[path]?.version === wanted[path]?.version && installed[path]?.integrity === wanted[path]?.integrity;
  // Optional packages are for other machines too; those that are here must still be the right ones.
  const needed = Object.keys(wanted).filter((path) => path !== '' && !wanted[path].optional);
  return [...needed, ...Object.keys(installed)].every(same);
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}
