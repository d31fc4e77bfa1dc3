/** The states of the connection, and what the app sees of them. */
import type { ConnectionState, WaitReason } from './vocabulary.js';

export type State =
  | { readonly name: 'idle' }
  /** The token is being asked for. */
  | { readonly name: 'preparing' }
  | { readonly name: 'dialing'; readonly since: number }
  /**
   * `joined`: the server has really served us; without that an open socket proves nothing. `since`: when it was
   * last shown a token.
   */
  | { readonly name: 'open'; since: number; joined: boolean }
  | {
      readonly name: 'waiting';
      readonly retryInMs?: number;
      readonly reason: WaitReason;
      readonly code?: number | undefined;
    }
  | { readonly name: 'unauthorized' }
  | { readonly name: 'failed'; readonly code: number }
  | { readonly name: 'closed' };

/** What changes for the app. To dial is nothing new: it has been connecting since the token was asked for. */
export type Told = Exclude<State, { name: 'dialing' }>;

export function publicState(state: Told, attempt: number): ConnectionState {
  switch (state.name) {
    case 'preparing':
      return { name: 'connecting', attempt: attempt + 1 };
    case 'open':
      return { name: 'open' };
    default:
      return state;
  }
}
