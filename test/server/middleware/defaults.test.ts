import { describe, expect, it } from 'vitest';
import type { ServerOptions } from '../../../src/index.js';
import { serve } from '../../support/serve.js';

const DOCUMENTED = ['forwarded', 'cors', 'primus.js', 'spec', 'x-xss', 'no-cache', 'authorization'];

/** The layers that are asked about a kind of request. */
async function active(kind: 'http' | 'upgrade', options: ServerOptions = {}) {
  const { primus } = await serve(options);
  return primus.layers.filter(({ enabled, fn }) => enabled && fn[kind] !== false).map(({ name }) => name);
}

describe('the default layers', () => {
  it('are the documented ones, in the documented order', async () => {
    const { primus } = await serve();
    expect(primus.layers.map(({ name }) => name)).toEqual(DOCUMENTED);
    for (const layer of primus.layers) expect(layer).toEqual({ name: layer.name, fn: layer.fn, length: layer.fn.length, enabled: true });
    expect(DOCUMENTED.map((name) => primus.indexOfLayer(name))).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it('run on an upgrade only where an option needs them', async () => {
    expect(await active('upgrade')).toEqual(['forwarded', 'cors']);
    expect(await active('upgrade', { authorization: (_request, done) => done() })).toEqual(['forwarded', 'cors', 'authorization']);
    expect(await active('http')).toEqual(['forwarded', 'cors', 'primus.js', 'spec', 'x-xss', 'no-cache']);
  });

  it('allow other layers at an index, and can be replaced in their place', async () => {
    const { primus, url } = await serve();
    primus.use('third', (_request: unknown, _response: unknown) => {}, 2);
    primus.use('spec', (_request, response) => {
      response.end('mine');
      return true;
    });
    expect(primus.layers.map(({ name }) => name)).toEqual(['forwarded', 'cors', 'third', ...DOCUMENTED.slice(2)]);
    expect(await (await fetch(`${url}/primus/spec`)).text()).toBe('mine');
  });

  it.each(['primus.js', 'spec'])('%s is replaced by a layer of the application after its removal', async (name) => {
    const { primus, url } = await serve();
    primus.remove(name);
    const asked = () => fetch(`${url}/primus/${name}`);
    expect((await asked()).status).toBe(426);
    primus.use('mine', ({ url: target }, response, next) => (target === `/primus/${name}` ? response.end('mine') : next()));
    expect(await (await asked()).text()).toBe('mine');
  });

  it('can each be disabled, enabled and removed', async () => {
    const { primus, url } = await serve({ authorization: (_request, done) => done('no') });
    const plain = () => fetch(`${url}/primus/x`, { headers: { origin: 'http://a.example' } });
    const before = await plain();
    expect(before.status).toBe(401);
    expect(Object.fromEntries(before.headers)).toMatchObject({
      'access-control-allow-origin': 'http://a.example',
      'x-xss-protection': '0',
      'cache-control': expect.stringContaining('no-store'),
    });
    for (const name of DOCUMENTED) expect(primus.disable(name)).toBe(primus);
    const without = await plain();
    expect(without.status).toBe(426);
    for (const name of ['access-control-allow-origin', 'vary', 'x-xss-protection', 'cache-control'])
      expect(without.headers.has(name)).toBe(false);
    expect((await fetch(`${url}/primus/primus.js`)).status).toBe(426);
    for (const name of DOCUMENTED) expect(primus.enable(name)).toBe(primus);
    expect((await plain()).status).toBe(401);
    for (const name of DOCUMENTED) expect(primus.remove(name)).toBe(primus);
    expect(primus.layers).toEqual([]);
    expect((await plain()).status).toBe(426);
  });
});
