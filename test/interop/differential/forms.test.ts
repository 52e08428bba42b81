import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Primus } from '../../../src/index.js';
import type { Any } from '../defects/stage.js';
import { DIFFERENCES } from './forms/differences.js';
import { CLIENT, CONSTRUCTORS, client, constructors, SERVER, SPARK, server, spark } from './forms/methods.js';
import { observe, type Subject } from './forms/observe.js';
import type { Form } from './forms/values.js';

const original = createRequire(import.meta.url)('primus');
const migrating = readFileSync(join(import.meta.dirname, '../../../docs/migrating.md'), 'utf8');

const SUBJECTS = {
  constructors: [constructors, CONSTRUCTORS],
  primus: [server, SERVER],
  spark: [spark, SPARK],
  client: [client, CLIENT],
} as const;

/** Errors that are thrown where no caller can catch them. */
const uncaught: unknown[] = [];
const listeners = process.listeners('uncaughtException');

beforeAll(() => {
  process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => uncaught.push(error));
});

afterAll(() => {
  process.removeAllListeners('uncaughtException');
  for (const listener of listeners) process.on('uncaughtException', listener);
});

async function outcome(Package: Any, create: (Package: Any) => Subject, method: string, { create: args }: Form): Promise<string> {
  uncaught.length = 0;
  const observed = await observe(create(Package), method, args());
  return uncaught.length > 0 ? 'ends the process' : observed;
}

/** The forms whose outcomes were different, by method. */
const different = new Map<string, readonly string[]>();

describe.each(Object.entries(SUBJECTS))('%s', (name, [create, methods]) => {
  it.each(Object.entries(methods))('%s', async (method, forms) => {
    const call = name === 'constructors' ? method : `${name}.${method}`;
    const outcomes: Record<string, { ours: string; original: string }> = {};
    for (const form of forms) {
      const theirs = await outcome(original, create, method, form);
      const ours = await outcome(Primus, create, method, form);
      if (ours !== theirs) outcomes[form.name] = { ours, original: theirs };
    }
    different.set(call, Object.keys(outcomes));
    const known = DIFFERENCES.filter((difference) => difference.methods.includes(call));
    for (const form of Object.keys(outcomes)) if (known.some(({ forms }) => forms.test(form))) delete outcomes[form];
    expect(outcomes).toEqual({});
  });
});

describe('a listed difference', () => {
  const listed = DIFFERENCES.flatMap(({ methods, forms, row }) => methods.map((method) => ({ method, forms, row })));

  it.each(listed)('of $method still exists, and has a row in docs/migrating.md: $row', ({ method, forms, row }) => {
    expect(different.get(method)?.filter((form) => forms.test(form))).not.toEqual([]);
    expect(migrating).toContain(`| ${row} |`);
  });
});
