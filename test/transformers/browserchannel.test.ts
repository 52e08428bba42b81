import { contract } from './contract.js';
import { foreign } from './foreign.js';
import { missing } from './missing.js';

const transformer = 'browserchannel';

missing(transformer, 'browserchannel', 'browserchannel');

contract({
  transformer,
  skips: {
    'hands over headers as they were sent': "the framework's own client for Node sends a Host without the port",
    'listens on IPv6 as well': 'the framework writes no IPv6 address into a URL; by requests of our own, below',
  },
});

foreign(transformer);
