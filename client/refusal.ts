import type { LinkError } from '../src/core/errors.js';
import { refused } from '../src/core/refusal.js';

/** Why the server refuses connections, for frameworks that do not tell: it is asked again, at an endpoint (and its query) below the address. */
export async function refusalAt(address: string, endpoint: string, signal: AbortSignal): Promise<LinkError | undefined> {
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
