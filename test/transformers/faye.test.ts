import { contract } from './contract.js';

contract({ transformer: 'faye' });
