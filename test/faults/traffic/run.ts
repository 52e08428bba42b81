import { setTimeout as pause } from 'node:timers/promises';
import Primus, { type ServerOptions } from 'primus-rx';
import { Child } from '../child.js';
import { faults } from '../laboratory/faults.js';
import { Laboratory } from '../laboratory/laboratory.js';
import { Journal, type Losses, lossesOf, type Report } from './journal.js';
import { type Message, Sender } from './messages.js';
import type { TrafficServerMethods, TrafficServerSettings } from './server.js';

/** The number of messages in each direction when there is no other. */
export const MESSAGES = 100_000;

/** How long both ends may need until messages pass again after a fault, in ms. */
const RECOVERY = 60_000;

/** Messages between two faults, in ms. */
const FLOW = 100;

export interface TrafficSettings {
  transformer: string;
  parser: string;
  /** The option `resume` of both ends. */
  resume: boolean | object;
  seed: number;
  /** The number of faults, or Infinity with a deadline. */
  faults: number;
  messages: number;
  deadline: number;
  only: string;
}

/** Counts of one direction. */
export interface DirectionResult extends Losses {
  written: number;
  doubled: number;
  reordered: number;
  corrupt: number;
}

export interface TrafficResult {
  faults: number;
  kinds: Record<string, number>;
  seconds: number;
  toServer: DirectionResult;
  toClient: DirectionResult;
  /** Whether the package has sessions, and they are on. */
  sessions: boolean;
  /** The connections that the server accepted as new ones. */
  connections: number;
  resumed: { server: number; client: number };
  gaps: { server: string[]; client: string[] };
  /** The longest time in which the client had no open connection, in ms. */
  away: number;
  failure?: string;
}

type Client = InstanceType<ReturnType<typeof Primus.createSocket>>;

/** The client, and what it has seen. */
class TrafficClient {
  readonly client: Client;
  readonly sender: Sender;
  readonly journal: Journal;
  readonly sessions: boolean;
  #closedAt: number | undefined;
  #away = 0;

  constructor(url: string, { transformer, parser, resume, seed }: TrafficSettings) {
    const Socket = Primus.createSocket({ transformer, parser });
    const options = {
      strategy: 'online, timeout, disconnect',
      timeout: 2_000,
      pingTimeout: 900,
      reconnect: { min: 10, max: 200, retries: Number.POSITIVE_INFINITY },
      // Before and after the option `resume`.
      ...(resume !== false && { resume }),
    };
    this.client = new Socket(url, options);
    const { client } = this;
    this.sender = new Sender(seed, () => client);
    this.journal = new Journal(seed, () => this.sender.written);
    this.sessions = resume !== false;
    if (this.sessions) client.resume$.subscribe((value) => this.journal.resume(value));
    client.on('error', () => {});
    client.on('data', (message) => this.journal.receive(message as Message));
    client.on('close', () => {
      this.#closedAt ??= performance.now();
    });
    client.on('open', () => {
      this.#away = this.away();
      this.#closedAt = undefined;
    });
  }

  /** The longest time without an open connection until now, in ms. */
  away(): number {
    return this.#closedAt === undefined ? this.#away : Math.max(this.#away, performance.now() - this.#closedAt);
  }
}

/** Sends numbered messages in both directions through a laboratory that has one fault after the other, and compares what arrived. */
export async function runTraffic(settings: TrafficSettings): Promise<TrafficResult> {
  const { transformer, parser, resume, seed, only, deadline } = settings;
  const options = { transformer, parser, pingInterval: 500, ...(resume !== false && { resume }) } as ServerOptions;
  const server = new Child<TrafficServerMethods>('./traffic-server.js', { options, seed } satisfies TrafficServerSettings);
  const lab = await Laboratory.start(await server.call('listen'));
  const traffic = new TrafficClient(lab.url, settings);
  const begin = performance.now();
  const kinds: Record<string, number> = {};
  const share = Math.max(2, Math.ceil(settings.messages / (Number.isFinite(settings.faults) ? settings.faults : 1_000)));
  const send = (count: number, ms: number) => Promise.all([traffic.sender.send(count, ms), server.call('send', count, ms)]);

  /** Resolves when a message that was written from now on has arrived at each end; each of them is written until then. */
  async function recover(): Promise<void> {
    const marks = { toServer: traffic.sender.written, toClient: await server.call('written') };
    const limit = performance.now() + RECOVERY;
    for (;;) {
      await send(1, 0);
      await pause(10);
      const last = { toServer: await server.call('last'), toClient: traffic.journal.last };
      if (last.toServer > marks.toServer && last.toClient > marks.toClient) return;
      if (performance.now() > limit) throw new Error(`No messages pass after ${RECOVERY} ms: ${JSON.stringify({ marks, last })}`);
    }
  }

  let count = 0;
  let failure: string | undefined;
  try {
    await recover();
    for (const fault of faults(seed, only)) {
      if (count >= settings.faults || performance.now() >= deadline) break;
      count++;
      kinds[fault.name] = (kinds[fault.name] ?? 0) + 1;
      fault.begin(lab);
      await send(Math.floor(share / 2), fault.lasts);
      lab.heal();
      try {
        await recover();
      } catch (error) {
        throw new Error(`Fault ${count}, ${fault.name} for ${fault.lasts} ms: ${(error as Error).message}`);
      }
      await send(Math.ceil(share / 2), FLOW);
    }
    await recover();
  } catch (error) {
    failure = (error as Error).message;
  }
  const here = { ...traffic.journal.report(), written: traffic.sender.written };
  const none: Report & { written: number; connections: number } = { ...new Journal(0, () => 0).report(), written: 0, connections: 0 };
  const there = await server.call('report').catch(() => none);
  const away = traffic.away();
  traffic.client.destroy();
  await lab.close();
  await server.stop();
  const result: TrafficResult = {
    faults: count,
    kinds,
    seconds: (performance.now() - begin) / 1_000,
    toServer: direction(here, there),
    toClient: direction(there, here),
    sessions: traffic.sessions,
    connections: there.connections,
    resumed: { server: there.resumed, client: here.resumed },
    gaps: { server: there.gaps.map(({ reason }) => reason), client: here.gaps.map(({ reason }) => reason) },
    away,
  };
  failure ??= failureOf(result);
  return failure === undefined ? result : { ...result, failure };
}

function direction(sender: Report & { written: number }, receiver: Report): DirectionResult {
  const { doubled, reordered, corrupt } = receiver;
  return { written: sender.written, doubled, reordered, corrupt, ...lossesOf(receiver, sender) };
}

/** The broken promises of the library: with sessions it promises more than without. */
function failureOf({ sessions, toServer, toClient }: TrafficResult): string | undefined {
  const counts = sessions ? (['corrupt', 'doubled', 'reordered', 'unexplained'] as const) : (['corrupt'] as const);
  const wrong = Object.entries({ toServer, toClient }).flatMap(([name, result]) =>
    counts.flatMap((count) => (result[count] > 0 ? [`${result[count]} ${count} ${name}`] : [])),
  );
  return wrong.length === 0 ? undefined : wrong.join(', ');
}
