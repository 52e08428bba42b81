import type { EventEmitter } from 'node:events';
import { ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { setImmediate } from 'node:timers';
import { isDeepStrictEqual } from 'node:util';
import type { Subscription } from 'rxjs';
import { PrimusError } from '../../../src/core/errors.js';
import { exhausted$ } from '../../../src/server/descriptors.js';
import type { HttpServer } from '../../../src/server/http/host.js';
import { reject } from '../../../src/server/http/reject.js';
import type { UWSServerTransport } from '../options.js';
import type { App, EngineRequest, EngineResponse, EngineWebSocket, Settings, UWS } from './framework.js';
import { incomingMessage, isMeasured, leave, readHead, stream } from './request.js';
import { EngineSocket, type ExchangeOwner } from './socket.js';
import { checked, isSecure, makeApp } from './tls.js';

/** A path that serves WebSockets. */
export interface Route {
  readonly pathname: string;
  readonly settings: Settings;
}

const ports = new WeakMap<HttpServer, Port>();

/**
 * Returns the port of a server, which belongs to the engine from now on.
 * @throws ERR_PRIMUS_SERVER when the server listens already
 */
export function portOf(server: HttpServer, uws: UWS, transport: UWSServerTransport): Port {
  const port = ports.get(server) ?? new Port(server, uws, transport);
  ports.set(server, port);
  return port;
}

const NO_HEAD = Buffer.alloc(0);

/**
 * A server of Node.js whose port the engine owns. `listen`, `close`, `address` and their events behave as before; requests
 * and upgrades are emitted on the server.
 *
 * ```
 * listen ── is the port free? ── the engine listens ──> 'listening' ── close ── the last connection is over ──> 'close'
 *                └──> 'error'
 * ```
 */
export class Port implements ExchangeOwner {
  /** The engine, while it listens or has connections. */
  app: App | undefined;
  private readonly server: HttpServer & EventEmitter;
  private readonly uws: UWS;
  private readonly transport: UWSServerTransport;
  readonly secure: boolean;
  private readonly routes = new Set<Route>();
  /** Paths that the engine knows: it cannot forget one, and aborts the process when one is added twice. */
  private readonly installed = new Map<string, Settings>();
  private readonly exchanges = new Set<EngineSocket>();
  private links = 0;
  private listener: object | undefined;
  private bound: AddressInfo | string | null = null;
  /** Finds out whether the port is free. */
  private probe: Server | undefined;
  private closing = false;
  private exhaustion: Subscription | undefined;

  constructor(server: HttpServer, uws: UWS, transport: UWSServerTransport) {
    if ((server as { listening?: boolean }).listening)
      throw new PrimusError(
        'ERR_PRIMUS_SERVER',
        'The transformer uws owns the port, but the server is listening already; create the Primus before server.listen()',
      );
    this.server = server as HttpServer & EventEmitter;
    this.uws = uws;
    this.transport = transport;
    this.secure = isSecure(server, transport);
    if (this.secure && transport.key_file_name === undefined) checked(server as never);
    this.replaceMethods();
  }

  /**
   * Checks that a path has the settings that the engine knows it by: it cannot be given others.
   * @throws ERR_PRIMUS_OPTION
   */
  check({ pathname, settings }: Route): void {
    if (isDeepStrictEqual(this.installed.get(pathname) ?? settings, settings)) return;
    const message = `maxLength, compression and maxLifetime of ${pathname} cannot change while the server is open; close it first`;
    throw new PrimusError('ERR_PRIMUS_OPTION', `The transformer uws: ${message}`);
  }

  /** Serves WebSockets on a path. Returns a function that stops it; open connections stay. */
  open(route: Route): () => void {
    if (this.app !== undefined) this.install(this.app, route);
    this.routes.add(route);
    return () => this.routes.delete(route);
  }

  /** Replaces the server's own methods. */
  private replaceMethods(): void {
    const methods = {
      listen: (...args: unknown[]) => this.listen(args),
      close: (done?: (error?: Error) => void) => this.close(done),
      address: () => this.bound,
      closeIdleConnections: () => {},
      closeAllConnections: () => {
        for (const socket of this.exchanges) socket.destroy();
        // The port closes only after its WebSockets.
        if (this.closing) this.app?.close();
      },
      getConnections: (done: (error: null, count: number) => void) => done(null, this.exchanges.size + this.links),
    };
    Object.assign(this.server, methods);
    Object.defineProperty(this.server, 'listening', { configurable: true, get: () => this.bound !== null });
  }

  private listen(args: unknown[]): HttpServer {
    const { server } = this;
    if (this.probe !== undefined || this.bound !== null)
      throw Object.assign(new Error('Listen method has been called more than once without closing.'), {
        code: 'ERR_SERVER_ALREADY_LISTEN',
      });
    const options = listenOptions(args);
    const done = args.at(-1);
    if (typeof done === 'function') server.once('listening', done as () => void);
    // The engine shares ports, and gives no reason when it gets none: Node.js finds out, and resolves the host.
    const probe = createServer();
    this.probe = probe;
    probe.on('error', (error) => {
      this.probe = undefined;
      server.emit('error', error);
    });
    probe.listen(options, () => {
      const address = probe.address() as AddressInfo | string;
      probe.close(() => {
        if (this.probe !== probe) return;
        this.probe = undefined;
        this.start(address);
      });
    });
    return server;
  }

  private start(address: AddressInfo | string): void {
    this.closing = false;
    let app: App;
    try {
      app = this.app ?? this.makeApp();
    } catch (error) {
      this.server.emit('error', error);
      return;
    }
    this.listenAt(app, address, (socket) => {
      if (socket === false) {
        const [code, syscall] = ['EADDRINUSE', 'listen'];
        this.server.emit(
          'error',
          Object.assign(new Error(`${syscall} ${code}: another process took the port meanwhile`), { code, syscall }),
        );
        return;
      }
      this.listener = socket;
      this.bound = address;
      if (typeof address === 'object') this.exhaustion = exhausted$.subscribe((exhausted) => this.suspend(exhausted, address));
      this.server.emit('listening');
    });
  }

  /**
   * Stops and begins to listen. At the limit of file descriptors the engine would try to accept the same connection again and again, and keep
   * a core busy: the system refuses it instead.
   */
  private suspend(exhausted: boolean, address: AddressInfo): void {
    if (exhausted && this.listener !== undefined) {
      this.uws.us_listen_socket_close(this.listener);
      this.listener = undefined;
    } else if (!exhausted && this.listener === undefined && this.app !== undefined)
      this.listenAt(this.app, address, (socket) => {
        if (socket !== false) this.listener = socket;
      });
  }

  private listenAt(app: App, address: AddressInfo | string, listening: (socket: object | false) => void): void {
    if (typeof address === 'string') app.listen_unix(listening, address);
    else if (address.address === '::') app.listen(address.port, listening);
    else app.listen(address.address, address.port, listening);
  }

  private makeApp(): App {
    const app = makeApp(this.uws, this.server, this.transport);
    this.app = app;
    for (const route of this.routes) this.install(app, route);
    app.any('/*', (response, request) => this.serve(response, request, undefined));
    return app;
  }

  private install(app: App, { pathname, settings }: Route): void {
    if (this.installed.has(pathname)) return;
    this.installed.set(pathname, settings);
    const behavior = {
      ...settings,
      // The library terminates slow consumers.
      maxBackpressure: 0,
      // The library has its own heartbeat.
      idleTimeout: 0,
      sendPingsAutomatically: false,
      upgrade: (response: EngineResponse, request: EngineRequest, context: object) => {
        if (this.serves(pathname)) this.serve(response, request, context);
        else request.setYield(true);
      },
      open: (socket: EngineWebSocket) => {
        this.links++;
        socket.listener.opened(socket);
      },
      message: (socket: EngineWebSocket, data: ArrayBuffer, isBinary: boolean) => socket.listener.received(data, isBinary),
      ping: (socket: EngineWebSocket) => socket.listener.answered(),
      drain: (socket: EngineWebSocket) => socket.listener.drained(),
      close: (socket: EngineWebSocket, code: number, reason: ArrayBuffer) => {
        this.links--;
        socket.listener.closed(code, Buffer.from(reason).toString());
        this.closeWhenIdle();
      },
    };
    app.ws(pathname, behavior);
    app.ws(pathname === '/' ? '/*' : `${pathname}/*`, behavior);
  }

  private serves(pathname: string): boolean {
    for (const route of this.routes) if (route.pathname === pathname) return true;
    return false;
  }

  /** Emits a request on the server, as Node.js would. */
  private serve(response: EngineResponse, engineRequest: EngineRequest, context: object | undefined): void {
    const { server } = this;
    const head = readHead(engineRequest);
    if (!isMeasured(head)) {
      // After an answer the engine would read on, and take the rest for the next request.
      response.close();
      return;
    }
    const { method, headers } = head;
    const key = headers['sec-websocket-key'] ?? '';
    const extensions = headers['sec-websocket-extensions'] ?? '';
    const socket = new EngineSocket(response, this, method, context && { context, key, extensions });
    socket.closing = this.closing;
    this.exchanges.add(socket);
    const request = incomingMessage(head, socket);
    if (server.listenerCount('upgrade') > 0 && headers.upgrade !== undefined && /\bupgrade\b/i.test(headers.connection ?? '')) {
      server.emit('upgrade', request, socket, NO_HEAD);
      socket.stopReading();
      return;
    }
    stream(response, request, socket);
    const answer = new ServerResponse(request);
    answer.assignSocket(socket as unknown as Socket);
    answer.on('finish', () => socket.end());
    socket.on('close', () => leave(request, answer.writableFinished));
    socket.on('drain', () => answer.writableNeedDrain && answer.emit('drain'));
    if (!server.emit('request', request, answer)) reject(answer, 404);
  }

  exchangeEnded(socket: EngineSocket): void {
    if (this.exchanges.delete(socket)) this.closeWhenIdle();
  }

  private close(done?: (error?: Error) => void): HttpServer {
    const { server } = this;
    if (this.probe === undefined && this.bound === null) {
      const error = Object.assign(new Error('Server is not running.'), { code: 'ERR_SERVER_NOT_RUNNING' });
      if (done !== undefined) process.nextTick(done, error);
      return server;
    }
    if (done !== undefined) server.once('close', done);
    if (this.listener !== undefined) this.uws.us_listen_socket_close(this.listener);
    this.exhaustion?.unsubscribe();
    this.probe = this.listener = undefined;
    this.bound = null;
    this.closing = true;
    for (const socket of this.exchanges) socket.closing = true;
    this.closeWhenIdle();
    return server;
  }

  /** Emits `close` after the last connection, once the port is closed. */
  private closeWhenIdle(): void {
    if (!this.closing || this.exchanges.size > 0 || this.links > 0) return;
    this.closing = false;
    const { app } = this;
    this.app = undefined;
    this.installed.clear();
    // Not inside a callback of the engine.
    setImmediate(() => {
      // Closes the idle connections, before a listener of `close` can listen again.
      app?.close();
      setImmediate(() => this.server.emit('close'));
    });
  }
}

/** Parses the arguments of `server.listen`. */
function listenOptions([first, second]: unknown[]): ListenOptions {
  if (typeof first === 'string' && !/^\d+$/.test(first)) return { path: first };
  if (typeof first !== 'object' || first === null)
    return { port: typeof first === 'function' ? 0 : Number(first ?? 0), ...(typeof second === 'string' && { host: second }) };
  if ('fd' in first || '_handle' in first)
    throw new PrimusError('ERR_PRIMUS_OPTION', 'The transformer uws cannot listen on an open handle (fd); pass a port or a path');
  return first;
}
