// A client that means no harm, in a process of its own. It sends numbers and expects them back the whole time.
import Primus from 'primus-rx';
import { answerCalls } from './child.js';
import { waitForProcessor } from './processor.js';

export interface InnocentSettings {
  url: string;
  transformer: string;
  parser?: string;
  compression: boolean;
  /** The process of the server. */
  serves: number;
}

/** The time between two questions, in ms. */
const PERIOD = 20;

const { url, serves, ...options } = JSON.parse(process.argv[2] as string) as InnocentSettings;
const Socket = Primus.createSocket(options);
const client = new Socket(url, { reconnect: { min: 50, max: 200, retries: Infinity }, strategy: 'online, timeout, disconnect' });

/** The number that was sent last, and when; `answered` when its echo arrived. */
let asked = 0;
let askedAt = 0;
let answered = 0;
let worst = 0;
let lost = 0;
let served = 0;

const waited = waitForProcessor(serves);
/** The time in ms, without that in which the server waited for a processor that other programs had. */
const clock = () => performance.now() - waited();

client.on('data', (data: unknown) => {
  if (data !== asked) return;
  answered = asked;
  served++;
  worst = Math.max(worst, clock() - askedAt);
});
client.on('close', () => {
  lost++;
  // What was under way is gone with the connection.
  answered = asked;
});
client.on('error', () => {});

// One question at a time, so that the time is that of the server rather than of a queue in front of it.
setInterval(() => {
  if (asked !== answered || client.readyState !== 3) return;
  askedAt = clock();
  client.write(++asked);
}, PERIOD);

const methods = {
  /** The longest time for an answer since the last call in ms, the answers, and the connections that were lost. */
  report(): { latency: number; served: number; lost: number } {
    const waiting = asked === answered ? 0 : clock() - askedAt;
    const report = { latency: Math.max(worst, waiting), served, lost };
    worst = served = lost = 0;
    return report;
  },
};

export type InnocentMethods = typeof methods;

answerCalls(methods);
