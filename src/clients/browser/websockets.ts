export * from '../../client-browser.js';
export { Primus as default } from '../../client-browser.js';
