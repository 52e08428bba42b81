export { randomFrom } from '../../src/testing/random.js';
