import { contract } from './contract.js';

contract({
  transformer: 'memory',
  skips: {
    'survives requests with odd targets': 'it does not use the network',
    'answers requests whose target is not a path': 'it does not use the network',
  },
});
