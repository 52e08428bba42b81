export * from '../../client-node.js';
export { Primus as default } from '../../client-node.js';
