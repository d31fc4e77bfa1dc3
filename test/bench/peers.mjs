// The packages that we are measured against. They have a lock file of their own, so that nobody who
// only works on the project has to install them.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const folder = new URL('./', import.meta.url);
const modules = new URL('node_modules/', folder);

export const areInstalled = () => existsSync(new URL('.package-lock.json', modules));

/** Installs them unless they are there; throws when that fails. */
export function install() {
  if (areInstalled()) return;
  console.log('Installing the peers (npm ci in test/bench) ...');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: fileURLToPath(folder),
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error('npm ci in test/bench failed');
}

/** A package of theirs; not imported by name, because it may not be there. */
export const load = (/** @type {string} */ name) => createRequire(folder.href)(name);

/**
 * The version of a package of theirs, or of the project's own.
 * @param {string} name
 * @returns {string}
 */
export function versionOf(name) {
  const root = new URL('../../', folder);
  const places = [modules, new URL('node_modules/', root)].map(
    (place) => new URL(`${name}/package.json`, place),
  );
  const file =
    name === 'lastseq' ? new URL('package.json', root) : places.find((p) => existsSync(p));
  if (file === undefined) throw new Error(`${name} is not installed`);
  return JSON.parse(readFileSync(file, 'utf8')).version;
}
