import { setImmediate } from 'node:timers';
import type { Frame } from '../../../src/core/link.js';
import type { Host } from '../../../src/server/http/host.js';
import type { Port } from '../engine/port.js';
import type { Group } from './group.js';

/** Shorter messages only grow by compression, in bytes. */
const WORTHWHILE = 1_024;

/** The number of published bytes after which a link reads its buffered amount from the engine again, as a power of two. */
const UNASKED = 16;

/** The part of a link that a broadcast needs. */
interface Member {
  send(frame: Frame): void;
  flush(): void;
  /** Adds it to a group, unless it is there already. */
  join(group: Group): void;
}

/** The bytes of messages that may be inflated in one turn of the event loop: the engine inflates while nothing else can run. */
const INFLATABLE = 33_554_432;

/** The bytes that were received in this turn by connections with compression; of all servers, as is the event loop. */
let inflated = 0;
/** The part of each link in them. */
const owners = new Map<object, number>();

let audiences = 0;

/** The open links of a server: a broadcast to all of them is published by the engine. */
export class Audience {
  readonly topic = `primus ${audiences++}`;
  readonly maxBuffer: number;
  readonly maxLength: number;
  /** The bytes published so far, in units of `UNASKED`. */
  published = 0;
  size = 0;
  /** Whether messages may be compressed, both ways. */
  readonly deflates: boolean;
  private readonly port: Port;
  private bytes = 0;

  constructor(port: Port, deflates: boolean, { maxBuffer, maxLength }: Pick<Host, 'maxBuffer' | 'maxLength'>) {
    this.port = port;
    this.deflates = deflates;
    this.maxBuffer = maxBuffer;
    this.maxLength = maxLength;
  }

  /** Whether a frame is compressed. */
  compresses(frame: Frame): boolean {
    return this.deflates && frame.length >= WORTHWHILE;
  }

  /**
   * Counts a message that may have been compressed. Returns whether it is one too many for this turn: each takes a few bytes of a segment, in
   * which there are many, and is no longer than `maxLength`.
   */
  overinflates(link: object, length: number): boolean {
    if (length < WORTHWHILE) return false;
    if (inflated === 0) setImmediate(deflate);
    inflated += length;
    const own = (owners.get(link) ?? 0) + length;
    owners.set(link, own);
    // A link with one message in this turn is not the cause.
    return inflated > INFLATABLE && own > length;
  }

  /** Sends a frame to links. The engine does it where they are all of this server, or all of a group. */
  send(links: readonly Member[], frame: Frame, group?: Group): void {
    if (group !== undefined) for (const link of links) link.join(group);
    const { topic, size } = group ?? this;
    if (links.length < size || links.length === 1) {
      for (const link of links) link.send(frame);
      return;
    }
    for (const link of links) link.flush();
    this.bytes += frame.length;
    this.published = this.bytes >>> UNASKED;
    this.port.app?.publish(topic, frame, typeof frame !== 'string', this.compresses(frame));
  }
}

function deflate(): void {
  inflated = 0;
  owners.clear();
}
