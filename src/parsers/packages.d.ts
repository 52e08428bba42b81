declare module 'ejson' {
  const EJSON: import('./ejson-of.js').EJSON;
  export default EJSON;
}
