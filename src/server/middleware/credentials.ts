import type { IncomingMessage } from 'node:http';

/** What browsers add by themselves to requests of any page. */
const AMBIENT = ['cookie', 'authorization'];

/** Takes the credentials out of a request, wherever it shows them. False when there were none. */
export function strip(request: IncomingMessage): boolean {
  const { headers, rawHeaders } = request;
  if (!AMBIENT.some((name) => headers[name] !== undefined)) return false;
  // Made from the raw headers when it is first asked for, by a count that does not change with them: so it has to be asked for here.
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
