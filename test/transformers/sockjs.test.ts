import { contract } from './contract.js';

contract({ transformer: 'sockjs', skips: { 'carries binary frames': 'SockJS carries texts only' } });
