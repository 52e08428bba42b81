// engine.io over its WebSocket transport, the handshake over HTTP skipped. Measured where it is installed.

// The server begins with an `open` packet; packets of type `message` begin with 4.
export const wire = { path: '/engine.io/?EIO=4&transport=websocket', greetings: 1 };
export const wrap = (text) => `4${text}`;

const QUIET = { pingInterval: 600_000, pingTimeout: 600_000 };

export async function serve(server, app) {
  const { attach } = await import('engine.io');
  const engine = attach(server, { transports: ['websocket'], ...QUIET });
  engine.on('connection', (socket) => {
    app.opened();
    socket.on('message', (data) => socket.send(JSON.stringify(JSON.parse(data))));
    socket.on('close', app.closed);
  });
  return {
    broadcast(data) {
      const text = JSON.stringify(data);
      for (const id in engine.clients) engine.clients[id].send(text);
    },
  };
}
