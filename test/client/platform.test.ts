import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { configure } from '../../src/client-browser.js';
import { json } from '../../src/parsers/json.js';
import { client as transformer } from '../../transformers/websockets/client.js';
import { watchForCrashes } from '../server/crashes.js';
import { cleanup, event, serve } from '../support/serve.js';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

/** The platform of pages, made in a process with these globals. */
async function platform(globals: Record<string, unknown>) {
  for (const [name, value] of Object.entries({ WebSocket, ...globals })) vi.stubGlobal(name, value);
  vi.resetModules();
  const { browser } = await import('../../client/platform/browser.js');
  return browser;
}

watchForCrashes();

describe('the client for pages, where a feature of pages is missing', () => {
  it('connects without `addEventListener` and `location`, as in React Native', async () => {
    const { primus, url } = await serve();
    primus.on('connection', (spark) => spark.on('data', (data) => spark.write({ echo: data })));
    const browser = await platform({ addEventListener: undefined, removeEventListener: undefined, location: undefined });
    const Client = configure({ transformer, parser: json, platform: browser });
    const client = new Client(url);
    cleanup(() => client.destroy());
    client.write('hello');
    expect((await event(client, 'data'))[0]).toEqual({ echo: 'hello' });
  });

  it('has an address that is invalid, and not one without a host, in a sandboxed frame and in a file', async () => {
    for (const origin of ['null', 'file://']) {
      const browser = await platform({ location: { origin, href: 'about:srcdoc' } });
      const Client = configure({ transformer, parser: json, platform: browser });
      for (const address of [undefined, '/live', origin])
        expect(() => new Client(address as never, { manual: true }), `${origin} ${address}`).toThrow(
          expect.objectContaining({ code: 'ERR_PRIMUS_URL' }),
        );
      expect(new Client('https://example.com/live', { manual: true }).pathname).toBe('/live');
    }
  });

  it('uses the origin of a page', async () => {
    const browser = await platform({ location: { origin: 'https://example.com', href: 'https://example.com/page' } });
    const Client = configure({ transformer, parser: json, platform: browser });
    expect(new Client('/live', { manual: true })).toMatchObject({ pathname: '/live' });
  });
});
