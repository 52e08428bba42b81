// Bare uWebSockets.js with the same JSON work: the cost when a C++ framework moves the bytes.

export const wire = { path: '/', greetings: 0 };
export const wrap = (text) => text;

export async function serve(_server, app) {
  const { default: uWS } = await import('uWebSockets.js');
  const engine = uWS.App().ws('/*', {
    idleTimeout: 0,
    // The others take messages of a megabyte, at least.
    maxPayloadLength: 1_048_576,
    open(socket) {
      socket.subscribe('all');
      app.opened();
    },
    message: (socket, data) => void socket.send(JSON.stringify(JSON.parse(Buffer.from(data).toString()))),
    close: app.closed,
  });
  const port = await new Promise((resolve, reject) =>
    engine.listen('127.0.0.1', 0, (socket) => (socket ? resolve(uWS.us_socket_local_port(socket)) : reject(new Error('No port')))),
  );
  return { port, broadcast: (data) => engine.publish('all', JSON.stringify(data)) };
}
