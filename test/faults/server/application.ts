import type { Primus, Spark } from 'primus-rx';

/** Settings of the application, beside those of the library. Each attack sets the ones that it attacks. */
export interface ApplicationSettings {
  /** An incoming message transformer that takes that many ms per message. */
  transformerDelay?: number;
  /** An authorization function, which never answers a request with the query `authorize=never`. */
  authorizes?: boolean;
  /** A `connection` listener that is asynchronous, and follows the query `listener`. */
  acceptsLater?: boolean;
}

/** Counts of the application. */
export const counters = {
  /** Messages that say another length than they have. */
  corrupt: 0,
};

/**
 * The application of the server under attack. It echoes to every client, unless the query of the client says otherwise:
 *
 * - `silent`: its messages are received and dropped
 * - `listener=never`: the `connection` listener never answers, with `acceptsLater`
 * - `listener=<ms>`: it answers after that time
 *
 * An object with one of these keys is a command: `throw`, `reject`, `send` (that many bytes), `sendChecked`, `end`.
 */
export function runApplication(primus: Primus, settings: ApplicationSettings): void {
  const { transformerDelay, authorizes = false, acceptsLater = false } = settings;
  if (authorizes) primus.authorize((request, done) => (query(request).get('authorize') === 'never' ? undefined : done()));
  if (transformerDelay !== undefined) {
    primus.transform('incoming', (packet, next) => {
      // The innocent client is not slowed down by the application, only by what the attacker does.
      if (typeof packet.data === 'number') return next();
      setTimeout(next, transformerDelay);
    });
  }
  primus.on('connection', (spark: Spark) => {
    const { silent } = spark.query as { silent?: string };
    spark.on('error', () => {});
    spark.on('data', (message: unknown) => (silent === undefined ? handle(spark, message) : undefined));
  });
  if (!acceptsLater) return;
  primus.on('connection', ({ query }: Spark, next: () => void) => {
    const { listener } = query as { listener?: string };
    if (listener === undefined) next();
    else if (listener !== 'never') setTimeout(next, Number(listener));
  });
}

function query({ url = '' }: { url?: string | undefined }): URLSearchParams {
  return new URLSearchParams(url.slice(url.indexOf('?') + 1));
}

function handle(spark: Spark, message: unknown): unknown {
  const command = (typeof message === 'object' && message !== null ? message : {}) as Record<string, unknown>;
  if (command.throw !== undefined) throw command.throw;
  if (command.reject !== undefined) return Promise.reject(command.reject);
  if (typeof command.data === 'string' && command.data.length !== command.length) counters.corrupt++;
  if (typeof command.sendChecked === 'number') return spark.write({ data: 'x'.repeat(command.sendChecked), length: command.sendChecked });
  if (typeof command.send === 'number') return spark.write('x'.repeat(Math.min(Math.max(0, command.send), 1_000_000)));
  if (command.end !== undefined) return spark.end();
  return spark.write(message);
}
