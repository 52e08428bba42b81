// A node of Socket.IO with its adapter for Redis.

// engine.io sends `open`, the client joins the namespace `/` (40), the server confirms it; then events are 42["name",data].
export const wire = { path: '/socket.io/?EIO=4&transport=websocket', hello: ['40'], greetings: 2 };

export async function serve(server, redisUrl) {
  const [{ Server }, { createAdapter }, { createClient }] = await Promise.all([
    import('socket.io'),
    import('@socket.io/redis-adapter'),
    import('redis'),
  ]);
  const publisher = createClient({ url: redisUrl });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  const quiet = { pingInterval: 600_000, pingTimeout: 600_000 };
  const io = new Server(server, { transports: ['websocket'], serveClient: false, ...quiet, adapter: createAdapter(publisher, subscriber) });
  io.on('connection', (socket) => void socket.join('room'));
  return { write: (data) => io.to('room').emit('message', data) };
}
