/** The config file: JSON, or a module whose default export is the same and may hold functions. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Given } from './given.js';
import { UsageError } from './usage-error.js';

const KEYS: readonly (keyof Given)[] = [
  'urls',
  'recover',
  'channel',
  'send',
  'token',
  'strangerToken',
  'origin',
  'connections',
  'overflow',
  'restart',
  'watchMs',
  'timeoutMs',
  'seqField',
  'dialect',
  'mapped',
];

const LISTS: readonly (keyof Given)[] = ['urls', 'recover', 'send'];

/** @throws UsageError. */
export async function readConfig(file: string): Promise<Given> {
  const content = file.endsWith('.json') ? readJson(file) : await readModule(file);
  if (typeof content !== 'object' || content === null)
    throw new UsageError(`${file} holds no object`);
  const unknown = Object.keys(content).find((key) => !(KEYS as readonly string[]).includes(key));
  if (unknown !== undefined) throw new UsageError(`${file}: there is no option ${unknown}`);
  const given: Given = content;
  const single = LISTS.find((key) => given[key] !== undefined && !Array.isArray(given[key]));
  if (single !== undefined) throw new UsageError(`${file}: ${single} must be a list`);
  return given;
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${(error as Error).message}`, { cause: error });
  }
}

async function readModule(file: string): Promise<unknown> {
  try {
    const module = (await import(pathToFileURL(resolve(file)).href)) as {
      readonly default?: unknown;
    };
    return module.default;
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${(error as Error).message}`, { cause: error });
  }
}
