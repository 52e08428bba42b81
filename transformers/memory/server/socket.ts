import { Duplex } from 'node:stream';
import type { Handshake, MemoryNetwork } from '../network.js';

/** Stands for the TCP connection of a handshake: takes the answer of whoever refuses it. */
export class MemorySocket extends Duplex {
  readonly remoteAddress = '127.0.0.1';
  readonly remotePort = 1;
  private readonly handshake: Handshake;
  private answer = '';

  constructor(handshake: Handshake) {
    super();
    this.handshake = handshake;
  }

  accept(network: MemoryNetwork, maxLength: number) {
    const [ours, theirs] = network.pair(maxLength);
    network.scheduler.schedule(() => {
      // Cut while the answer was under way: it never comes through.
      if (network.has(theirs)) this.handshake.accepted(theirs);
      else this.handshake.refused({ reason: 'The line was cut' });
    }, network.latency);
    return ours;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.answer += chunk.toString();
    done();
  }

  override _final(done: () => void): void {
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(this.answer)?.[1]);
    const retryAfter = Number(/\r\nretry-after: (\d+)/i.exec(this.answer)?.[1] ?? 0) * 1000;
    const authenticate = /\r\nwww-authenticate: (.*)\r\n/i.exec(this.answer)?.[1];
    const body = this.answer.slice(this.answer.indexOf('\r\n\r\n') + 4);
    this.handshake.refused({ status, reason: messageOf(body), retryAfter: retryAfter || undefined, authenticate });
    done();
  }
}

function messageOf(body: string): string | undefined {
  try {
    return (JSON.parse(body) as { error?: string }).error;
  } catch {
    return undefined;
  }
}
