/** Recovery calls as no client should make them, and the headers of one as it should. */
import type { Bench } from '../bench.js';
import type { RequestScene, Skipped } from '../findings.js';
import { askOddly, preflight, type HttpQuestion } from '../recovery-http.js';
import type { Answer } from '../recovery.js';

const ODD = [undefined, '', 'abc', '-1', '1.5'] as const;

/** Far above any head, and still a safe integer. */
const AHEAD = 9_000_000_000_000_000;

export async function requests(bench: Bench): Promise<RequestScene | Skipped> {
  const { recoveries, settings, start } = bench;
  const [recovery] = recoveries;
  if (recovery === undefined) return { skipped: 'there is no URL' };
  const { recover } = recovery.instance;
  const odd: { since: string | undefined; answer: Answer }[] = [];
  let crossOrigin: RequestScene['preflight'];
  if (typeof recover === 'string') {
    const question: HttpQuestion = {
      request: recovery.request(start),
      limit: 100,
      token: settings.token,
      settings,
      dialect: settings.dialect,
    };
    for (const since of ODD) odd.push({ since, answer: await askOddly(recover, question, since) });
    if (settings.origin !== undefined) crossOrigin = await preflight(recover, question);
  }
  return {
    odd,
    plain: await recovery.ask(start),
    ahead: await recovery.ask({ epoch: start.epoch, seq: AHEAD }),
    otherEpoch: await recovery.ask({ epoch: 'no-such-epoch', seq: 0 }),
    preflight: crossOrigin,
  };
}
