import type { Frame } from '../../../src/core/link.js';
import type { Port } from '../engine/port.js';
import type { UWSLink } from './link.js';

/** Messages shorter than this only grow by compression, in bytes. */
const WORTHWHILE = 1_024;

/** So many published bytes may pass before a link asks the engine anew what waits for it, as a power of two. */
const UNASKED = 16;

let audiences = 0;

/** The open links of a server: what is for all of them the engine publishes. */
export class Audience {
  readonly topic = `primus ${audiences++}`;
  readonly maxBuffer: number;
  /** How much was published, in units of `UNASKED`. */
  published = 0;
  size = 0;
  private readonly port: Port;
  private readonly deflates: boolean;
  private bytes = 0;

  constructor(port: Port, deflates: boolean, maxBuffer: number) {
    this.port = port;
    this.deflates = deflates;
    this.maxBuffer = maxBuffer;
  }

  /** Whether a frame goes compressed. */
  squeezes(frame: Frame): boolean {
    return this.deflates && frame.length >= WORTHWHILE;
  }

  send(links: readonly UWSLink[], frame: Frame): void {
    if (links.length < this.size || links.length === 1) {
      for (const link of links) link.send(frame);
      return;
    }
    for (const link of links) link.flush();
    this.bytes += frame.length;
    this.published = this.bytes >>> UNASKED;
    this.port.app?.publish(this.topic, frame, typeof frame !== 'string', this.squeezes(frame));
  }
}
