import { TestScheduler } from 'rxjs/testing';
import { PrimusError } from '../core/errors.js';

/** One step of a script: its letter, and its time in ms after the begin. */
export interface ScriptedStep {
  readonly letter: string;
  readonly at: number;
}

/** The parser of RxJS, with the time of a character as this page documents it. */
class Marbles extends TestScheduler {
  static override frameTimeFactor = 1;
}

/**
 * Parses the marbles of a script, in the notation of RxJS: a character is a frame, `-` waits, `(ch)` are steps at the same time, `500ms `, `2s ` and
 * `1m ` wait that long, spaces mean nothing, and `|` is the end.
 *
 * @throws ERR_PRIMUS_OPTION when they have a `^`, `!`, or `#`, or are unbalanced
 */
export function parseScript(marbles: string, frame: number): { steps: ScriptedStep[]; length: number } {
  const wrong = (cause?: unknown) =>
    new PrimusError('ERR_PRIMUS_OPTION', `A script must be marbles such as '--c 2s h|', got ${JSON.stringify(marbles) ?? typeof marbles}`, {
      cause,
    });
  if (typeof marbles !== 'string' || !/^(?:[^()^!#]|\([^()^!#]*\))*$/.test(marbles)) throw wrong();
  Marbles.frameTimeFactor = frame;
  try {
    const messages = Marbles.parseMarbles(marbles.includes('|') ? marbles : `${marbles} |`, undefined, undefined, false, true);
    const steps = messages.flatMap(({ frame: at, notification }) =>
      notification.kind === 'N' ? [{ letter: String(notification.value), at }] : [],
    );
    return { steps, length: messages.at(-1)?.frame ?? 0 };
  } catch (cause) {
    throw wrong(cause);
  }
}
