export { settle, VirtualTime as Clock } from '../../src/testing/virtual-time.js';
