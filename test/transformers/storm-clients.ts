// Clients that reconnect, in a process of their own: each needs descriptors, as does its connection in the server.
import Primus, { type ReconnectAttempt } from 'primus-rx';
import { answerCalls } from '../faults/child.js';

export interface StormSettings {
  url: string;
  transformer: string;
}

/** What a client has met since the storm began. */
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

function dial(): void {
  const client = new Socket(url);
  const index = clients.push(client) - 1;
  client.on('reconnect scheduled', ({ scheduled }: ReconnectAttempt) => reports[index]?.delays.push(scheduled));
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
    const isIn = (name: string) => clients.filter(({ state }) => state.name === name).length;
    const scheduled = (count: number) => reports.filter(({ delays }) => delays.length >= count).length;
    return { open: isIn('open'), ended: isIn('closed'), scheduled: [scheduled(1), scheduled(2)] };
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
