import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, it } from 'vitest';

const require = createRequire(import.meta.url);
const folder = '../../dist/commonjs/shared';

const files = readdirSync(new URL(folder, import.meta.url)).filter((name) => name.endsWith('.cjs'));

/** They load packages that are not installed here. */
const others = new Set(['ejson.cjs', 'react.cjs']);

it.each(files.filter((name) => !others.has(name)))('%s exports values: a getter would cost each message', (name) => {
  const exported = Object.getOwnPropertyDescriptors(require(`${folder}/${name}`) as object);
  for (const { value, get } of Object.values(exported)) {
    expect(get).toBeUndefined();
    expect(value).toBeDefined();
  }
});
