import { NEVER, Observable } from 'rxjs';
import { expect, it, onTestFinished, vi } from 'vitest';
import { requests } from '../../src/request.js';
import { HandoverWorld } from '../cluster/handover-world.js';
import { record, settled } from './requests-world.js';

it('fails requests at once that a session leaves behind on another server, on both ends', async () => {
  const world = new HandoverWorld(['n1', 'n2']);
  onTestFinished(() => world.destroy());
  await world.pass(20);
  const left = { n1: vi.fn(), n2: vi.fn(), client: vi.fn() };
  for (const name of ['n1', 'n2'] as const) {
    const { handle } = requests(world.node(name).primus);
    handle('never', () => new Observable(() => left[name]));
    handle('where', () => name);
  }
  const ada = world.join('n1');
  const client = requests(ada.client, { timeout: Infinity });
  client.handle('never', () => new Observable(() => left.client));
  await world.pass(50);
  const up = record(client.request('never'));
  const down = record(requests(world.node('n1').primus).request(world.last.spark, 'never', null, { timeout: Infinity }));
  await world.pass(10);
  world.move(ada, 'n2');
  const waiting = settled(client.call('where'));
  await world.pass(200);
  expect(ada.outcomes.map(({ type }) => type)).toEqual(['fresh', 'resumed']);
  expect([up.log, down.log, waiting]).toEqual([['ERR_PRIMUS_DROPPED'], ['ERR_PRIMUS_DROPPED'], ['n2']]);
  expect([left.n1, left.n2, left.client].map(({ mock }) => mock.calls.length)).toEqual([1, 0, 1]);
  expect(world.errors).toEqual([]);
});

it('does not take the answer to a request of the server before for one of its own', async () => {
  const world = new HandoverWorld(['n1', 'n2']);
  onTestFinished(() => world.destroy());
  await world.pass(20);
  for (const name of ['n1', 'n2']) requests(world.node(name).primus).handle('never', () => NEVER);
  const ada = world.join('n1');
  let answer = (_value: string) => {};
  requests(ada.client).handle('slow', (from: string) => new Promise((resolve) => (answer = () => resolve(`to ${from}`))));
  await world.pass(50);
  const first = settled(requests(world.node('n1').primus).call(world.last.spark, 'slow', 'n1'));
  await world.pass(10);
  const late = answer;
  world.move(ada, 'n2');
  await world.pass(200);
  const second = settled(requests(world.node('n2').primus).call(world.last.spark, 'slow', 'n2'));
  await world.pass(10);
  late('');
  await world.pass(10);
  expect([first, second]).toEqual([['ERR_PRIMUS_DROPPED'], []]);
  answer('');
  await world.pass(10);
  expect(second).toEqual(['to n2']);
});
