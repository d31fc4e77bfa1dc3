/** Who may read, and may a browser? */
import { problemOf, type Answer } from '../recovery.js';
import { Broken, Missing, type Rule } from '../verdict.js';
import { played } from './evidence.js';

export const withoutToken: Rule = {
  id: 'auth-without',
  title: 'Recovery without a token is answered with 401',
  harm: 'Anybody who knows the address reads all messages.',
  judge: ({ access }) => {
    const { without } = played(played(access).recoveries);
    const told = statusOf(without);
    if (without.status === 401) return told;
    if (without.page !== undefined) throw new Broken(told);
    throw new Broken(
      told,
      'A client whose token has run out is not told to get a new one, and stays without messages.',
    );
  },
};

export const wrongToken: Rule = {
  id: 'auth-wrong',
  title: 'Recovery with a wrong token is answered with 401 or 403',
  harm: 'Anybody who makes up a token reads all messages.',
  judge: ({ access }) => {
    const { wrong } = played(played(access).recoveries);
    const told = statusOf(wrong);
    if (wrong.status === 401 || wrong.status === 403) return told;
    if (wrong.page !== undefined) throw new Broken(told);
    throw new Broken(
      told,
      'A client cannot tell a bad token from a server in trouble, and tries for ever.',
    );
  },
};

export const stranger: Rule = {
  id: 'auth-stranger',
  title: 'Recovery gives nobody the messages of others',
  harm: 'Users can read what was sent to somebody else.',
  judge: ({ access, live }) => {
    const { stranger: found } = played(played(access).recoveries);
    if (found === undefined)
      throw new Missing('give --stranger-token of somebody who may not read');
    if (played(live).sent.every(({ failure }) => failure !== undefined))
      throw new Missing('nothing was published that could leak');
    const { answer, leaked } = found;
    if (leaked > 0) throw new Broken(`${statusOf(answer)}, with ${leaked} of the messages`);
    // A server in trouble has refused nothing, and of what cannot be read nobody knows what it holds.
    const { page, status } = answer;
    const isRefused = status >= 400 && status < 500 && status !== 429;
    if (!isRefused && page === undefined) throw new Missing(problemOf(answer));
    return statusOf(answer);
  },
};

export const joining: Rule = {
  id: 'auth-join',
  title: 'Joining is refused to whoever may not read',
  harm: 'Anybody who knows the address reads what is sent from now on.',
  judge: ({ access }) => {
    const attempts = played(played(access).joins);
    const told = attempts.map((attempt) => `${attempt.who}: ${attempt.told}`).join(', ');
    const joined = attempts.find(({ outcome }) => outcome === 'joined');
    if (joined !== undefined) throw new Broken(`a connection ${joined.who} joined`);
    if (attempts.some(({ outcome }) => outcome === 'unclear')) throw new Missing(told);
    return told;
  },
};

export const noStore: Rule = {
  id: 'no-store',
  title: 'Answers of the recovery call are not cached',
  harm: 'A cache on the way gives the same old answer again and again: the client never gets on.',
  judge: ({ requests }) => {
    const { http, status } = played(requests).plain;
    if (http === undefined || status !== 200) throw new Missing('there is no answer over HTTP');
    const told = `Cache-Control: ${http.cacheControl ?? 'missing'}`;
    if (!/\bno-store\b/i.test(http.cacheControl ?? '')) throw new Broken(told);
    return told;
  },
};

export const cors: Rule = {
  id: 'cors',
  title: 'Pages of the origin may make the recovery call',
  harm: 'The browser blocks the recovery: live messages come, and after a drop nothing that was missed.',
  judge: ({ access, requests }, { instances, origin, token }) => {
    const { plain, preflight } = played(requests);
    if (origin === undefined) throw new Missing('give --origin of the page');
    const recover = instances[0]?.recover;
    if (typeof recover !== 'string' || plain.http === undefined) {
      throw new Missing('the recovery call is not an HTTP address');
    }
    if (new URL(recover).origin === origin) throw new Missing('it is on the origin of the page');
    const { allowOrigin } = plain.http;
    const isFor = (named: string | undefined): boolean => named === '*' || named === origin;
    if (!isFor(allowOrigin)) {
      throw new Broken(`Access-Control-Allow-Origin: ${allowOrigin ?? 'missing'}, to ${origin}`);
    }
    if (token === undefined) return `Access-Control-Allow-Origin: ${allowOrigin ?? ''}`;
    const { allowHeaders = '', allowOrigin: allowed, status = 0 } = preflight ?? {};
    if (status < 200 || status > 299 || !isFor(allowed)) {
      throw new Broken(`the preflight is answered with status ${status}`);
    }
    // The star does not stand for this one.
    if (!/(^|[\s,])authorization([\s,]|$)/i.test(allowHeaders)) {
      throw new Broken(`Access-Control-Allow-Headers: ${allowHeaders || 'missing'}`);
    }
    const { http, status: refusal } = played(played(access).recoveries).without;
    if (refusal === 401 && !isFor(http?.allowOrigin)) {
      throw new Broken(
        `Access-Control-Allow-Origin with status 401: ${http?.allowOrigin ?? 'missing'}`,
        'A page is not shown that its token has run out: it takes the server for one that is away, and stays without what it missed.',
      );
    }
    return `${allowOrigin ?? ''}, with Authorization`;
  },
};

const statusOf = (answer: Answer): string =>
  answer.page === undefined ? problemOf(answer) : `status ${answer.status}`;
