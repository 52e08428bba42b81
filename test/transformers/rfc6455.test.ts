import { describe } from 'vitest';
import { watchForCrashes } from '../server/crashes.js';
import { keepsRfc6455, type Rfc6455 } from './rfc6455.js';

const servers: Rfc6455[] = [
  { transformer: 'websockets' },
  {
    transformer: 'uws',
    terminates: true,
    losesFirstSegment: 'the engine drops them',
    closesAtOnce: true,
    // The engine reports none of these.
    differences: [
      [/^a close with one byte|^close code (0|999|1004|1005|1006|101[2-6]|1100|2999|[235]000|3999|65535)\b|^a reason with/, ['close 1005']],
      [/^a close that is marked/, ['close 1005']],
      [/^a ping that is marked/, [/^pong/, 'open']],
      [/^a final block/, []],
      [/without a mask/, ['open']],
      [/^a binary message between fragments, fin true/, ['binary 6178', 'open']],
      [/^a binary message between fragments, fin false/, ['open']],
    ],
  },
];

describe.each(servers)('the frames of $transformer', (rules) => {
  watchForCrashes();
  keepsRfc6455(rules);
});
