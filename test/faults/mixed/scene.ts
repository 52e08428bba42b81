import { setTimeout as pause } from 'node:timers/promises';
import Primus from 'primus-rx';
import type { Random } from '../fuzz/random.js';
import { Laboratory } from '../laboratory/laboratory.js';
import type { Target } from '../target.js';
import { DIALECTS, type Dialect, POLLING, type PollingDialect, requestText } from '../wire/dialects.js';
import { readUntil, type Sockets } from '../wire/socket.js';
import { frame, handshake, TEXT } from '../wire/websocket.js';

/** A message with its length, so that its receiver can check that it is whole. */
export interface Checked {
  data: string;
  length: number;
}

export type Client = InstanceType<ReturnType<typeof Primus.createSocket>>;

/** The means of one fault: a client of the library behind a laboratory of its own, and raw sockets. */
export class Scene {
  readonly random: Random;
  readonly target: Target;
  readonly sockets: Sockets;
  readonly dialect: Dialect | undefined;
  readonly polling: PollingDialect | undefined;
  readonly #closers: (() => void)[] = [];

  constructor(target: Target, sockets: Sockets, random: Random) {
    this.target = target;
    this.sockets = sockets;
    this.random = random;
    this.dialect = DIALECTS[target.settings.transformer];
    this.polling = POLLING[target.settings.transformer];
  }

  /** A client that is connected through a laboratory, and checks the messages that it gets. */
  async client(): Promise<{ client: Client; lab: Laboratory }> {
    const lab = await Laboratory.start(this.target.port);
    const { transformer, compression = false } = this.target.settings;
    const Socket = Primus.createSocket({ transformer, compression });
    const client = new Socket(lab.url, {
      strategy: 'online, timeout, disconnect',
      timeout: 3_000,
      reconnect: { min: 20, max: 100 },
    });
    client.on('error', () => {});
    client.on('data', (message: unknown) => {
      if (!isWhole(message))
        throw new Error(`A message arrived in part: ${(message as Checked).data.length} of ${(message as Checked).length}`);
    });
    this.#closers.push(() => {
      client.destroy();
      void lab.close();
    });
    await this.until(() => client.readyState === 3);
    return { client, lab };
  }

  /** A message of that many characters. */
  checked(length: number): Checked {
    return { data: 'x'.repeat(length), length };
  }

  /** A raw WebSocket that is open, or a raw session over requests and its id. */
  async raw() {
    const socket = await this.sockets.connect();
    if (this.dialect !== undefined) {
      socket.write(handshake(this.dialect.target('')));
      await readUntil(socket, /\r\n\r\n/);
      for (const text of this.dialect.greeting) socket.write(frame(TEXT, text));
    }
    return socket;
  }

  /** Opens a session over requests on a socket of its own. */
  async session() {
    const { polling } = this;
    if (polling === undefined) throw new Error('It has no sessions over requests');
    const socket = await this.sockets.connect();
    const opening = polling.open('');
    socket.write(requestText(opening));
    const answer = await readUntil(socket, /\r\n\r\n[\s\S]+(?:\n|\}|\])/);
    return { socket, polling, id: polling.session(answer, opening) ?? 'none' };
  }

  pause(least: number, most: number): Promise<void> {
    return pause(this.random.int(least, most));
  }

  /** Waits for a condition, but not for ever: a fault may make it impossible. */
  async until(condition: () => boolean, ms = 5_000): Promise<void> {
    const deadline = performance.now() + ms;
    while (!condition() && performance.now() < deadline) await pause(5);
  }

  close(): void {
    for (const close of this.#closers) close();
  }
}

/** Whether a message is one that was sent as it is. Others are not checked. */
export function isWhole(message: unknown): boolean {
  const { data, length } = (typeof message === 'object' && message !== null ? message : {}) as Partial<Checked>;
  return typeof data !== 'string' || data.length === length;
}
