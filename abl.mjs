import { bundle } from './scripts/bundle.mjs';
import { gzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
await bundle('engine.io'); await bundle('websockets');
for (const n of ['engine.io','websockets']) console.log(n, gzipSync(readFileSync(`dist/browser/${n}.min.js`),{level:9}).length);
