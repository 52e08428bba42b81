import { createRequire } from 'node:module';
import { defects } from './all.js';
import { Stage } from './stage.js';

// Runs one scenario with the original in a process of its own, and prints the outcome.
const scenario = defects.find(({ name }) => name === process.argv[2])?.scenario;
const stage = new Stage('original', createRequire(import.meta.url)('primus'));
const seen = await scenario?.(stage);
process.send?.(seen, () => process.exit());
