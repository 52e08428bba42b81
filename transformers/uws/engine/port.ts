import type { EventEmitter } from 'node:events';
import { ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { PrimusError } from '../../../src/core/errors.js';
import type { HttpServer } from '../../../src/server/http/host.js';
import { reject } from '../../../src/server/http/reject.js';
import type { UWSServerTransport } from '../options.js';
import type { App, EngineRequest, EngineResponse, EngineWebSocket, Settings, UWS } from './framework.js';
import { incomingMessage, isMeasured, leave, linesOf, stream } from './request.js';
import { EngineSocket, type Owner } from './socket.js';
import { checked, isSecure, makeApp } from './tls.js';

/** One path where WebSockets may begin. */
export interface Route {
  readonly pathname: string;
  readonly settings: Settings;
}

const ports = new WeakMap<HttpServer, Port>();

/** The port of a server, which is the engine's from now on. */
export function portOf(server: HttpServer, uws: UWS, transport: UWSServerTransport): Port {
  const port = ports.get(server) ?? new Port(server, uws, transport);
  ports.set(server, port);
  return port;
}

const NO_HEAD = Buffer.alloc(0);

/**
 * A server of Node whose port the engine owns. `listen`, `close`, `address` and the events that go with them are what they
 * were; requests and upgrades are told to the server's listeners.
 *
 * ```
 * listen ── is the port free? ── the engine listens ──> 'listening' ── close ── the last connection is over ──> 'close'
 *                └──> 'error'
 * ```
 */
export class Port implements Owner {
  /** The engine, while it listens or has connections. */
  app: App | undefined;
  private readonly server: HttpServer & EventEmitter;
  private readonly uws: UWS;
  private readonly transport: UWSServerTransport;
  readonly secure: boolean;
  private readonly routes = new Set<Route>();
  /** What the engine has been told of, and is never to be told again: it forgets nothing, and aborts at a second time. */
  private readonly installed = new Map<string, Settings>();
  private readonly exchanges = new Set<EngineSocket>();
  private links = 0;
  private listener: object | undefined;
  private bound: AddressInfo | string | null = null;
  /** What finds out whether the port is free. */
  private opening: Server | undefined;
  private closing = false;

  constructor(server: HttpServer, uws: UWS, transport: UWSServerTransport) {
    if ((server as { listening?: boolean }).listening)
      throw new PrimusError('ERR_PRIMUS_SERVER', 'The transformer uws owns the port: make the Primus before the server listens');
    this.server = server as HttpServer & EventEmitter;
    this.uws = uws;
    this.transport = transport;
    this.secure = isSecure(server, transport);
    if (this.secure && transport.key_file_name === undefined) checked(server as never);
    this.take();
  }

  /** A clear error when the engine was told otherwise of a path, and cannot be told anew. */
  check({ pathname, settings }: Route): void {
    if (isDeepStrictEqual(this.installed.get(pathname) ?? settings, settings)) return;
    const message = `maxLength, maxBuffer, compression and maxLifetime of ${pathname} cannot change before the server is closed`;
    throw new PrimusError('ERR_PRIMUS_OPTION', `The transformer uws: ${message}`);
  }

  /** From here on WebSockets may begin on a path. Returns how to take that back; those that are open go on. */
  open(route: Route): () => void {
    if (this.app !== undefined) this.install(this.app, route);
    this.routes.add(route);
    return () => this.routes.delete(route);
  }

  /** What the server's own methods do from now on. */
  private take(): void {
    const methods = {
      listen: (...args: unknown[]) => this.listen(args),
      close: (done?: (error?: Error) => void) => this.close(done),
      address: () => this.bound,
      closeIdleConnections: () => {},
      closeAllConnections: () => {
        for (const socket of this.exchanges) socket.destroy();
        // Whoever waits for the end of the port waits for WebSockets, too.
        if (this.closing) this.app?.close();
      },
      getConnections: (done: (error: null, count: number) => void) => done(null, this.exchanges.size + this.links),
    };
    Object.assign(this.server, methods);
    Object.defineProperty(this.server, 'listening', { configurable: true, get: () => this.bound !== null });
  }

  private listen(args: unknown[]): HttpServer {
    const { server } = this;
    if (this.opening !== undefined || this.bound !== null)
      throw Object.assign(new Error('Listen method has been called more than once without closing.'), {
        code: 'ERR_SERVER_ALREADY_LISTEN',
      });
    const options = where(args);
    const done = args.at(-1);
    if (typeof done === 'function') server.once('listening', done as () => void);
    // The engine shares ports, and never says why it got none: Node finds out, and the name of the host.
    const probe = createServer();
    this.opening = probe;
    probe.on('error', (error) => {
      this.opening = undefined;
      server.emit('error', error);
    });
    probe.listen(options, () => {
      const address = probe.address() as AddressInfo | string;
      probe.close(() => {
        if (this.opening !== probe) return;
        this.opening = undefined;
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
    const listening = (socket: object | false) => {
      if (socket === false) {
        const [code, syscall] = ['EADDRINUSE', 'listen'];
        this.server.emit('error', Object.assign(new Error(`${syscall} ${code}: another was faster`), { code, syscall }));
        return;
      }
      this.listener = socket;
      this.bound = address;
      this.server.emit('listening');
    };
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
      closeOnBackpressureLimit: true,
      // Whether the peer lives is asked by the library.
      idleTimeout: 0,
      sendPingsAutomatically: false,
      upgrade: (response: EngineResponse, request: EngineRequest, context: object) => {
        if (this.serves(pathname)) this.serve(response, request, context);
        else request.setYield(true);
      },
      open: (socket: EngineWebSocket) => {
        this.links++;
        socket.endpoint.opened(socket);
      },
      message: (socket: EngineWebSocket, data: ArrayBuffer, isBinary: boolean) => socket.endpoint.received(data, isBinary),
      drain: (socket: EngineWebSocket) => socket.endpoint.drained(),
      close: (socket: EngineWebSocket, code: number, reason: ArrayBuffer) => {
        this.links--;
        socket.endpoint.closed(code, Buffer.from(reason).toString());
        this.rest();
      },
    };
    app.ws(pathname, behavior);
    app.ws(pathname === '/' ? '/*' : `${pathname}/*`, behavior);
  }

  private serves(pathname: string): boolean {
    for (const route of this.routes) if (route.pathname === pathname) return true;
    return false;
  }

  /** One request, as Node would have told of it. */
  private serve(response: EngineResponse, engineRequest: EngineRequest, context: object | undefined): void {
    const { server } = this;
    const lines = linesOf(engineRequest);
    if (!isMeasured(lines)) {
      // Behind an answer the engine would go on with what it takes for the next request.
      response.close();
      return;
    }
    const { method, headers } = lines;
    const key = headers['sec-websocket-key'] ?? '';
    const extensions = headers['sec-websocket-extensions'] ?? '';
    const socket = new EngineSocket(response, this, method, context && { context, key, extensions });
    socket.closing = this.closing;
    this.exchanges.add(socket);
    const request = incomingMessage(lines, socket);
    if (server.listenerCount('upgrade') > 0 && headers.upgrade !== undefined && /\bupgrade\b/i.test(headers.connection ?? '')) {
      server.emit('upgrade', request, socket, NO_HEAD);
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

  over(socket: EngineSocket): void {
    if (this.exchanges.delete(socket)) this.rest();
  }

  private close(done?: (error?: Error) => void): HttpServer {
    const { server } = this;
    if (this.opening === undefined && this.listener === undefined) {
      const error = Object.assign(new Error('Server is not running.'), { code: 'ERR_SERVER_NOT_RUNNING' });
      if (done !== undefined) process.nextTick(done, error);
      return server;
    }
    if (done !== undefined) server.once('close', done);
    if (this.listener !== undefined) this.uws.us_listen_socket_close(this.listener);
    this.opening = this.listener = undefined;
    this.bound = null;
    this.closing = true;
    for (const socket of this.exchanges) socket.closing = true;
    this.rest();
    return server;
  }

  /** Tells that the last connection is over, once the port is closed. */
  private rest(): void {
    if (!this.closing || this.exchanges.size > 0 || this.links > 0) return;
    this.closing = false;
    const { app } = this;
    this.app = undefined;
    this.installed.clear();
    // Not from within a callback of the engine's.
    setImmediate(() => {
      // What waits for a next request; it hears of the end before anybody makes a new beginning.
      app?.close();
      setImmediate(() => this.server.emit('close'));
    });
  }
}

/** What `server.listen` was asked for. */
function where([first, second]: unknown[]): ListenOptions {
  if (typeof first === 'string' && !/^\d+$/.test(first)) return { path: first };
  if (typeof first !== 'object' || first === null)
    return { port: typeof first === 'function' ? 0 : Number(first ?? 0), ...(typeof second === 'string' && { host: second }) };
  if ('fd' in first || '_handle' in first)
    throw new PrimusError('ERR_PRIMUS_OPTION', 'The transformer uws listens on a port or a path of its own, not on a handle that is open');
  return first;
}
