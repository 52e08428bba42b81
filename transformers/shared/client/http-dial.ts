import { Observable, type Observer } from 'rxjs';
import { refused } from '../../../src/core/close-reasons.js';
import { dropped, type LinkError, PrimusError, unopened } from '../../../src/core/errors.js';
import type { Link } from '../../../src/core/link.js';
import type { Target } from '../../../src/core/transformer.js';

/** A link whose socket has the shape of `sockjs-client` and `browserchannel`. */
interface RequestLink extends Link {
  readonly socket: { readonly readyState: number; onopen: (() => void) | null };
}

const OPEN = 1;

/**
 * Dials with a framework that is made of requests. Such a framework sends no headers, and does not report why the server
 * rejected it: the server is asked again, at an endpoint (with its query) below the address.
 * @throws ERR_PRIMUS_OPTION when the client has headers
 */
export function dialOverHttp(
  { url, headers, dialled }: Target,
  name: string,
  endpoint: string,
  create: () => RequestLink,
): Observable<Link> {
  return new Observable((subscriber) => {
    if (Object.keys(headers).length > 0)
      throw new PrimusError('ERR_PRIMUS_OPTION', `${name} cannot send the option headers; use the option credentials`);
    const link = create();
    const { socket } = link;
    socket.onopen = () => subscriber.next(link);
    const abandon = reportRejection(link, subscriber, url, endpoint);
    dialled(socket);
    return () => {
      abandon();
      if (socket.readyState < OPEN) link.destroy();
    };
  });
}

/** Reports to the subscriber why a link does not open. Returns a function that abandons it. */
function reportRejection(link: Link, subscriber: Observer<Link>, address: string, endpoint: string): () => void {
  const abandoned = new AbortController();
  link.subscribe({
    error: (cause: LinkError) =>
      void rejectionAt(address, endpoint, abandoned.signal).then((error) => subscriber.error(error ?? unopened(cause))),
    complete: () => subscriber.error(unopened(dropped())),
  });
  return () => abandoned.abort();
}

async function rejectionAt(address: string, endpoint: string, signal: AbortSignal): Promise<LinkError | undefined> {
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
