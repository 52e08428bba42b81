import { describe, expect, it } from 'vitest';
import { watchForCrashes } from '../server/crashes.js';
import { World } from '../support/world.js';

watchForCrashes();

const aborted = { name: 'PrimusError', code: 'ERR_PRIMUS_ABORTED' };
const closed = { name: 'PrimusError', code: 'ERR_PRIMUS_CLOSED' };

/** The outcome of a promise: `waiting` as long as there is none. */
function outcomeOf(promise: Promise<void>) {
  const found: { outcome: unknown } = { outcome: 'waiting' };
  promise.then(
    () => {
      found.outcome = 'ready';
    },
    (error) => {
      found.outcome = error;
    },
  );
  return found;
}

describe('ready()', () => {
  it('resolves when the client is open, and at once if it is', async () => {
    const world = new World();
    const { client } = world.connect({ manual: true });
    const found = outcomeOf(client.ready());
    await world.pass(1_000);
    expect(found.outcome).toBe('waiting');
    client.open();
    await world.pass(10);
    expect([found.outcome, client.readyState]).toEqual(['ready', 3]);
    await client.ready();
    await world.destroy();
  });

  it('waits for attempts to reconnect', async () => {
    const world = new World();
    await world.stop();
    const { client } = world.connect();
    const found = outcomeOf(client.ready());
    await world.pass(100);
    expect([found.outcome, client.state.name]).toEqual(['waiting', 'waiting']);
    world.start();
    await world.pass(5_000);
    expect(found.outcome).toBe('ready');
    await world.destroy();
  });

  it.each<[string, (client: World['peers'][0]['client']) => unknown]>([
    ['end()', (client) => client.end()],
    ['destroy()', (client) => client.destroy()],
  ])('rejects when %s ends the client, and at once after that', async (_name, end) => {
    const world = new World();
    world.network.mute = true;
    const { client } = world.connect();
    const found = outcomeOf(client.ready());
    await world.pass(10);
    end(client);
    await world.pass(10);
    expect(found.outcome).toMatchObject(closed);
    await expect(client.ready()).rejects.toMatchObject(closed);
    await world.destroy();
  });

  it('rejects with the error of a client that has given up', async () => {
    const world = new World();
    await world.stop();
    const { client } = world.connect({ reconnect: { retries: 2, min: 10, max: 10 } });
    const found = outcomeOf(client.ready());
    await world.pass(1_000);
    expect(found.outcome).toMatchObject({ code: 'ERR_PRIMUS_GAVE_UP' });
    await world.destroy();
  });

  it('rejects when its signal is aborted, with the reason as cause, and leaves the client alone', async () => {
    const world = new World();
    world.network.mute = true;
    const { client } = world.connect({ timeout: 1_000 });
    const controller = new AbortController();
    const { signal } = controller;
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(signal, args);
    };
    const [first, second] = [outcomeOf(client.ready({ signal })), outcomeOf(client.ready())];
    await world.pass(10);
    controller.abort('enough');
    await world.pass(10);
    expect(first.outcome).toMatchObject({ ...aborted, cause: 'enough' });
    await expect(client.ready({ signal })).rejects.toMatchObject(aborted);
    expect([second.outcome, listeners]).toEqual(['waiting', 0]);
    world.network.mute = false;
    await world.pass(5_000);
    expect(second.outcome).toBe('ready');
    await world.destroy();
    expect(world.clock.pending).toBe(0);
  });
});
