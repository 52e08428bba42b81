import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname } from 'node:path';

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/**
 * Serves the files of folders; those of a later one come first. They are read once: a request can get one of these and nothing else.
 */
export function pages(...folders: readonly URL[]): (request: IncomingMessage, response: ServerResponse) => void {
  const files = new Map<string, { type: string | undefined; body: Buffer }>();
  for (const folder of folders)
    for (const name of readdirSync(folder))
      files.set(`/${name}`, { type: types[extname(name)], body: readFileSync(new URL(name, folder)) });
  return ({ url = '/' }, response) => {
    const path = url.replace(/[?#].*/, '');
    const file = files.get(path === '/' ? '/index.html' : path);
    response.writeHead(file ? 200 : 404, {
      'Content-Type': file?.type ?? 'text/plain',
      'Content-Security-Policy':
        "default-src 'self'; img-src 'self' data:; connect-src 'self' ws: wss:; base-uri 'none'; frame-ancestors 'none'",
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'no-cache',
    });
    response.end(file?.body ?? 'Not found');
  };
}
