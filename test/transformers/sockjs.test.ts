import { describe } from 'vitest';
import { contract } from './contract.js';

describe.each(['websocket', 'xhr-streaming', 'xhr-polling'])('over %s', (transports) => {
  contract({
    transformer: 'sockjs',
    options: () => ({ transport: { transports } }),
    skips: { 'carries binary frames': 'SockJS carries texts only' },
  });
});
