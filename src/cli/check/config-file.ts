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

const TEXTS: readonly (keyof Given)[] = ['channel', 'token', 'strangerToken', 'origin', 'seqField'];

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
  checkKinds(file, given);
  return given;
}

/** What the types say of a config file, which need not have been written with them. */
function checkKinds(file: string, given: Given): void {
  const { dialect, mapped, recover = [], restart, send = [], urls = [] } = given;
  const refuse = (key: string, expected: string): never => {
    throw new UsageError(`${file}: ${key} must be ${expected}`);
  };
  for (const key of TEXTS) if (!isText(given[key] ?? '')) refuse(key, 'a text');
  if (!urls.every(isText)) refuse('urls', 'a list of texts');
  if (!recover.every((call) => isText(call) || typeof call === 'function')) {
    refuse('recover', 'a list of texts and functions');
  }
  const isNamed = (path: unknown): boolean => {
    const { name, send: call } = Object(path) as {
      readonly name?: unknown;
      readonly send?: unknown;
    };
    return isText(name) && typeof call === 'function';
  };
  if (!send.every((path) => isText(path) || isNamed(path))) {
    refuse('send', 'a list of texts and of { name, send } with a function');
  }
  if (mapped !== undefined && Object(mapped) !== mapped) refuse('mapped', 'an object');
  if (dialect !== undefined && Object(dialect) !== dialect) {
    refuse('dialect', 'a dialect, or a function that makes one');
  }
  if (restart !== undefined && !isText(restart) && typeof restart !== 'function') {
    refuse('restart', 'a command, or a function');
  }
}

const isText = (value: unknown): boolean => typeof value === 'string';

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    // It quotes the text around the place, where a token may be.
    const reason = (error as Error).message.replace(/, (\.\.\.)?".*(?= is not valid JSON$)/s, '');
    throw new UsageError(`cannot read ${file}: ${reason}`, { cause: error });
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
