/** Who may read: nobody without a token, with a wrong one, or with one of somebody else. */
import type { Bench } from '../bench.js';
import type { AccessScene, JoinAttempt, RecoveryAccess, Skipped } from '../findings.js';
import { isMarker } from '../markers.js';

const WRONG_TOKEN = 'lastseq-check-wrong-token';

export async function access(bench: Bench): Promise<AccessScene | Skipped> {
  if (bench.settings.token === undefined) return { skipped: 'no --token was given' };
  return { recoveries: await recover(bench), joins: await join(bench) };
}

async function recover(bench: Bench): Promise<RecoveryAccess | Skipped> {
  const [recovery] = bench.recoveries;
  if (recovery === undefined) return { skipped: 'there is no URL' };
  if (recovery.instance.recover === undefined) {
    return { skipped: 'recoveries go over the socket, where the token is that of the connection' };
  }
  return {
    without: await recovery.ask(bench.start, { token: undefined }),
    wrong: await recovery.ask(bench.start, { token: WRONG_TOKEN }),
    stranger: await askAsStranger(bench),
  };
}

async function askAsStranger({
  recoveries: [recovery],
  settings,
  start,
}: Bench): Promise<RecoveryAccess['stranger']> {
  const { strangerToken: token } = settings;
  if (token === undefined || recovery === undefined) return undefined;
  const answer = await recovery.ask(start, { token });
  const copies = answer.page === undefined ? [] : recovery.copiesOf(answer.page);
  return { answer, leaked: copies.filter(({ key }) => isMarker(key)).length };
}

/** Only where the token comes in a frame of its own: what is in the address, the user has put there. */
async function join(bench: Bench): Promise<readonly JoinAttempt[] | Skipped> {
  const { dialect, strangerToken } = bench.settings;
  if (
    dialect.transport !== undefined ||
    dialect.encode([{ type: 'auth', token: '' }]) === undefined
  ) {
    return { skipped: 'the dialect shows tokens by no frame: what is in the address is yours' };
  }
  const attempts = [await attempt(bench, 'without a token', undefined)];
  if (strangerToken !== undefined) {
    attempts.push(await attempt(bench, `with a stranger's token`, strangerToken));
  }
  return attempts;
}

/** Closes of a server in trouble, which has refused nothing. */
const TROUBLE: readonly number[] = [1011, 1012, 1013, 4429];

async function attempt(bench: Bench, who: string, token: string | undefined): Promise<JoinAttempt> {
  const [instance] = bench.settings.instances;
  if (instance === undefined) return { who, outcome: 'unclear', told: 'there is no URL' };
  const connection = bench.connectAs(instance, who, token);
  const opened = await connection.open();
  const joined = opened && (await connection.join()) !== undefined;
  const { ended, refusal } = connection;
  await connection.close();
  if (joined) return { who, outcome: 'joined', told: 'joined' };
  if (refusal !== undefined) {
    const isRefused = ['unauthorized', 'forbidden', 'not_found'].includes(refusal);
    return { who, outcome: isRefused ? 'refused' : 'unclear', told: refusal };
  }
  if (ended === undefined) return { who, outcome: 'unclear', told: 'no answer' };
  const outcome = TROUBLE.includes(ended.code) ? 'unclear' : 'refused';
  return { who, outcome, told: connection.whyEnded() };
}
