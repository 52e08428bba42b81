import { type ChildProcess, execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram } from '../../scripts/apt.mjs';
import { freePort } from '../../scripts/ports.mjs';
import { removeFolder, start, stop, temporaryFolder } from '../../scripts/processes.mjs';
import { until } from '../support/serve.js';
import { within } from '../support/wait.js';

export type ProxyName = 'nginx' | 'haproxy';

/** A proxy that runs with the configuration of the example. */
export interface RunningProxy {
  /** Its HTTPS address. */
  url: string;
  /** Its HTTP address. */
  plain: string;
  /** The output of its check of the configuration. */
  checked: string;
  /** Has it reload its configuration; resolves when it has begun. */
  reload(): Promise<void>;
  /** Kills it, with all of its connections. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Stops it and removes its files. */
  remove(): Promise<void>;
}

interface Kind {
  config: string;
  check(file: string): string[];
  run(file: string): string[];
  reload: NodeJS.Signals;
  /** The text that it writes when it begins to reload, for a program that can miss the signal. */
  reloading?: string;
  /** The settings of the example's file, and their replacements in the test. */
  settings(here: Here): Record<string, string>;
}

interface Here {
  folder: string;
  tls: number;
  plain: number;
  servers: readonly number[];
}

/** How long a signal may take to be noticed, in ms. */
const RETRY = 5_000;

/** Only root can set the user. */
const isRoot = process.getuid?.() === 0;

const kinds: Record<ProxyName, Kind> = {
  nginx: {
    config: 'nginx.conf',
    check: (file) => ['-t', '-c', file],
    run: (file) => ['-c', file, '-g', 'daemon off;'],
    reload: 'SIGHUP',
    settings: ({ folder, tls, plain, servers: [one, two] }) => ({
      'listen 80;': `listen 127.0.0.1:${plain};`,
      'listen 443 ssl;': `listen 127.0.0.1:${tls} ssl;`,
      '/etc/ssl/example.com/': `${folder}/`,
      '127.0.0.1:8081': `127.0.0.1:${one}`,
      '127.0.0.1:8082': `127.0.0.1:${two}`,
      '/run/nginx.pid': `${folder}/nginx.pid`,
      '/var/log/nginx': folder,
      'user www-data;': isRoot ? 'user www-data;' : '',
      // The user's own limit may be lower, and only root can raise it.
      'worker_rlimit_nofile 16384;': '',
      'worker_connections 8192;': 'worker_connections 256;',
      'worker_processes auto;': 'worker_processes 1;',
      'worker_shutdown_timeout 30s;': 'worker_shutdown_timeout 5s;',
      // The default paths of Debian need root.
      'http {': `http { ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}`,
    }),
  },
  haproxy: {
    config: 'haproxy.cfg',
    check: (file) => ['-c', '-f', file],
    run: (file) => ['-W', '-db', '-f', file],
    reload: 'SIGUSR2',
    // The master of 2.6 ignores the signal while it starts, when its worker serves already.
    reloading: 'Reloading HAProxy',
    settings: ({ folder, tls, plain, servers: [one, two] }) => ({
      'bind :80\n': `bind 127.0.0.1:${plain}\n`,
      'bind :443': `bind 127.0.0.1:${tls}`,
      '/etc/ssl/example.com/': `${folder}/`,
      '127.0.0.1:8081': `127.0.0.1:${one}`,
      '127.0.0.1:8082': `127.0.0.1:${two}`,
      'chroot /var/lib/haproxy': isRoot ? `chroot ${folder}/empty` : '',
      '  user haproxy\n  group haproxy\n': isRoot ? '  user haproxy\n  group haproxy\n' : '',
      'maxconn 8192': 'maxconn 256',
      'hard-stop-after 30s': 'hard-stop-after 5s',
    }),
  },
};

/** Starts a proxy in front of two servers, with the configuration file of the example; only the settings that the user must replace are replaced. */
export async function startProxy(name: ProxyName, servers: readonly number[]): Promise<RunningProxy> {
  const kind = kinds[name];
  const folder = temporaryFolder(name);
  // The workers run as another user.
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'empty'));
  certify(folder);
  const [tls, plain] = [await freePort(), await freePort()];
  const file = join(folder, kind.config);
  writeFileSync(file, fill(example(kind.config), kind.settings({ folder, tls, plain, servers })));
  const program = findProgram(name) as string;
  const { status, stdout, stderr } = spawnSync(program, kind.check(file), { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${name} refuses the file: ${stdout}${stderr}`);

  let running: ChildProcess | undefined;
  let output = '';
  const proxy: RunningProxy = {
    url: `https://127.0.0.1:${tls}`,
    plain: `http://127.0.0.1:${plain}`,
    checked: stdout + stderr,
    async reload() {
      const { reloading } = kind;
      const begun = () => reloading === undefined || output.includes(reloading);
      output = '';
      do {
        running?.kill(kind.reload);
        await within(RETRY, begun);
      } while (!begun());
    },
    async start() {
      running = start(program, kind.run(file), { stdio: ['ignore', 'ignore', 'pipe'] });
      running.stderr?.on('data', (data) => {
        output += data;
      });
      const ended = once(running, 'exit').then(([code]) => Promise.reject(new Error(`${name} ended with ${code}`)));
      await Promise.race([answers(tls), ended]);
    },
    async stop() {
      if (running === undefined) return;
      await stop(running);
      running = undefined;
    },
    async remove() {
      await proxy.stop();
      removeFolder(folder);
    },
  };
  await proxy.start();
  return proxy;
}

export function example(config: string): string {
  return readFileSync(fileURLToPath(new URL(`../../examples/deployment/${config}`, import.meta.url)), 'utf8');
}

/** Every setting must be found, so that a renamed one cannot stay as it is. */
function fill(text: string, settings: Record<string, string>): string {
  return Object.entries(settings).reduce((result, [there, here]) => {
    if (!result.includes(there)) throw new Error(`The file does not say '${there}' any more`);
    return result.replaceAll(there, here);
  }, text);
}

function certify(cwd: string): void {
  const how = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '1',
    '-subj',
    '/CN=localhost',
  ];
  execFileSync('openssl', [...how, '-keyout', 'key.pem', '-out', 'cert.pem'], { cwd, stdio: 'ignore' });
  writeFileSync(join(cwd, 'both.pem'), readFileSync(join(cwd, 'cert.pem'), 'utf8') + readFileSync(join(cwd, 'key.pem'), 'utf8'));
}

async function answers(port: number): Promise<void> {
  let open = false;
  const knock = () => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      open = true;
      socket.destroy();
    });
    socket.once('error', () => setTimeout(knock, 10));
  };
  knock();
  await until(() => open);
}
