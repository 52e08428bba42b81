import type { ChannelGap, ChannelRequest, WirePosition } from '../src/core/channel-words.js';
import { PrimusError } from '../src/core/errors.js';
import type { ClientChannel, Recovery } from './channel.js';
import { createSource } from './channel-source.js';
import type { Primus } from './primus.js';

/** The connection to the server, as far as a membership uses it. */
export interface ChannelConnection {
  /** Sends a request over this connection. */
  request(word: ChannelRequest): void;
  /** Whether requests can be sent now. If not, `synchronize` is called when they can. */
  isOpen(): boolean;
}

/** A client in a channel: tells the server what it does not know yet, and handles what the server says. */
export interface Membership {
  readonly channel: ClientChannel;
  /** The server has another spark for the client: it knows nothing. */
  forget(): void;
  /** Tells the server what it does not know yet. What it has refused it is asked again over another connection. */
  synchronize(isNewConnection?: boolean): void;
  /** Handles a message of the server. One that is malformed, or about an earlier subscription, is dropped. */
  receive(word: readonly unknown[]): void;
  /** The server does not subscribe the client. */
  refuse(reason: unknown): void;
}

// What the server knows of the client in a channel.
const UNKNOWN = 0;
/** The client has left, and the server does not know it yet. */
const LEFT = 1;
/** It does not subscribe the client over this connection. */
const REFUSED = 2;
/** It was asked to subscribe the client, and has not answered. */
const ASKED = 3;
const SUBSCRIBED = 4;

/** Creates the membership of a client in a channel. */
export function createMembership(
  client: Primus,
  { request, isOpen }: ChannelConnection,
  name: string,
  { since: first = null, presence: wantsPresence = false }: { since?: 'head' | null; presence?: boolean },
): Membership {
  let subscribers = 0;
  let known = UNKNOWN;
  /** Whether a connection was lost, or the client refused, since it was subscribed. */
  let isInterrupted = false;
  /** Where the client goes on when it subscribes again. */
  let since: WirePosition | 'head' | null = first;
  let epoch = '';
  /** The offset of the latest message. */
  let latest = 0;
  /** The subscriptions of this connection that are not answered yet, and the id of the last one, if others were not answered before it. */
  let unanswered = 0;
  let id: number | undefined;
  /** The number of messages that follow until the channel is live. */
  let missed = 0;

  const count = (change: number): void => {
    subscribers += change;
    if (subscribers === 0) {
      if (known !== LEFT) known = known < ASKED ? UNKNOWN : LEFT;
      isInterrupted = false;
      since = first;
      epoch = '';
      latest = missed = 0;
      recovery.latest = presence.latest = undefined;
    }
    synchronize();
  };
  const data = createSource<unknown>(client, count);
  const recovery = createSource<Recovery>(client);
  const presence = createSource<ReadonlyMap<string, unknown>>(client, count);

  const synchronize = (isNewConnection = false): void => {
    if (!isOpen()) return;
    if (isNewConnection && known === REFUSED) known = UNKNOWN;
    if (subscribers > 0 && known < REFUSED) {
      known = ASKED;
      id = unanswered ? (id ?? 0) + 1 : undefined;
      unanswered += 1;
      request(['primus::subscribe', name, since, { presence: wantsPresence, ...(id && { id }) }]);
    } else if (subscribers === 0 && known === LEFT) {
      known = UNKNOWN;
      request(['primus::unsubscribe', name]);
    }
  };

  const emitRecovery = (value: Recovery, count = 0): void => {
    missed = count;
    recovery.emit(value, true);
  };

  const goLive = (): void => emitRecovery({ type: 'live' });

  const emitGap = (reason: unknown): void => emitRecovery({ type: 'gap', reason: reason as ChannelGap });

  const lose = (to: number): void => {
    isInterrupted ||= known === SUBSCRIBED;
    known = to;
  };

  const fail = (action: unknown, reason: unknown): void =>
    client.connection.fail(new PrimusError('ERR_PRIMUS_CHANNEL', `The server refuses to ${action} to '${name}': ${reason}`));

  const refuse = (reason: unknown): void => {
    if (known < ASKED) return;
    lose(REFUSED);
    emitGap('refused');
    fail('subscribe', reason);
  };

  const moveTo = (position: WirePosition | null | undefined): void => {
    if (!position) return;
    if (position[0] !== epoch) latest = 0;
    since = position;
    epoch = position[0];
  };

  const subscribed = (outcome: unknown, position: WirePosition | null | undefined, rest: unknown): void => {
    // Without a position the server cannot know what was published meanwhile.
    const isBlind = isInterrupted && (since === 'head' || !position);
    const before = since;
    if (outcome !== 'live' && outcome !== 'gap' && !(position && isCount(rest))) return;
    known = SUBSCRIBED;
    isInterrupted = false;
    moveTo(position);
    if (outcome === 'gap') emitGap(rest);
    else if (outcome === 'live') {
      if (!position) since = 'head';
      if (isBlind) emitGap('no history');
      else goLive();
    } else {
      // Should the connection be lost before they arrive, they are asked for again.
      if (rest) since = before;
      emitRecovery({ type: 'recovered', count: rest as number }, rest as number);
      if (!rest) goLive();
    }
  };

  const receiveMessage = (message: unknown, offset: number | null | undefined): void => {
    // After two subscriptions in a row a message may come twice.
    if (offset == null || offset > latest) {
      latest = offset ?? latest;
      if (offset != null && epoch) since = [epoch, offset];
      data.emit(message);
    }
    if (missed > 0 && --missed === 0) goLive();
  };

  const changePresence = (joined: unknown[], left: unknown[], isWhole: unknown): void => {
    const present = new Map(isWhole ? [] : presence.latest);
    for (const id of left) present.delete(id as string);
    for (const entry of joined) if (Array.isArray(entry) && typeof entry[0] === 'string') present.set(entry[0], entry[1]);
    presence.emit(present, true);
  };

  return {
    channel: {
      name,
      data$: data.value$,
      recovery$: recovery.value$,
      presence$: presence.value$,
      publish: (data) => client._write(['primus::publish', name, data]),
    },
    forget() {
      lose(UNKNOWN);
      unanswered = 0;
    },
    synchronize,
    receive([type, , a, b, c, d]) {
      const isPlaced = b == null || isPosition(b);
      if (type === 'primus::refused') {
        if (a === 'publish') fail(a, b);
        else {
          unanswered -= 1;
          refuse(b);
        }
      }
      if (type === 'primus::subscribed') {
        unanswered -= 1;
        // That of an earlier subscription is followed by messages that this one has not asked for.
        if (d === id && known > LEFT && isPlaced) subscribed(a, b, c);
      }
      if (known < SUBSCRIBED) return;
      if (type === 'primus::message' && (b == null || isCount(b))) receiveMessage(a, b);
      if (type === 'primus::presence' && Array.isArray(a) && Array.isArray(b)) changePresence(a, b, c);
      if (type === 'primus::gap' && isPlaced) {
        moveTo(b);
        emitGap(a);
      }
    },
    refuse,
  };
}

function isPosition(value: unknown): value is WirePosition {
  return Array.isArray(value) && typeof value[0] === 'string' && isCount(value[1]);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
