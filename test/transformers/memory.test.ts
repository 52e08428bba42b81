import { contract } from './contract.js';

contract({
  transformer: 'memory',
  skips: {
    'survives requests with odd targets': 'nothing of it is on the network',
    'answers requests whose target is no path': 'nothing of it is on the network',
  },
});
