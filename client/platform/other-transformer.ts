import { get, type RequestOptions } from 'node:http';
import { get as getSecurely } from 'node:https';
import { Observable } from 'rxjs';
import { dropped, LinkError } from '../../src/core/errors.js';
import type { Link } from '../../src/core/link.js';
import type { ClientTransformer, Target } from '../../src/core/transformer.js';
import { jsonBody } from './json-body.js';
import type { Platform } from './platform.js';

/** The protocol of each transformer: clients connect to all servers of the same protocol. */
const SPOKEN = new Map([
  ...['websockets', 'uws', 'faye'].map((name) => [name, 'websockets'] as const),
  ...['engine.io', 'socket.io', 'sockjs', 'browserchannel'].map((name) => [name, name] as const),
]);

/** The statuses with which a server of another transformer answers. */
const STATUSES = [undefined, 200, 400, 404, 405, 426];

/** The errors of a server that cannot be asked either. */
const UNREACHABLE = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT)$/;

/** How long the server may take to answer, in ms. */
const TIME_LIMIT = 2_000;

/**
 * Returns a client half that, when it cannot connect, asks the server once for its specification: the error is `ERR_PRIMUS_TRANSFORMER` if
 * that has another transformer. Nothing is asked while connections succeed.
 */
export function explainingOtherTransformer(client: ClientTransformer<Platform>, name: string): ClientTransformer<Platform> {
  if (!SPOKEN.has(name)) return client;
  const connect = (target: Target<Platform>) =>
    new Observable<Link>((subscriber) => {
      const abandoned = new AbortController();
      const explain = (cause: LinkError, done: (error: LinkError) => void) =>
        void explained(cause, target, client, name, abandoned.signal)
          .catch(() => cause)
          .then((error) => abandoned.signal.aborted || done(error));
      subscriber.add(() => abandoned.abort());
      return client.connect(target).subscribe({
        next: (link) => subscriber.next(name === 'engine.io' ? explainingLoss(link, explain) : link),
        error: (cause) => explain(cause, (error) => subscriber.error(error)),
      });
    });
  return Object.create(client, { connect: { value: connect } });
}

/** A server of Socket.IO accepts a client of Engine.IO, and terminates it later: the loss of a link that has received nothing is explained. */
function explainingLoss(link: Link, explain: (cause: LinkError, done: (error: LinkError) => void) => void): Link {
  const { subscribe } = link;
  link.subscribe = (observer) =>
    subscribe.call(link, {
      ...observer,
      next: (frame) => {
        subscribe.call(link, observer);
        observer.next?.(frame);
      },
      error: (cause) => explain(cause, (error) => observer.error?.(error)),
      complete: () => {
        const clean = dropped();
        explain(clean, (error) => (error === clean ? observer.complete?.() : observer.error?.(error)));
      },
    });
  return link;
}

/** Returns the error of a failed attempt: the given one, unless the server has another transformer, or no specification where it should be. */
async function explained(cause: LinkError, target: Target, client: ClientTransformer<Platform>, name: string, signal: AbortSignal) {
  const { status, closeCode, reason } = cause;
  if (!STATUSES.includes(status) || UNREACHABLE.test((cause.cause as NodeJS.ErrnoException | undefined)?.code ?? '')) return cause;
  const base = baseOf(target, client);
  const other = base && (await transformerAt(base, signal));
  const { code, message } = cause;
  if (other === undefined && base && base.path !== '/primus' && code === 'ERR_PRIMUS_CONNECT')
    return new LinkError(code, `${message}. Is ${base.path} the pathname of the server?`, { closeCode, reason, cause: cause.cause });
  if (other === undefined || !SPOKEN.has(other) || SPOKEN.get(other) === SPOKEN.get(name)) return cause;
  const explanation = `The server speaks ${other}, this client ${name}: create it with \`transformer: '${other}'\``;
  return new LinkError('ERR_PRIMUS_TRANSFORMER', explanation, { status, closeCode, reason, cause });
}

/** The address of a server, without the endpoints below it. */
type Base = RequestOptions & { path: string };

/** Returns where the server of a client is; `undefined` if a listener of `outgoing::url` has made the address invalid. */
function baseOf({ url }: Target, { path = '' }: ClientTransformer<Platform>): Base | undefined {
  if (!URL.canParse(url)) return undefined;
  const { protocol, hostname, port, pathname } = new URL(url);
  const [file, unixPath = ''] = pathname.split(':');
  const unix = protocol === 'ws+unix:';
  const base = (unix ? unixPath : pathname).replace(/\/$/, '').slice(0, -path.length || undefined);
  const place = unix ? { socketPath: file } : { hostname: hostname.replace(/^\[|\]$/g, ''), port };
  return { ...place, protocol: /^(wss|https):$/.test(protocol) ? 'https:' : 'http:', path: base };
}

/** Asks a server for the transformer in its specification; `undefined` without an answer, or if that is no specification. */
function transformerAt(base: Base, abandoned: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const signal = AbortSignal.any([abandoned, AbortSignal.timeout(TIME_LIMIT)]);
    const options = { ...base, path: `${base.path}/spec`, signal, agent: false };
    const request = (base.protocol === 'https:' ? getSecurely : get)(options, (response) => {
      void jsonBody(response).then(({ transformer }) => resolve(typeof transformer === 'string' ? transformer : undefined));
    });
    request.on('error', () => resolve(undefined));
  });
}
