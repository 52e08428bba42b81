// Socket.IO over WebSockets, the handshake over HTTP skipped. Measured where it is installed.

// engine.io sends `open`, the client joins the namespace `/` (40), the server confirms it; then events are 42["name",data].
export const wire = { path: '/socket.io/?EIO=4&transport=websocket', hello: ['40'], greetings: 2 };
export const wrap = (text) => `42["message",${text}]`;

const QUIET = { pingInterval: 600_000, pingTimeout: 600_000 };

export async function serve(server, app) {
  const { Server } = await import('socket.io');
  const io = new Server(server, { transports: ['websocket'], serveClient: false, ...QUIET });
  io.on('connection', (socket) => {
    app.opened();
    socket.on('message', (data) => socket.emit('message', data));
    socket.on('disconnect', app.closed);
  });
  return { broadcast: (data) => io.emit('message', data) };
}
