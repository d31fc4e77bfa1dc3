/** What was found, for readers and for machines. */
import type { Report } from './run.js';
import type { Settings } from './settings.js';

/** A table with a line per rule and its evidence below. */
export function table({ rules }: Report, settings: Settings): string {
  const clean = redactor(settings);
  const width = Math.max(...rules.map(({ id }) => id.length));
  const lines = rules.flatMap((rule) => [
    `${MARKS[rule.verdict]}  ${rule.id.padEnd(width)}  ${rule.title}`,
    // What a server or a library says may have lines of its own, which would be none of the table's.
    `${' '.repeat(8 + width)}${clean(rule.evidence).replace(/\s+/g, ' ')}`,
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

export function json({ passed, rules }: Report, settings: Settings): string {
  const clean = redactor(settings);
  const report = {
    format: 'lastseq-check',
    version: 1,
    passed,
    channel: clean(settings.channel),
    urls: settings.instances.map(({ name }) => clean(name)),
    rules: rules.map((rule) => ({ ...rule, evidence: clean(rule.evidence) })),
  };
  return `${JSON.stringify(report, null, 2)}\n`;
}

/**
 * Takes tokens out of a text, wherever a server may have put them. Not out of our own words: a token
 * `pass` would be in half of them.
 */
function redactor({
  channel,
  instances,
  strangerToken,
  token,
}: Settings): (text: string) => string {
  const addresses = instances.flatMap(({ recover, url }) =>
    typeof recover === 'string' ? [url, recover] : [url],
  );
  const hidden = addresses.flatMap(hiddenIn).filter((value) => value !== channel);
  const secrets = [token, strangerToken, ...hidden]
    .filter((secret): secret is string => Boolean(secret))
    // The longer one first: of one that begins with the other, the rest would stay.
    .sort((one, other) => other.length - one.length);
  return (text) => secrets.reduce((clean, secret) => clean.replaceAll(secret, '[token]'), text);
}

/** What we show no address with, as it was typed and as a server reads it. Short words are no tokens. */
function hiddenIn(address: string): readonly string[] {
  const { password, search, searchParams } = new URL(address);
  const typed = search.split('&').map((pair) => pair.slice(pair.indexOf('=') + 1));
  return [password, ...typed, ...searchParams.values()].filter(({ length }) => length >= 8);
}
