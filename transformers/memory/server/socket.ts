import { Duplex } from 'node:stream';
import type { MemoryHandshake, MemoryNetwork } from '../network.js';

/** Stands for the TCP socket of a handshake. What is written to it is the HTTP answer of a rejection. */
export class MemorySocket extends Duplex {
  readonly remoteAddress = '127.0.0.1';
  readonly remotePort = 1;
  private readonly handshake: MemoryHandshake;
  private answer = '';

  constructor(handshake: MemoryHandshake) {
    super();
    this.handshake = handshake;
  }

  accept(network: MemoryNetwork, maxLength: number) {
    const [ours, theirs] = network.pair(this.handshake, maxLength);
    network.carry(theirs, () => {
      // The network may have failed while the answer was under way.
      if (network.has(theirs)) this.handshake.accepted(theirs);
      else this.handshake.rejected({ reason: 'The connection was terminated during the handshake' });
    });
    // The handshake is over: emits `close`.
    this.destroy();
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
    this.handshake.rejected({ status, reason: messageOf(body), retryAfter: retryAfter || undefined, authenticate });
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
