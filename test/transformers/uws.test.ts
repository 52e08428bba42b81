import { contract } from './contract.js';

contract({
  transformer: 'uws',
  skips: {
    'tells which port a client comes from': 'the engine does not tell',
    'answers requests whose target is no path': 'the engine hangs up on them itself, after 10 s',
  },
});
