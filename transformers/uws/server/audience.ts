import type { Frame } from '../../../src/core/link.js';
import type { Host } from '../../../src/server/http/host.js';
import type { Port } from '../engine/port.js';
import type { Group } from './group.js';

/** Shorter messages only grow by compression, in bytes. */
export const WORTHWHILE = 1_024;

/** The number of published bytes after which a link reads its buffered amount from the engine again, as a power of two. */
const UNASKED = 16;

/** The part of a link that a broadcast needs. */
interface Member {
  send(frame: Frame): void;
  flush(): void;
  /** Adds it to a group, unless it is there already. */
  join(group: Group): void;
}

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
