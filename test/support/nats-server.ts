import { once } from 'node:events';
import { connect as dial } from 'node:net';
import { kill, removeFolder, signal, start, temporaryFolder } from '../../scripts/processes.mjs';
import { freePort } from './ports.js';
import { until } from './wait.js';

/** The options of `startNats`. */
interface NatsServerOptions {
  /** Whether the server has JetStream. @defaultValue true */
  jetStream?: boolean;
  /** Further arguments of the program. */
  args?: readonly string[];
}

/** A nats-server on a port of its own, with files in a folder of its own. */
export interface NatsServer extends AsyncDisposable {
  /** The address, which stays the same after a restart. */
  readonly url: string;
  /** Kills it at once, as a crash does. Its files stay. */
  kill(): Promise<void>;
  /** Starts it again, with its files and with other arguments. */
  start(args?: readonly string[]): Promise<void>;
  /** Stops its process without closing anything: it is silent until `resume`. */
  pause(): void;
  resume(): void;
}

/** Starts a nats-server. */
export async function startNats({ jetStream = true, args = [] }: NatsServerOptions = {}): Promise<NatsServer> {
  const port = await freePort();
  const folder = temporaryFolder('nats');
  let child: ReturnType<typeof start>;
  const server: NatsServer = {
    url: `nats://127.0.0.1:${port}`,
    kill: () => kill(child),
    async start(given = args) {
      const store = jetStream ? ['-js', '-sd', folder] : [];
      child = start('nats-server', ['-a', '127.0.0.1', '-p', `${port}`, ...store, ...given], { stdio: 'ignore' });
      await until(() => answers(port));
    },
    pause: () => signal(child, 'SIGSTOP'),
    resume: () => signal(child, 'SIGCONT'),
    async [Symbol.asyncDispose]() {
      await kill(child);
      removeFolder(folder);
    },
  };
  await server.start();
  return server;
}

/** Whether something accepts connections on a port. */
async function answers(port: number): Promise<boolean> {
  const socket = dial(port, '127.0.0.1');
  try {
    await once(socket, 'data');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
