import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Observable } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import type { configure } from '../../client/primus.js';
import type { ClientOptions, Spark } from '../../src/index.js';
import { World, type WorldOptions } from '../support/world.js';

// The client as it is served, which other tests in virtual time do not run: bundled, with a second RxJS inside, and minified.

interface Bundle {
  configure(configuration: unknown): ReturnType<typeof configure>;
}

function load(name: string): Bundle {
  const source = readFileSync(join(import.meta.dirname, '../../dist/browser', name), 'utf8');
  return new Function(`${source}\nreturn PrimusClient;`)() as Bundle;
}

function maker(bundle: Bundle): typeof configure {
  return (parts, configuration) => {
    const Served = bundle.configure(configuration);
    const Stream = Served.parts.platform.network$.constructor as typeof Observable;
    const connect: typeof parts.transformer.connect = (target) =>
      new Stream((subscriber) => parts.transformer.connect(target).subscribe(subscriber));
    Served.parts = { ...parts, transformer: { connect } };
    return Served;
  };
}

let world: World;

afterEach(async () => {
  await world.destroy();
  expect(world.clock.pending, 'no timer is left').toBe(0);
  expect(world.network.alive, 'no connection is left').toBe(0);
});

describe.each(['websockets.js', 'websockets.min.js'])('the served client, %s', (name) => {
  const make = maker(load(name));

  function start(options: ClientOptions = {}, more: WorldOptions = {}) {
    world = new World(more);
    const peer = world.connect({ reconnect: { min: 100, max: 100, retries: 2 }, ...options }, {}, make);
    const events: string[] = [];
    for (const event of ['open', 'close', 'end', 'timeout', 'reconnect', 'reconnected', 'reconnect timeout', 'reconnect failed'] as const)
      peer.client.on(event, () => events.push(event));
    return { peer, client: peer.client, events };
  }

  it('carries messages in order, through slow transformers too, and buffers them without a connection', async () => {
    const { peer, client } = start();
    const up: number[] = [];
    const down: number[] = [];
    for (const direction of ['incoming', 'outgoing'] as const)
      client.transform(direction, ({ data }, next) => void (data % 3 ? next() : world.clock.schedule(() => next(), data)));
    world.primus.on('connection', (spark: Spark) => void spark.on('data', (value) => up.push(value)));
    client.data$.subscribe((value) => down.push(value));
    const all = Array.from({ length: 30 }, (_, n) => n);
    for (const n of all) client.write(n);
    await world.pass(1_000);
    for (const n of all) world.findSpark(peer)?.write(n);
    await world.pass(1_000);
    expect([up, down]).toEqual([all, all]);
  });

  it('reconnects after a drop, after a silence, and when the network is back', async () => {
    const { peer, client, events } = start({ pingTimeout: 5_000 }, { server: { pingInterval: false } });
    await world.pass(1_000);
    world.network.cut();
    await world.pass(1_500);
    expect(events).toEqual(['open', 'close', 'reconnect', 'reconnected', 'open']);
    await world.pass(5_000);
    expect(events.slice(5)).toEqual(['close', 'reconnect', 'reconnected', 'open']);
    peer.network$.next(false);
    expect(client.state).toMatchObject({ name: 'waiting', until: null });
    await world.pass(10_000);
    peer.network$.next(true);
    await world.pass(200);
    expect(events.slice(9)).toEqual(['close', 'reconnect', 'reconnected', 'open']);
  });

  it('gives up in time, and begins again', async () => {
    const { client, events } = start({ timeout: 500, reconnect: { min: 100, max: 100, retries: 2, 'reconnect timeout': 500 } });
    world.network.mute = true;
    await world.pass(5_000);
    expect(events).toEqual(['timeout', 'reconnect', 'reconnect timeout', 'reconnect', 'reconnect timeout', 'reconnect failed', 'end']);
    world.network.mute = false;
    client.open();
    await world.pass(100);
    expect(events.at(-1)).toBe('open');
  });

  it('asks for its credentials each time', async () => {
    const asked: string[] = [];
    const credentials = async () => ({ token: String(asked.push('token')) });
    const { peer } = start({ credentials });
    await world.pass(100);
    expect(world.findSpark(peer)?.query).toMatchObject({ token: '1' });
    world.network.cut();
    await world.pass(1_000);
    expect(world.findSpark(peer)?.query).toMatchObject({ token: '2' });
  });
});
