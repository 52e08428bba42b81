// Run it with `node --test`. Other test runners do as well.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestWorld } from 'primus-rx/testing';
import { distinctUntilChanged } from 'rxjs';
import { servePrices, Ticker } from './ticker.js';

/** A ticker in a world with its server. */
function start() {
  let publish: ReturnType<typeof servePrices> = () => {};
  const world = createTestWorld({
    setup: (primus) => {
      publish = servePrices(primus);
    },
  });
  const ticker = new Ticker('https://example.com', 'ACME', world.Client);
  const statuses: string[] = [];
  ticker.status$.pipe(distinctUntilChanged()).subscribe((status) => statuses.push(status));
  return { world, ticker, statuses, publish: (price: number) => publish('ACME', price) };
}

test('goes on after a network failure of a minute', async () => {
  const { world, ticker, statuses, publish } = start();
  await world.play('1s p 1s c 1m h 1m p |', { p: () => publish(Math.floor(world.now() / 1000)) });
  assert.equal(ticker.price, 122);
  assert.deepEqual(statuses, ['connecting', 'live', 'connecting', 'no connection', 'live']);
  await world.destroy();
});

test('watches its stock again when the server was restarted', async () => {
  const { world, ticker, publish } = start();
  await world.advance(100);
  publish(1);
  await world.restart({ downtime: 5_000 });
  await world.advance(30_000);
  publish(2);
  await world.advance(100);
  assert.equal(ticker.price, 2);
  await world.destroy();
});

test('detects a server that became silent', async () => {
  const { world, ticker } = start();
  await world.play('1s o 50s |');
  assert.notEqual(ticker.client.state.name, 'open');
  world.network.heal();
  await world.advance(60_000);
  assert.equal(ticker.client.state.name, 'open');
  await world.destroy();
});
