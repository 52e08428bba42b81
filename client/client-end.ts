import type { Observable, Subscription } from 'rxjs';
import { schedulerOf } from '../src/core/ends.js';
import type { Frame } from '../src/core/link.js';
import { encoded } from '../src/core/parser.js';
import { printControl } from '../src/core/protocol.js';
import { OPEN } from '../src/core/ready-state.js';
import { Emitter } from './emitter.js';
import { type DropReason, type Flow, type FlowEnd, type FlowOptions, flowOf } from './flow.js';
import type { Primus } from './primus.js';

/** The number of unsent bytes above which writers should wait, unless the option says another one. */
const HIGH_WATER = 262_144;

/** The interval at which a paused client answers heartbeats, in ms, if that of the server is not known. */
const HEARTBEAT = 10_000;

const REASONS: { [code: string]: DropReason } = {
  ERR_PRIMUS_QUEUE: 'queue',
  ERR_PRIMUS_EXPIRED: 'expired',
};

/** Returns the flow of a client: for the same client the same object. */
export function clientFlow<In, Out>(client: Primus<In, Out>, options?: FlowOptions): Flow<In, Out> {
  return flowOf(client, () => clientEnd(client as Primus) as FlowEnd<In, Out>, options);
}

/**
 * A client as the end of a flow. Pages that do not use it must not pay for it: what it needs of the client's connection is put on that very
 * connection here.
 */
function clientEnd(client: Primus): FlowEnd<unknown, unknown> {
  const { connection, parser, options } = client;
  const { pressure, lose } = connection;
  const scheduler = schedulerOf(client);
  let isPaused = false;
  let isSlow = false;
  /** Whether it is paused, or was since the last beat: what a slow reader has not read may be much, in the buffers of the system. */
  let wasPaused = false;
  let dropped: ((data: unknown, reason: DropReason) => void) | undefined;
  /** The latest ping of the server, and when it was received. */
  let sent = 0;
  let receivedAt = 0;
  let timer: Subscription | undefined;

  // The connection is paused while its message transformers are behind, or its readers are; for another link too.
  connection.pressure = (high) => {
    isSlow = high;
    pressure.call(connection, isSlow || isPaused);
  };
  connection.lose = (data, code, why) => {
    dropped?.(data, REASONS[`${code}`] ?? 'ended');
    return lose.call(connection, data, code, why);
  };
  client.on('incoming::ping', (at) => {
    sent = at;
    receivedAt = scheduler.now();
  });

  /**
   * Answers the heartbeats that wait behind what is not read, for both ends: as if a ping had been received, which counts as activity of
   * the server, and whose answer as ours.
   */
  const beat = () => {
    timer = undefined;
    if (!wasPaused || client.state.name === 'closed') return;
    wasPaused = isPaused;
    beatLater();
    if (client.readyState !== OPEN) return;
    const now = scheduler.now();
    const ping = printControl({ type: 'ping', value: `${Math.floor(receivedAt ? sent + now - receivedAt : now)}` });
    const receive = (frame: Frame) => client.readyState === OPEN && connection.receive(frame);
    void Promise.resolve(encoded(parser, client, ping)).then(receive, () => {});
    // Engine.IO has heartbeats of its own, and Socket.IO those of its engine.
    const { io, transport = io?.engine?.transport } = Object(client.socket) as { io?: WithEngine; transport?: EngineTransport };
    transport?.emit?.('packet', { type: 'ping' });
  };
  const beatLater = () => {
    if (wasPaused) timer ??= scheduler.schedule(beat, options.pingTimeout ? options.pingTimeout / 3 : HEARTBEAT);
  };
  client.on('open', beatLater);
  // A timer would keep the process alive.
  client.on('end', () => {
    timer?.unsubscribe();
    timer = undefined;
  });

  return {
    scheduler,
    highWaterMark: HIGH_WATER,
    longestMark: Infinity,
    get bufferedAmount() {
      let amount = connection.link?.bufferedAmount ?? 0;
      for (const data of client.buffer) amount += sizeOf(client, data);
      return amount;
    },
    get isAway() {
      return client.readyState !== OPEN;
    },
    get isOver() {
      return client.state.name === 'closed';
    },
    change$: client.state$ as Observable<unknown>,
    watch(sent) {
      client.on('outgoing::data', sent);
      return () => void client.removeListener('outgoing::data', sent);
    },
    listen(next, over) {
      client.on('data', next);
      client.on('end', over);
      client.on('destroy', over);
      return () => {
        client.removeListener('data', next);
        client.removeListener('end', over);
        client.removeListener('destroy', over);
      };
    },
    onDrop(listener) {
      dropped = listener;
    },
    write: (data) => client.write(data),
    flush: (done) => connection.channel.flush(done),
    end: () => void client.end(),
    pause(paused) {
      isPaused = paused;
      wasPaused ||= paused;
      connection.pressure(isSlow);
      beatLater();
    },
  };
}

/** Emits `drain`, as the streams of Node.js do, without the client's own `emit`: plug-ins that forward events need not see it. */
export function emitDrain(client: Primus): void {
  Emitter.prototype.emit.call(client, 'drain');
}

interface EngineTransport {
  emit?(event: 'packet', packet: { type: 'ping' }): void;
}

interface WithEngine {
  engine?: { transport?: EngineTransport };
}

/** Returns the length of a queued message as a frame, as far as the parser answers at once. */
function sizeOf({ parser }: Primus, data: unknown): number {
  try {
    return (parser.encode ? parser.encode(data) : JSON.stringify(data)).length;
  } catch {
    return 0;
  }
}
