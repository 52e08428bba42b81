// The contract of one transformer, as a program for any runtime: prints the outcome as JSON.
import { contract } from '../transformers/contract.js';
import { skips } from '../transformers/skips.js';
import { run } from './runner.js';

const [transformer = '', more = '{}'] = process.argv.slice(2);

contract({ transformer, skips: { ...skips[transformer], ...JSON.parse(more) } });
console.log(JSON.stringify(await run()));
process.exit(0);
