/** Who may read: nobody without a token, and nobody with a wrong one. */
import type { Bench } from '../bench.js';
import type { AccessScene, Skipped } from '../findings.js';
import { isMarker } from '../markers.js';

const WRONG_TOKEN = 'lastseq-check-wrong-token';

export async function access(bench: Bench): Promise<AccessScene | Skipped> {
  const { recoveries, settings } = bench;
  if (settings.token === undefined) return { skipped: 'no --token was given' };
  const [recovery] = recoveries;
  if (recovery === undefined) return { skipped: 'there is no URL' };
  if (recovery.instance.recover === undefined) {
    return { skipped: 'recoveries go over the socket, where the token is that of the connection' };
  }
  return {
    without: await recovery.ask(bench.start, { token: undefined }),
    wrong: await recovery.ask(bench.start, { token: WRONG_TOKEN }),
    stranger: await askAsStranger(bench),
    joinedWithout: await joinsWithout(bench),
  };
}

async function askAsStranger({
  recoveries: [recovery],
  settings,
  start,
}: Bench): Promise<AccessScene['stranger']> {
  const { strangerToken: token } = settings;
  if (token === undefined || recovery === undefined) return undefined;
  const answer = await recovery.ask(start, { token });
  const copies = answer.page === undefined ? [] : recovery.copiesOf(answer.page);
  return { answer, leaked: copies.filter(({ key }) => isMarker(key)).length };
}

/** Only where the token comes in a frame of its own: what is in the address, the user has put there. */
async function joinsWithout(bench: Bench): Promise<boolean | undefined> {
  const [instance] = bench.settings.instances;
  if (instance === undefined) return undefined;
  const { dialect } = bench.settings;
  if (dialect.transport !== undefined) return undefined;
  if (dialect.encode([{ type: 'auth', token: '' }]) === undefined) return undefined;
  const connection = bench.connectAsNobody(instance);
  const joined = (await connection.open()) && (await connection.join()) !== undefined;
  await connection.close();
  return joined;
}
