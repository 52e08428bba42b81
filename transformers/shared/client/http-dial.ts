import { Observable, type Observer } from 'rxjs';
import { refused } from '../../../src/core/close-reasons.js';
import { dropped, type LinkError, PrimusError, unopened } from '../../../src/core/errors.js';
import type { Link } from '../../../src/core/link.js';
import type { Target } from '../../../src/core/transformer.js';

/** A link on a socket as `sockjs-client` and `browserchannel` have it. */
interface RequestLink extends Link {
  readonly socket: { readonly readyState: number; onopen: (() => void) | null };
}

const OPEN = 1;

/**
 * Dials by a framework that is made of requests: it sends no headers, and does not know why it is refused, which the server is
 * asked at an endpoint (and its query) below the address.
 */
export function dialOverHttp(
  { url, headers, dialled }: Target,
  name: string,
  endpoint: string,
  begin: () => RequestLink,
): Observable<Link> {
  return new Observable((subscriber) => {
    if (Object.keys(headers).length > 0)
      throw new PrimusError('ERR_PRIMUS_OPTION', `${name} cannot send headers; use the option credentials`);
    const link = begin();
    const { socket } = link;
    socket.onopen = () => subscriber.next(link);
    const giveUp = explain(link, subscriber, url, endpoint);
    dialled(socket);
    return () => {
      giveUp();
      if (socket.readyState < OPEN) link.destroy();
    };
  });
}

/** Has the dialler told why a link does not open: the server is asked again. Hands back how to give up. */
function explain(link: Link, dialler: Observer<Link>, address: string, endpoint: string): () => void {
  const giveUp = new AbortController();
  link.subscribe({
    error: (cause: LinkError) => void refusalAt(address, endpoint, giveUp.signal).then((error) => dialler.error(error ?? unopened(cause))),
    complete: () => dialler.error(unopened(dropped())),
  });
  return () => giveUp.abort();
}

async function refusalAt(address: string, endpoint: string, signal: AbortSignal): Promise<LinkError | undefined> {
  try {
    const url = new URL(address);
    const [path, query = ''] = endpoint.split('?');
    url.pathname = `${url.pathname.replace(/\/$/, '')}${path}`;
    for (const [name, value] of new URLSearchParams(query)) url.searchParams.set(name, value);
    const response = await fetch(url, { signal, credentials: 'include' });
    if (response.ok) return undefined;
    const { status, headers } = response;
    const error = await response.json().then(messageOf, () => undefined);
    const authenticate = headers.get('www-authenticate') ?? undefined;
    const retryAfter = Number(headers.get('retry-after')) * 1000 || undefined;
    return refused(status, { error, authenticate, retryAfter });
  } catch {
    return undefined;
  }
}

function messageOf({ error }: { error?: unknown }): string | undefined {
  return typeof error === 'string' ? error : undefined;
}
