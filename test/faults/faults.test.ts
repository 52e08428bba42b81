import { once } from 'node:events';
import { expect, it } from 'vitest';
import { missingEngine } from '../../scripts/engines.mjs';
import { kill, start } from '../../scripts/processes.mjs';
import { ENGINES } from './cluster/engine.js';
import { PARSERS, TRANSFORMERS } from './options.js';

/** Runs the program that `npm run faults` runs, with the built package. */
async function faults(...args: string[]): Promise<{ output: string; code: number }> {
  const child = start(process.execPath, ['scripts/faults.mjs', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout?.on('data', (chunk) => {
    output += chunk;
  });
  try {
    const [code] = await once(child, 'close');
    return { output, code };
  } finally {
    await kill(child);
  }
}

// A failure prints the seed, and how to repeat it.
it.each(TRANSFORMERS)('serves others while a client of %s sends mutated requests, frames and messages', async (transformer) => {
  const { output, code } = await faults('--transformer', transformer, '--inputs', '2000', '--seed', '1');
  expect(code, output).toBe(0);
  expect(output.match(/ inputs in /g)).toHaveLength(2);
});

it('serves others while clients send mutated messages of all parsers', async () => {
  const args = ['--transformer', 'websockets', '--parser', PARSERS.join(), '--compression', 'off', '--only', 'frames'];
  const { output, code } = await faults(...args, '--inputs', '5000', '--seed', '1');
  expect(code, output).toBe(0);
  expect(output.match(/ inputs in /g)).toHaveLength(PARSERS.length);
});

it('has the memory and the descriptors of before when connections have broken in every way', async () => {
  const { output, code } = await faults('--faults', '--transformer', 'websockets', '--compression', 'off', '--inputs', '60', '--seed', '1');
  expect(code, output).toBe(0);
  expect(output).toContain('60 faults');
});

// With sessions nothing may be lost without a gap, doubled or reordered; without them, losses are only counted.
it.each(TRANSFORMERS)('sends messages in both directions over %s through a network with faults', async (transformer) => {
  const args = ['--sessions', '--transformer', transformer, '--inputs', '12', '--messages', '1000', '--seed', '1'];
  const { output, code } = await faults(...args);
  expect(code, output).toBe(0);
  expect(output).toContain('12 faults');
  expect(output.match(/ 0 corrupt/g)).toHaveLength(2);
});

// What a history has lost must be a gap; what a room has lost must be known; presence must not have ghosts; questions must complete.
it.each(ENGINES.filter((engine) => missingEngine(`${engine}-server`) === undefined))(
  'keeps the promises of a cluster of four processes on %s through faults of engine, nodes and network',
  async (engine) => {
    const { output, code } = await faults('cluster', '--engine', engine, '--inputs', '4', '--seed', '3');
    expect(code, output).toBe(0);
    expect(output).toContain('4 faults');
  },
);
