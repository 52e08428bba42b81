// The original, over the same ws.

export const wire = { path: '/primus/', greetings: 0 };
export const wrap = (text) => text;

const options = { transformer: 'websockets', pathname: '/primus', pingInterval: false };

export async function serve(server, app) {
  const { default: Primus } = await import('primus');
  const primus = new Primus(server, options);
  primus.on('connection', (spark) => {
    app.opened();
    spark.on('data', (data) => spark.write(data));
  });
  primus.on('disconnection', app.closed);
  return { broadcast: (data) => primus.write(data) };
}

export async function connect(port, receive) {
  const { default: Primus } = await import('primus');
  const Socket = Primus.createSocket(options);
  const socket = new Socket(`http://127.0.0.1:${port}`, { pingTimeout: false, strategy: false });
  socket.on('data', receive);
  await new Promise((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', reject);
  });
}
