/** Frames as a server writes them, so that some schedules go through the codec as bytes do. */
import type { DecodedFrame, RecoveryAnswer } from '../../src/core/frames.js';

export function toWire(frames: readonly DecodedFrame[]): string {
  return JSON.stringify(frames.length === 1 ? wireForm(frames[0]) : frames.map(wireForm));
}

function wireForm(frame: DecodedFrame | undefined): unknown {
  switch (frame?.type) {
    case 'heads':
      return {
        type: 'heads',
        heads: Object.fromEntries(
          frame.heads.map(({ channel, epoch, head, visible }) => [
            channel,
            visible === undefined ? [epoch, head] : [epoch, head, null, visible],
          ]),
        ),
      };
    case 'recovered':
      return { ...frame, items: frame.items.map(wireItem) };
    case 'ack': {
      const { position, ...rest } = frame;
      return { ...rest, ...position };
    }
    case 'bad':
      return frame.channel === undefined
        ? { type: 17 }
        : { type: 'message', channel: frame.channel, seq: '5', data: 0 };
    default:
      return frame;
  }
}

function wireItem(answer: RecoveryAnswer): unknown {
  if ('page' in answer) return { status: 200, ...answer.page };
  return answer.status === 0 ? { status: 200, channel: answer.channel } : answer;
}
