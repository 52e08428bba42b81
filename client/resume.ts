import type { SchedulerLike, Unsubscribable } from 'rxjs';
import type { ChannelSession } from '../src/core/channel.js';
import { Ledger, ownFrame, RING } from '../src/core/ledger.js';
import type { Frame, Link } from '../src/core/link.js';
import { type Control, isControl } from '../src/core/protocol.js';
import { type Fresh, type Gap, type GapReason, parseServerWord, type Resumed, type ServerWord } from '../src/core/session-words.js';
import type { ClientTransformer } from '../src/core/transformer.js';
import type { Platform } from './platform/platform.js';

/** The outcome of a connection, or of an end without one, for the messages of the connection before: see `resume$`. */
export type Resume =
  | Fresh
  | Resumed
  | (Gap & {
      /** Sends the unconfirmed messages again, as far as they are kept. Those that did arrive arrive twice. */
      resend(): void;
    });

/** The session of a client, as far as the rest of the client uses it. */
export interface ClientSession extends ChannelSession {
  /** Agrees with the server on a session over a link, which is read, and calls `open` then. */
  begin(link: Link, open: () => void): true;
  /** Ends the session, as the client ends. `by`: the cause; missing while messages are still being encoded, which an open link sends. */
  end(by?: string): void;
}

/** The client of a session, as far as the session uses it. */
export interface ResumableClient {
  readonly options: { readonly resume?: boolean | { readonly ring?: number } };
  readonly state: { readonly name: string; readonly attempt?: { readonly start: number } | null };
  readonly connection: {
    link: Link | undefined;
    session?: ClientSession | undefined;
    readonly events: { add(emit: () => void): void };
    readonly channel: { control(control: Exclude<Control, { type: 'unknown' }>): void };
    transmit(frame: Frame, data: unknown): void;
  };
  emit(event: string, ...args: unknown[]): unknown;
}

/** The parts of a client that its session uses. */
export interface ResumableParts {
  readonly platform: { readonly scheduler: SchedulerLike };
  readonly transformer: ClientTransformer<Platform>;
}

/** Makes the connections of a client resumable: returns its parts with a transformer that asks for a session. It is one of `ClientParts`. */
export type CreateClientSession = <Parts extends ResumableParts>(client: ResumableClient, parts: Parts) => Parts;

/**
 * The session of a client, between its connection and its links. It counts the messages, keeps those that the server has not acknowledged, and
 * sends them again over the next link.
 *
 * ```
 * link ─┬─ session  ──────────────────────────────────> fresh, or a gap ─┐
 *       ├─ resume? ─> the session's token ─┬─ resumed ─> resend ─────────┼─> `resume$` ─> open
 *       │                                  └─ gap ──────────────────────┤
 *       └─ anything else ──────────────────────────────> unsupported ────┘
 * the client ends without a link ─────────────────────> gap ─> `resume$`
 * ```
 *
 * @example
 * ```ts
 * import { configure, Primus, resumable } from 'primus-rx/client';
 *
 * const Client = configure({ ...Primus.parts, session: resumable });
 * const primus = new Client('https://example.com', { resume: true });
 * ```
 */
export const resumable: CreateClientSession = (client, parts) => {
  const { connection } = client;
  const { scheduler } = parts.platform;
  const ring = (client.options.resume as { ring?: number }).ring ?? RING;
  /** `undefined` while the server has no sessions. */
  let ledger: Ledger | undefined;
  let token = '';
  let epoch = '';
  /** Passes the link on that begins; `undefined` when there is none. */
  let pass: Pass | undefined;
  let timer: Unsubscribable | undefined;

  const emit = (outcome: Resume) => connection.events.add(() => client.emit('incoming::resume', outcome));

  const say = (type: 'ack' | 'bye') => {
    if (ledger && connection.link) connection.channel.control({ type, value: `${ledger.acknowledge()}` });
  };

  /** Returns a gap. Its messages are those of the session that is over. */
  const gap = (reason: GapReason, over = ledger ?? new Ledger(ring)): Resume => ({
    type: 'gap',
    reason,
    unconfirmed: over.unconfirmed,
    resend() {
      for (const frame of over.since(over.from) as Frame[]) connection.transmit(frame, 0);
      over.narrow(0);
    },
  });

  /** Ends the connection to a server whose counts are wrong. The next one begins a new session. */
  const breach = () => {
    token = '';
    pass = undefined;
    connection.link?.destroy();
  };

  /** Handles the first control messages of a link; `undefined` for one that is not about sessions. */
  const begin = (word: ServerWord | undefined, open: Pass) => {
    if (word?.third && word.type !== 'resumed') {
      const before = epoch;
      token = word.third;
      epoch = word.second;
      open(ledger ? gap(word.type === 'gap' && epoch === before ? (word.value as GapReason) : 'epoch') : { type: 'fresh' });
    } else if (ledger && word?.type === 'resume') {
      connection.channel.control({ type: word.type, value: `${token}.${ledger.received}.${ledger.from}.${ledger.sent}` });
    } else if (ledger && word?.type === 'resumed') {
      const missing = ledger.confirm(+word.value) && ledger.since(+word.value);
      if (!missing) return breach();
      const now = scheduler.now();
      token = word.second;
      const away = now - Math.min(now, client.state.attempt?.start ?? now);
      open({ type: word.type, missed: +word.third, resent: missing.length, away }, missing);
    } else {
      token = epoch = '';
      open(gap('unsupported'));
    }
  };

  connection.session = {
    // Calls of the channel: each message is counted here.

    keeps(frame, data) {
      // A control message is of no use on another link.
      if (isControl(data)) return !connection.link;
      // It was being encoded on the link before: a server without sessions never gets it.
      if (pass) ledger ??= new Ledger(ring);
      // Without a session, the connection reports that a message is lost.
      if (!ledger) return false;
      ledger.record(ownFrame(frame));
      return !!pass || !connection.link;
    },

    read(frame, data) {
      const word = isControl(data) ? parseServerWord(data) : undefined;
      if (pass) {
        // Lost before the answer was decoded: all that it has sent is sent again, or belongs to a session that never began here.
        if (!connection.link) return true;
        begin(word, pass);
      } else if (!isControl(data)) {
        if (ledger?.receive(frame)) say('ack');
        else if (ledger)
          // So long may a message that was received wait for its acknowledgement.
          timer ??= scheduler.schedule(() => {
            timer = undefined;
            // Before the answer of a link, it would prove that this end has the new token.
            if (!pass && ledger?.owes) say('ack');
          }, 1_000);
      } else if (word?.type === 'ack' && ledger && !ledger.confirm(+word.value)) breach();
      return !!word;
    },

    // Calls of the client.

    begin(link, open) {
      pass = (outcome, missing) => {
        pass = undefined;
        if (missing) for (const frame of missing) link.send(frame);
        else ledger = epoch ? new Ledger(ring) : undefined;
        emit(outcome);
        open();
        // Proves that this end has the new token.
        say('ack');
      };
      // What is written meanwhile is buffered.
      connection.link = link;
      // Every server answers this. One without sessions may say nothing else, and the client need not wait.
      connection.channel.control({ type: 'id', value: '' });
      return true;
    },

    end(by) {
      const isLost = pass || !connection.link;
      // Messages that are still being encoded count.
      if (!by && isLost) return;
      // A server acknowledges all that it has received before it closes; what is written before this end closes an open link is sent.
      const outcome = ledger && (isLost || (by === 'server' && ledger.unconfirmed)) && gap('expired');
      say('bye');
      timer?.unsubscribe();
      pass = ledger = timer = undefined;
      token = epoch = '';
      if (outcome) emit(outcome);
    },
  };

  const { transformer } = parts;
  const connect: typeof transformer.connect = (target) =>
    transformer.connect({ ...target, url: `${target.url}&_primus_session=${token ? 1 : 0}` });
  return { ...parts, transformer: { ...transformer, connect } };
};

/** Passes a link on, with the outcome and the messages that the server is missing. */
type Pass = (outcome: Resume, missing?: readonly Frame[]) => void;
