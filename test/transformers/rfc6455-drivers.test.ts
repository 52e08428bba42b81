import { describe } from 'vitest';
import { watchForCrashes } from '../server/crashes.js';
import { keepsRfc6455, type Rfc6455 } from './rfc6455.js';

// The driver that faye and sockjs share answers it so.
const differences: Rfc6455['differences'] = [[/^a close without a code/, ['close 1000']]];

const servers: Rfc6455[] = [
  { transformer: 'faye', differences },
  { transformer: 'sockjs', path: '/primus/websocket', differences },
];

describe.each(servers)('the frames of $transformer', (rules) => {
  watchForCrashes();
  keepsRfc6455(rules);
});
