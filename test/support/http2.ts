import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { type CreateServerOptions, Primus } from '../../src/index.js';
import { certificate } from './certificate.js';
import { cleanup } from './serve.js';

/** Whether certificates can be made here. */
export const possible = spawnSync('openssl', ['version']).status === 0;

/** A server that speaks HTTP/2, and a session with it. */
export async function serveHttp2(options: CreateServerOptions = {}): Promise<{ primus: Primus; url: string; session: ClientHttp2Session }> {
  const root = certificate() as string;
  const primus = Primus.createServer({ http2: true, root, cert: 'cert.pem', key: 'key.pem', ...options });
  cleanup(() => new Promise<void>((resolve) => primus.destroy(resolve)));
  await once(primus.server as never, 'listening');
  const url = `https://localhost:${(primus.server.address() as AddressInfo).port}`;
  return { primus, url, session: dial(url) };
}

export function dial(url: string): ClientHttp2Session {
  const session = connect(url, { rejectUnauthorized: false });
  session.on('error', () => {});
  cleanup(() => session.destroy());
  return session;
}
