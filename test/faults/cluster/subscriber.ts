import Primus from 'primus-rx';
import { channels } from 'primus-rx/channels';
import { HISTORIES, type Hole, type Numbered, PRESENCE, Sequence } from './sequence.js';

type Client = InstanceType<ReturnType<typeof Primus.createSocket>>;

const Socket = Primus.createSocket({ transformer: 'websockets' });

/** A client that is subscribed to all channels, wherever the balancer sends it, and checks what it gets. */
export class Subscriber {
  readonly name: string;
  readonly sequence = new Sequence();
  /** The gaps since the last check. */
  gaps: string[] = [];
  /** Messages that are missing without a gap, as far as the subscriber knows: they may never have been published. */
  holes: Hole[] = [];
  /** The messages of each channel since the last check, in their order. */
  order = new Map<string, string[]>();
  present: readonly unknown[] = [];
  /** The reconnections, and the messages that they brought. */
  readonly recovered = { times: 0, messages: 0 };
  readonly #client: Client;
  /** How many gaps each channel has had, in all and before the last message of each publisher. */
  readonly #gaps = new Map<string, number>();
  readonly #gapsBefore = new Map<string, number>();

  constructor(name: string, url: string) {
    this.name = name;
    this.#client = new Socket(`${url}/?name=${name}`, {
      strategy: 'online, timeout, disconnect',
      timeout: 2_000,
      pingTimeout: false,
      reconnect: { min: 20, max: 500, retries: Number.POSITIVE_INFINITY },
    });
    this.#client.on('error', () => {});
    for (const topic of HISTORIES) {
      const channel = channels(this.#client).channel<Numbered>(topic);
      channel.recovery$.subscribe((recovery) => {
        if (recovery.type === 'recovered') {
          this.recovered.times++;
          this.recovered.messages += recovery.count;
        }
        if (recovery.type !== 'gap') return;
        this.gaps.push(recovery.reason);
        this.#gaps.set(topic, this.#gapsOf(topic) + 1);
      });
      channel.data$.subscribe((message) => this.#take(message));
    }
    channels(this.#client)
      .channel(PRESENCE, { presence: true })
      .presence$.subscribe((present) => {
        this.present = [...present.values()];
      });
  }

  /** Expects all messages of a process that begins now. */
  expect(run: string): void {
    for (const topic of HISTORIES) {
      this.sequence.expect(run, topic);
      this.#gapsBefore.set(`${run} ${topic}`, this.#gapsOf(topic));
    }
  }

  /** Whether all messages of a publisher up to a number have arrived, or a gap says that some have not. */
  isComplete(run: string, topic: string, n: number): boolean {
    const last = this.sequence.last(run, topic);
    return last === undefined || last >= n || this.#gapsBefore.get(`${run} ${topic}`) !== this.#gapsOf(topic);
  }

  /** Forgets what was checked. */
  checked(): void {
    this.gaps = [];
    this.holes = [];
    this.order.clear();
  }

  close(): void {
    this.#client.destroy();
  }

  #take(message: Numbered): void {
    const { run, topic, n } = message;
    const key = `${run} ${topic}`;
    const hole = this.sequence.take(message);
    const order = this.order.get(topic);
    if (order === undefined) this.order.set(topic, [`${run} ${n}`]);
    else order.push(`${run} ${n}`);
    if (hole !== undefined && this.#gapsBefore.get(key) === this.#gapsOf(topic)) this.holes.push(hole);
    this.#gapsBefore.set(key, this.#gapsOf(topic));
  }

  #gapsOf(topic: string): number {
    return this.#gaps.get(topic) ?? 0;
  }
}
