// Clients that reconnect, in a process of their own: each needs descriptors, as does its connection in the server.
import Primus, { type ReconnectAttempt } from 'primus-rx';
import { answerCalls } from '../faults/child.js';

export interface StormSettings {
  url: string;
  transformer: string;
}

/** Reports what a client has met since the storm began. */
export interface StormReport {
  /** The delay of each attempt, in ms. */
  delays: number[];
  /** The statuses of its errors. */
  statuses: (number | undefined)[];
  /** Its state, with its cause. */
  state: string;
  by: unknown;
  cause: { status: unknown; reason: unknown };
}

const { url, transformer } = JSON.parse(process.argv[2] as string) as StormSettings;
const Socket = Primus.createSocket({ transformer });
const clients: InstanceType<typeof Socket>[] = [];
let reports: Pick<StormReport, 'delays' | 'statuses'>[] = [];
/** The clients that are open, and the number of those that have ended. */
const open = new Set<unknown>();
let ended = 0;
/** The numbers of clients that have scheduled one attempt, and two. */
let scheduledOnce = 0;
let scheduledTwice = 0;

function dial(): void {
  const client = new Socket(url);
  const index = clients.push(client) - 1;
  client.on('open', () => open.add(client));
  client.on('close', () => open.delete(client));
  client.on('end', () => ended++);
  client.on('reconnect scheduled', ({ scheduled }: ReconnectAttempt) => {
    const count = reports[index]?.delays.push(scheduled);
    if (count === 1) scheduledOnce++;
    else if (count === 2) scheduledTwice++;
  });
  client.on('error', (error: unknown) => reports[index]?.statuses.push((error as { status?: number }).status));
}

const methods = {
  /** Begins to connect as many clients as that. */
  dial(count: number): void {
    for (let dialled = 0; dialled < count; dialled++) dial();
  },

  /** Forgets what the clients have met. */
  begin(): void {
    reports = clients.map(() => ({ delays: [], statuses: [] }));
  },

  /** The numbers of clients that are open, that have ended, and that have scheduled one attempt, and two. */
  count(): { open: number; ended: number; scheduled: [number, number] } {
    return { open: open.size, ended, scheduled: [scheduledOnce, scheduledTwice] };
  },

  report(): StormReport[] {
    return clients.map(({ state }, index) => {
      const { by, cause } = state as { by?: unknown; cause?: { status?: unknown; reason?: unknown } };
      const { delays = [], statuses = [] } = reports[index] ?? {};
      return { delays, statuses, state: state.name, by, cause: { status: cause?.status, reason: cause?.reason } };
    });
  },
};

export type StormMethods = typeof methods;

answerCalls(methods);
