import { parsePacket } from '../../src/cluster/packets.js';
import type { ChannelMessage, WirePosition } from '../../src/core/channel-words.js';
import type { Link } from '../../src/core/link.js';
import type { MemoryNetwork } from '../../transformers/memory/index.js';
import type { LoggedEntry, SimulatedEngine } from './simulated-bus.js';

/** A node as its clients see it. */
interface Address {
  readonly network: MemoryNetwork;
  readonly instance: string;
}

/** A client that speaks the words of channels itself, remembers its position, and checks what it gets. */
export class ChannelClient {
  readonly name: string;
  /** The id of its spark. */
  id: string | undefined;
  isSubscribed = false;
  /** Behind which message it is. */
  position: { readonly epoch: string; readonly offset: number } | undefined;
  /** The last message of the channel. */
  latest: unknown;
  /** The reasons of all gaps. */
  readonly gaps: string[] = [];
  /** The offsets of the present subscription. */
  offsets: number[] = [];
  readonly present = new Map<string, unknown>();
  /** The numbers of the messages to the room, by sender, of the present connection. */
  readonly rooms = new Map<string, number[]>();
  #link: Link | undefined;
  /** Distinguishes the connections. */
  #connection = 0;
  #queue: unknown[] = [];
  /** All messages since it asked for everything. */
  readonly #received = new Set<number>();
  /** The last message; `undefined` where the next one need not follow it. */
  #last: LoggedEntry | undefined;
  #wanted: string | undefined;
  /** How many subscriptions have no answer yet. The answer brings what follows the position that it has named. */
  #asked = 0;
  readonly #engine: SimulatedEngine;
  readonly #violate: (violation: string) => void;

  constructor(name: string, engine: SimulatedEngine, violate: (violation: string) => void) {
    this.name = name;
    this.#engine = engine;
    this.#violate = (text) => violate(`${text} (${name}, at ${engine.clock.now()} ms)`);
  }

  /** Connects, and subscribes again behind the position. */
  connect({ network }: Address): void {
    this.disconnect();
    this.rooms.clear();
    const connection = this.#connection;
    network.dial({
      url: 'http://node/primus',
      maxLength: 1e9,
      accepted: (link) => {
        if (connection !== this.#connection) return link.close();
        this.#link = link;
        link.subscribe({
          // What was under way when it closed is no message of its next connection.
          next: (frame) => connection === this.#connection && this.#receive(String(frame)),
          complete: () => this.#closed(connection),
          error: () => this.#closed(connection),
        });
        link.send(JSON.stringify('primus::id::'));
        for (const word of this.#queue.splice(0)) link.send(JSON.stringify(word));
      },
      rejected: () => {},
    });
    if (this.#wanted !== undefined) this.subscribe(this.#wanted);
  }

  disconnect(): void {
    const link = this.#link;
    this.#closed(this.#connection);
    link?.close();
  }

  /** Subscribes behind the position, if there is one. */
  subscribe(channel: string, from: 'position' | 'head' | null = 'position'): void {
    this.#wanted = channel;
    const { position } = this;
    const since = from === 'position' ? position && [position.epoch, position.offset] : from;
    if (from !== 'position') this.#last = undefined;
    this.#asked += 1;
    this.#say(['primus::subscribe', channel, since ?? null, { presence: true }]);
  }

  unsubscribe(channel: string): void {
    this.#wanted = undefined;
    this.isSubscribed = false;
    this.present.clear();
    this.#say(['primus::unsubscribe', channel]);
  }

  #say(word: unknown): void {
    if (this.#link === undefined) this.#queue.push(word);
    else this.#link.send(JSON.stringify(word));
  }

  #closed(connection: number): void {
    if (connection !== this.#connection) return;
    this.#connection += 1;
    this.#link = undefined;
    this.#queue = [];
    this.#asked = 0;
    this.id = undefined;
    this.isSubscribed = false;
    this.present.clear();
  }

  #receive(frame: string): void {
    let message: unknown;
    try {
      message = JSON.parse(frame);
    } catch {
      return this.#violate(`${frame} is no message`);
    }
    if (typeof message === 'string') {
      const id = /^primus::id::(.+)$/.exec(message)?.[1];
      if (id !== undefined) this.id = id;
    } else if (Array.isArray(message)) this.#handle(message as unknown as ChannelMessage);
    else this.#receiveRoom(Object(message) as { by: string; n: number });
  }

  #receiveRoom({ by, n }: { by: string; n: number }): void {
    const numbers = this.rooms.get(by) ?? [];
    this.rooms.set(by, numbers);
    if (n <= (numbers.at(-1) ?? 0)) this.#violate(`law 1: ${n} of ${by} behind ${numbers.at(-1)}`);
    numbers.push(n);
  }

  #handle(word: ChannelMessage): void {
    const [type] = word;
    if (type === 'primus::message') this.#message(word[2] as number, word[3]);
    else if (type === 'primus::gap') {
      if (this.#asked > 0) return;
      this.gaps.push(word[2]);
      this.#start(word[3]);
    } else if (type === 'primus::presence') this.#presence(word);
    else if (type === 'primus::refused') this.#violate(`refused: ${word[3]}`);
    else this.#subscribed(word);
  }

  #subscribed(word: ChannelMessage): void {
    if (word[0] !== 'primus::subscribed') return;
    this.#asked -= 1;
    if (this.#asked > 0) return;
    this.isSubscribed = this.#wanted !== undefined;
    this.offsets = [];
    const [, , outcome, position] = word;
    if (outcome === 'gap') this.gaps.push(word[4]);
    if (outcome === 'live') this.#received.clear();
    if (outcome !== 'recovered') return this.#start(position ?? null);
    if (position[0] !== this.position?.epoch || position[1] !== this.position.offset)
      this.#violate(`law 2: recovered from ${position}, and it was at ${JSON.stringify(this.position)}`);
    // An engine that keeps its epoch when a copy takes over cannot tell a client that was away meanwhile.
    if (this.#last !== undefined && !this.#isPresent(this.#last)) this.#last = undefined;
  }

  #presence([, , joined, left, isWhole]: Extract<ChannelMessage, readonly ['primus::presence', ...unknown[]]>): void {
    if (isWhole) this.present.clear();
    for (const [id, info] of joined) this.present.set(id, info);
    for (const id of left) this.present.delete(id);
  }

  /** The next message follows a position, and no other message. */
  #start(position: WirePosition | null): void {
    this.#last = undefined;
    this.offsets = [];
    this.position = position === null ? undefined : { epoch: position[0], offset: position[1] };
  }

  #message(number: number, offset: number | undefined): void {
    if (this.#wanted === undefined || this.#asked > 0) return;
    this.latest = number;
    const entry = this.#entryOf(number);
    if (entry === undefined) return this.#violate(`law 2: ${number} was not published`);
    const { at } = entry.delivery;
    const before = entry.before?.delivery.at.offset ?? 0;
    if (at.offset !== offset) this.#violate(`law 2: ${number} has the offset ${offset}, and not ${at.offset}`);
    if (this.#last !== undefined && entry.before !== this.#last)
      this.#violate(`law ${at.epoch === this.#last.delivery.at.epoch ? 2 : 3}: ${print(entry)} follows ${print(this.#last)}`);
    else if (this.position !== undefined && (at.epoch !== this.position.epoch || before !== this.position.offset))
      this.#violate(`law 2: ${print(entry)} follows the position ${JSON.stringify(this.position)}`);
    if (this.#received.has(number)) this.#violate(`law 2: ${print(entry)} twice`);
    this.#received.add(number);
    this.#last = entry;
    this.position = at;
    this.offsets.push(at.offset);
  }

  /** Whether a message is in the history as it is now. */
  #isPresent(entry: LoggedEntry): boolean {
    let candidate = this.#engine.logs.get(entry.delivery.topic)?.last;
    while (candidate !== undefined && candidate !== entry) candidate = candidate.before;
    return candidate === entry;
  }

  /** Returns the entry of a message; after a restart of the engine there are several. */
  #entryOf(number: number): LoggedEntry | undefined {
    const candidates = this.#engine.entries.filter(({ delivery }) => Number(parsePacket(delivery.data)?.frame) === number);
    return candidates.find(({ delivery }) => delivery.at.epoch === this.position?.epoch) ?? candidates.at(-1);
  }
}

function print({ delivery: { at, data } }: LoggedEntry): string {
  return `${parsePacket(data)?.frame} at ${at.epoch} ${at.offset}`;
}
