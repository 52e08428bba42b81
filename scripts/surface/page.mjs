// The client that a page loads, in a page that has no more than the client looks at.
import { createServer } from 'node:http';
import { createContext, runInContext } from 'node:vm';

/** Loads the client library of a server with these plugins; returns its class and a client that does not connect. */
export function pageOf(Primus, plugins) {
  const primus = new Primus(createServer(), { transformer: 'websockets', plugin: plugins });
  const page = {
    ...{ setTimeout, clearTimeout, setInterval, clearInterval, queueMicrotask, URL, URLSearchParams, TextEncoder, TextDecoder },
    WebSocket: class {},
    navigator: { onLine: true },
    location: { origin: 'http://127.0.0.1:1', href: 'http://127.0.0.1:1/', protocol: 'http:', host: '127.0.0.1:1' },
    document: {},
    addEventListener() {},
    removeEventListener() {},
  };
  page.window = page;
  page.self = page;
  runInContext(primus.library(), createContext(page));
  primus.destroy();
  const client = new page.Primus('http://127.0.0.1:1/?a=1', { manual: true });
  return { Client: page.Primus, client };
}
