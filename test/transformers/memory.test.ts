import { contract } from './contract.js';

contract({
  transformer: 'memory',
  skips: { 'survives requests with odd targets': 'nothing of it is on the network' },
});
