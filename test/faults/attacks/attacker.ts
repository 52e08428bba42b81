import { once, setMaxListeners } from 'node:events';
import type { Socket } from 'node:net';
import type { ServerOptions } from 'primus-rx';
import type { ApplicationSettings } from '../server/application.js';
import type { Target } from '../target.js';
import { DIALECTS, type Dialect, POLLING, type PollingDialect, type PollRequest, requestText } from '../wire/dialects.js';
import { readUntil, Sockets, write } from '../wire/socket.js';
import { frame, handshake, TEXT } from '../wire/websocket.js';

/** Describes one way to harm a server. */
export interface Attack {
  name: string;
  /** The number in the list of scenarios. */
  scenario: number;
  /** Settings of the application under attack. */
  application?: ApplicationSettings;
  options?: ServerOptions;
  /** The longest time in ms until the server is through with what was sent, and closes the last connection. Default: 10 s. */
  settles?: number;
  /** Whether it applies to the server. Default: to every one. */
  appliesTo?(attacker: Attacker): boolean;
  /** Resolves when the attacker is through; at the latest a little after the signal. */
  run(attacker: Attacker): Promise<unknown>;
}

/** A raw client with its connections to a server. */
export class Attacker {
  readonly target: Target;
  readonly sockets: Sockets;
  /** Aborted when the time of the attack is over. */
  readonly signal: AbortSignal;
  readonly duration: number;
  readonly dialect: Dialect | undefined;
  readonly polling: PollingDialect | undefined;
  readonly compression: boolean;
  /** Whether the parser of the server has bytes as frames. */
  readonly isBinary: boolean;

  constructor(target: Target, duration: number) {
    const { transformer, parser = 'json', compression = false } = target.settings;
    this.isBinary = parser === 'msgpack' || parser === 'binary';
    this.target = target;
    this.sockets = new Sockets(target.port);
    this.duration = duration;
    this.signal = AbortSignal.timeout(duration);
    setMaxListeners(0, this.signal);
    this.dialect = DIALECTS[transformer];
    this.polling = POLLING[transformer];
    this.compression = compression;
  }

  /** Whether there is time left, and a server. */
  get goesOn(): boolean {
    return !this.signal.aborted && this.target.server.failure === undefined;
  }

  write(socket: Socket, data: string | Buffer): Promise<void> {
    return write(socket, data, this.signal);
  }

  /** Opens a WebSocket; the socket reads and drops what arrives until it is paused. It is closed when the server has rejected it. */
  async webSocket(query = 'silent'): Promise<Socket> {
    const { dialect, compression } = this;
    if (dialect === undefined) throw new Error(`${this.target.settings.transformer} has no WebSocket`);
    const socket = await this.sockets.connect();
    socket.write(handshake(dialect.target(query), { compression }));
    const answer = await readUntil(socket, /\r\n\r\n/);
    socket.resume();
    if (/^HTTP\/1.1 101 /.test(answer)) for (const text of dialect.greeting) socket.write(frame(TEXT, text));
    else if (!socket.destroyed) await once(socket.destroy(), 'close');
    return socket;
  }

  /** Opens that many WebSockets, fifty at a time. */
  async webSockets(count: number, query?: string): Promise<Socket[]> {
    const sockets: Socket[] = [];
    while (sockets.length < count) {
      const some = Math.min(50, count - sockets.length);
      sockets.push(...(await Promise.all(Array.from({ length: some }, () => this.webSocket(query)))));
    }
    return sockets;
  }

  /** A frame of a WebSocket with a message that is JSON already. */
  message(json: string): Buffer {
    return frame(TEXT, this.dialect?.wrap(json) ?? json);
  }

  /** Opens a session over requests. */
  async session(query = 'silent'): Promise<Session> {
    const { polling } = this;
    if (polling === undefined) throw new Error(`${this.target.settings.transformer} has no sessions over requests`);
    const socket = await this.sockets.connect();
    const opening = polling.open(query);
    const text = requestText(opening);
    socket.write(text);
    const answer = await readUntil(socket, /\r\n\r\n[\s\S]+(?:\n|\}|\])/);
    socket.resume();
    return new Session(this, polling, socket, polling.session(answer, opening) ?? 'none');
  }

  async sessions(count: number, query?: string): Promise<Session[]> {
    const sessions: Session[] = [];
    while (sessions.length < count) {
      const some = Math.min(50, count - sessions.length);
      sessions.push(...(await Promise.all(Array.from({ length: some }, () => this.session(query)))));
    }
    return sessions;
  }
}

/** A session over requests, whose requests are pipelined on one socket. */
export class Session {
  readonly socket: Socket;
  readonly id: string;
  readonly #attacker: Attacker;
  readonly #polling: PollingDialect;
  #turn = 0;

  constructor(attacker: Attacker, polling: PollingDialect, socket: Socket, id: string) {
    this.#attacker = attacker;
    this.#polling = polling;
    this.socket = socket;
    this.id = id;
  }

  request(request: PollRequest): Promise<void> {
    return this.#attacker.write(this.socket, requestText(request));
  }

  /** Sends messages, which are JSON already. */
  send(messages: readonly string[]): Promise<void> {
    return this.request(this.#polling.send(this.id, messages, ++this.#turn));
  }

  poll(): Promise<void> {
    return this.request(this.#polling.poll(this.id));
  }

  /** The request of a poll, on a socket of its own, which is not read. */
  async pollElsewhere(): Promise<Socket> {
    const socket = await this.#attacker.sockets.connect();
    socket.pause();
    socket.write(requestText(this.#polling.poll(this.id)));
    return socket;
  }
}

/** Calls a task again and again in that many places until it is over. */
export async function everywhere(count: number, task: (place: number) => Promise<unknown>): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, place) => task(place)));
}
