import type { Observer } from 'rxjs';
import { dropped, type LinkError, unopened } from '../src/core/errors.js';
import type { Link } from '../src/core/link.js';
import { refused } from '../src/core/refusal.js';

/**
 * Has the dialler told why a link does not open, for frameworks that do not know: the server is asked again, at an endpoint
 * (and its query) below the address. Hands back how to give up.
 */
export function explain(link: Link, dialler: Observer<Link>, address: string, endpoint: string): () => void {
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
