// Plain ws, as its README shows it: the others are compared with it.

export const wire = { path: '/', greetings: 0 };
export const wrap = (text) => text;

export async function serve(server, app) {
  const { WebSocketServer, WebSocket } = await import('ws');
  // The defaults: no compression, and a set of the clients (`clientTracking`), which broadcasting needs.
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => {
    app.opened();
    socket.on('error', () => {});
    socket.on('message', (data) => socket.send(JSON.stringify(JSON.parse(data.toString()))));
    socket.on('close', app.closed);
  });
  return {
    // As an application does it: encode once, then send to each. ws builds a frame for each client.
    broadcast(data) {
      const text = JSON.stringify(data);
      for (const socket of sockets.clients) if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
  };
}

export async function connect(port, receive) {
  const { WebSocket } = await import('ws');
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false });
  socket.on('message', (data) => receive(JSON.parse(data.toString())));
  await new Promise((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', reject);
  });
}
