// A node of a cluster of this package, on Redis.

export const wire = { path: '/primus/', greetings: 0 };

export async function serve(server, redisUrl, transformer = 'websockets') {
  const [{ default: Primus }, { clustered, redis }, { createClient }] = await Promise.all([
    import('primus-rx'),
    import('primus-rx/cluster'),
    import('redis'),
  ]);
  const primus = new Primus(server, { transformer, pingInterval: false });
  const cluster = clustered(primus, redis(createClient({ url: redisUrl })));
  primus.on('log', (...entry) => console.error(...entry));
  primus.on('connection', (spark) => void cluster.join(spark, 'room'));
  await new Promise((resolve) => cluster.state$.subscribe((state) => state === 'up' && resolve()));
  return { write: (data) => cluster.to({ room: 'room' }).write(data) };
}
