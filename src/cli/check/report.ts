/** What was found, for readers and for machines. */
import type { Report } from './run.js';
import type { Settings } from './settings.js';

/** A table with a line per rule and its evidence below. */
export function table({ rules }: Report): string {
  const width = Math.max(...rules.map(({ id }) => id.length));
  const lines = rules.flatMap((rule) => [
    `${MARKS[rule.verdict]}  ${rule.id.padEnd(width)}  ${rule.title}`,
    `${' '.repeat(8 + width)}${rule.evidence}`,
    ...(rule.verdict === 'fail' ? [`${' '.repeat(8 + width)}=> ${rule.harm}`] : []),
  ]);
  return [...lines, '', summary(rules), ''].join('\n');
}

const MARKS = { pass: 'pass', fail: 'FAIL', 'not checkable': '  - ' } as const;

function summary(rules: Report['rules']): string {
  const count = (verdict: string): number =>
    rules.filter((rule) => rule.verdict === verdict).length;
  return `${count('pass')} passed, ${count('fail')} failed, ${count('not checkable')} not checkable`;
}

export function json({ passed, rules }: Report, { channel, instances }: Settings): string {
  const urls = instances.map(({ name }) => name);
  return `${JSON.stringify({ format: 'lastseq-check', version: 1, passed, channel, urls, rules }, null, 2)}\n`;
}

/** Takes tokens out of a text, wherever a server may have put them. */
export function redact(text: string, { strangerToken, token }: Settings): string {
  return [token, strangerToken]
    .filter((secret) => secret !== undefined && secret !== '')
    .reduce((clean: string, secret) => clean.replaceAll(secret ?? '', '[token]'), text);
}
