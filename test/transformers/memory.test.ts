import { contract } from './contract.js';

contract({
  transformer: 'memory',
  skips: {
    'tells a client nothing of what functions of the application throw': 'it does not use the network',
    'shows no token of a request in answers, the log, errors, or a spark that is printed': 'it does not use the network',
    'survives requests with odd targets': 'it does not use the network',
    'answers requests whose target is not a path': 'it does not use the network',
  },
});
