import type { IncomingMessage } from 'node:http';

/** The headers that browsers add to the requests of any page. */
const AMBIENT = ['cookie', 'authorization'];

/** Removes the credentials from a request, in all its views of the headers. Returns false when there were none. */
export function strip(request: IncomingMessage): boolean {
  const { headers, rawHeaders } = request;
  if (!AMBIENT.some((name) => headers[name] !== undefined)) return false;
  // Node makes it of the raw headers on first access, with a count that it keeps of them: read it before they change.
  const { headersDistinct } = request;
  for (const name of AMBIENT) {
    delete headers[name];
    if (headersDistinct !== undefined) delete headersDistinct[name];
  }
  for (let index = rawHeaders.length - 2; index >= 0; index -= 2) {
    if (AMBIENT.includes((rawHeaders[index] as string).toLowerCase())) rawHeaders.splice(index, 2);
  }
  return true;
}
