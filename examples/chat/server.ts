// The chat of `npm start`: a page, a server, and the connection between them, which you can watch and interrupt.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Primus from 'primus-rx';
import { concat, defer, fromEvent, ignoreElements, merge, take, takeUntil } from 'rxjs';
import type { ToPage } from './messages.js';
import { Outages } from './outages.js';
import { pages } from './pages.js';
import { room } from './room.js';

/** From `dist/examples/chat/`, where this runs: the page is not compiled. */
const folder = new URL('../../../examples/chat/public/', import.meta.url);

const serve = pages(folder);

const server = createServer((request, response) => {
  const { method, url = '/' } = request;
  if (method === 'POST' && /^\/outage(\?|$)/.test(url)) response.writeHead(outages.begin(request) ? 204 : 400).end();
  else serve(request, response);
});

/** How long a page may be away and miss nothing, in ms: short enough to wait for its end. An application has minutes. */
const window = Number(process.env.RESUME_WINDOW ?? 40_000);

// A short heartbeat, so that there is something to see: every two seconds a point of the plot.
const primus = new Primus<unknown, ToPage>(server, {
  transformer: 'websockets',
  resume: { window },
  pingInterval: 2000,
  maxLength: 16_384,
});

const outages = new Outages(primus);
room(primus, window).subscribe();

// Set by `npm run dev`: a page reloads itself when it reconnects and the id is a new one.
const { BUILD_ID } = process.env;
if (BUILD_ID) primus.connection$.subscribe((spark) => spark.write({ type: 'build', id: BUILD_ID }));

// On Ctrl-C and SIGTERM the pages are asked to reconnect, one after the other, so that they are back when the server is. A second signal
// does not wait for them, nor does `npm run dev`.
const signal$ = merge(fromEvent(process, 'SIGINT'), fromEvent(process, 'SIGTERM'));
concat(
  signal$.pipe(take(1), ignoreElements()),
  defer(() => primus.drain(BUILD_ID ? { over: 0, retryAfter: 0 } : { over: '2 s' })).pipe(takeUntil(signal$)),
).subscribe({
  complete: () => primus.destroy({ reconnect: true }),
});

server.listen(Number(process.env.PORT ?? 8080), () => {
  console.log(`The chat is at http://localhost:${(server.address() as AddressInfo).port}`);
});
