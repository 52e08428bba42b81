import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { kill, start } from '../../scripts/processes.mjs';
import { builtins } from '../../src/builtins.js';
import { cleanup } from '../support/serve.js';

const program = fileURLToPath(new URL('../../dist/examples/switch/main.js', import.meta.url));

/** Runs the example as a shell would. */
function run(args: string[], node: string[] = []): Promise<{ code: number | null; output: string; errors: string }> {
  return new Promise((resolve, reject) => {
    const child = start(process.execPath, [...node, program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    cleanup(() => kill(child));
    let output = '';
    let errors = '';
    (child.stdout as Readable).on('data', (chunk) => (output += chunk));
    (child.stderr as Readable).on('data', (chunk) => (errors += chunk));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output, errors }));
  });
}

/** Arguments of Node that make a package look as if it were not installed. */
const without = (name: string) => [
  '--import',
  `data:text/javascript,${encodeURIComponent(`
    import Module from 'node:module';
    for (const method of ['_load', '_resolveFilename']) {
      const own = Module[method];
      Module[method] = function (request, ...rest) {
        if (request.split('/')[0] !== '${name}') return own.call(this, request, ...rest);
        throw Object.assign(new Error('Cannot find module'), { code: 'MODULE_NOT_FOUND' });
      };
    }`)}`,
];

/** The name and the figures of each row that has figures. */
function figures(output: string): { [framework: string]: number[] } {
  const rows = output.matchAll(/^(\S+) +([\d.]+) +(\d+) +(\d+) +(\d+) +(\d+|–)$/gm);
  return Object.fromEntries([...rows].map(([, name, ...columns]) => [name, columns.map(Number)]));
}

describe('the switch example', () => {
  it('measures every built-in framework except one that is not installed', async () => {
    const { code, output, errors } = await run([], without('socket.io'));
    expect(errors).toBe('');
    const measured = figures(output);
    const shipped = [...builtins.transformers.keys()].filter((name) => name !== 'socket.io');
    expect(Object.keys(measured).sort()).toEqual(shipped.sort());
    for (const [name, [connect = 0, median = 0, p99 = 0, rate = 0, bytes = 0]] of Object.entries(measured)) {
      expect(Math.min(connect, median, rate), name).toBeGreaterThan(0);
      expect(p99, name).toBeGreaterThanOrEqual(median);
      // The message and its echo are some 80 bytes of JSON each.
      if (name !== 'memory') expect(bytes, name).toBeGreaterThan(160);
    }
    expect(output).toMatch(/^socket\.io +.*npm install socket\.io@/m);
    expect(code).toBe(0);
  });

  it('measures one framework with one parser', async () => {
    const { code, output } = await run(['engine.io', 'msgpack']);
    const { 'engine.io': measured = [] } = figures(output);
    expect(measured).toHaveLength(5);
    expect(measured.at(-1)).toBeLessThan(140);
    expect(code).toBe(0);
  });

  it('fails when the requested framework is not installed', async () => {
    const { code, output } = await run(['socket.io'], without('socket.io'));
    expect(output).toContain('npm install socket.io@');
    expect(code).toBe(1);
  });

  it.each([
    [['carrier-pigeon'], /no transformer "carrier-pigeon".*websockets/],
    [['websockets', 'morse'], /no parser "morse".*msgpack/],
    [['websockets', 'json', 'please'], /Usage/],
  ])('refuses %j', async (args, reason) => {
    const { code, output, errors } = await run(args);
    expect(errors).toMatch(reason);
    expect(output).toBe('');
    expect(code).toBe(2);
  });
});
