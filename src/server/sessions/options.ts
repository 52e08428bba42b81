import type { IncomingMessage } from 'node:http';
import { LONGEST_WAIT } from '../../../operators/duration.js';
import { RING } from '../../core/ledger.js';
import { callable, check, type Duration, invalid, milliseconds, object, size, withDefaults } from '../../core/options.js';

/** The settings of the option `resume`. */
export interface ResumeOptions {
  /**
   * The time that a client has to reconnect after it has lost its connection. It is measured by timers, not by the system clock.
   *
   * @defaultValue `120_000`
   */
  window?: Duration;
  /**
   * The limit of bytes that are kept in each direction of a session: messages that were sent, and that the peer has not acknowledged. A
   * message counts its bytes, of a string in UTF-8, and 32 more.
   *
   * @defaultValue `262_144`
   */
  ring?: number;
  /**
   * The limit of bytes that all sessions of the server keep; one without a connection counts 6,144 bytes and the length of its
   * headers more. Over the limit, the session that has been away for the longest time ends: first one of an address that has more than a
   * sixteenth.
   *
   * @defaultValue `67_108_864`
   */
  budget?: number;
  /**
   * Returns the identity of the user that sends a request, such as an account. A session is resumed only by the same identity: a token that
   * was stolen is of no use to others. With `authorization` it is required, or `false`, which trusts the token alone.
   *
   * @defaultValue none
   */
  identity?: ((request: IncomingMessage) => string | undefined) | false;
}

/** The settings with defaults; the window is in ms. */
export interface ParsedResumeOptions {
  readonly window: number;
  readonly ring: number;
  readonly budget: number;
  readonly identity: ((request: IncomingMessage) => string | undefined) | false | undefined;
}

const DEFAULTS = { window: 120_000 as Duration, ring: RING, budget: 67_108_864 };

/**
 * Checks the option `resume` and adds the defaults. Returns `undefined` when sessions are off.
 *
 * @throws ERR_PRIMUS_OPTION when a setting is invalid
 */
export function resumeOptions(given: boolean | ResumeOptions | null | undefined): ParsedResumeOptions | undefined {
  if (given === undefined || given === null || given === false) return undefined;
  const settings = given === true ? {} : given;
  if (!object[1](settings)) throw invalid('resume', 'true, false or an object', given);
  const { identity, ...rest } = withDefaults(DEFAULTS, settings);
  check({ 'resume.ring': rest.ring, 'resume.budget': rest.budget }, { 'resume.ring': size, 'resume.budget': size });
  if (identity !== false) check({ 'resume.identity': identity }, { 'resume.identity': callable });
  return { ...rest, window: Math.min(milliseconds(rest.window, 'resume.window'), LONGEST_WAIT), identity: identity ?? undefined };
}

/**
 * Checks that sessions have an identity where the server authorizes requests.
 *
 * @throws ERR_PRIMUS_OPTION when the option `identity` is missing
 */
export function requireIdentity(options: ParsedResumeOptions | undefined): void {
  if (options === undefined || options.identity !== undefined) return;
  throw invalid('resume.identity', 'a function that returns the user of a request, or false, as the server authorizes requests', undefined);
}
