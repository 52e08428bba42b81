// This package, built, through its documented events.

export const wire = { path: '/primus/', greetings: 0 };
export const wrap = (text) => text;

const options = { transformer: 'websockets', pathname: '/primus', pingInterval: false };

const onData = (source, next) => source.on('data', next);

export async function serve(server, app, { listen = onData, ...others } = {}) {
  const { default: Primus } = await import('primus-rx');
  const primus = new Primus(server, { ...options, ...others });
  primus.on('connection', (spark) => {
    app.opened();
    listen(spark, (data) => spark.write(data));
  });
  primus.on('disconnection', app.closed);
  return {
    broadcast: (data) => primus.write(data),
    away() {
      let count = 0;
      primus.forEach((spark) => {
        if (spark.away) count++;
      });
      return count;
    },
  };
}

export async function connect(port, receive, listen = onData) {
  const { default: Primus } = await import('primus-rx');
  const Socket = Primus.createSocket(options);
  const socket = new Socket(`http://127.0.0.1:${port}`, { pingTimeout: false, strategy: false });
  listen(socket, receive);
  await new Promise((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', reject);
  });
}
