// The builds of frameworks that the clients for pages are made of, where these have no types.

declare module 'sockjs-client/lib/main.js' {
  const make: (transports: object[]) => new (url: string, protocols: null, options: object) => never;
  export default make;
}

declare module 'sockjs-client/lib/transport/*' {
  const transport: object;
  export default transport;
}

declare module 'browserchannel/dist/bcsocket-uncompressed.js' {
  export const BCSocket: new (url: { toString(): string }, options: object) => never;
}
