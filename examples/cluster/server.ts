// One node of the cluster of `npm run cluster`: it serves the page, and joins the others by the engine.
import { createServer } from 'node:http';
import Primus, { type Spark } from 'primus-rx';
import { clustered } from 'primus-rx/cluster';
import { combineLatest } from 'rxjs';
import { nameOf, type Said } from '../chat/messages.js';
import { pages } from '../chat/pages.js';
import { whoIs } from '../chat/room.js';
import { backplaneOf } from './backplane.js';
import { LOBBY, type Present, read, type ToPage } from './messages.js';

type PageSpark = Spark<unknown, ToPage>;

const { NODE = 'node-1', PORT = '8081', ENGINE = 'redis://127.0.0.1:6379' } = process.env;

/** From `dist/examples/cluster/`, where this runs: the pages are not compiled. */
const folders = ['chat', 'cluster'].map((name) => new URL(`../../../examples/${name}/public/`, import.meta.url));

const server = createServer(pages(...folders));

const primus = new Primus<unknown, ToPage>(server, { transformer: 'websockets', pingInterval: 2000, maxLength: 16_384 });
primus.on('log', (level: string, message: unknown) => {
  if (level === 'error') console.error(`${NODE}: ${message}`);
});

const cluster = clustered(primus, await backplaneOf(ENGINE), { node: NODE });

cluster.channels({
  name: new RegExp(`^${LOBBY}$`),
  history: { size: 500, ttl: '1 hour' },
  // What pages say goes through this server, which knows who they are.
  allow: (_spark, _channel, action) => action === 'subscribe',
  presence: (spark): Present => ({ ...personOf(spark), node: NODE }),
});

/** The names of those who have changed theirs. */
const renamed = new WeakMap<object, string>();

primus.on('connection', (spark: PageSpark) => {
  void cluster.join(spark, LOBBY);
  spark.write({ type: 'welcome', who: whoIs(spark), node: NODE });
  spark.write({ type: 'nodes', nodes: cluster.nodes, state: cluster.state });
  spark.on('data', (data) => handle(spark, data));
});

combineLatest([cluster.nodes$, cluster.state$]).subscribe(([nodes, state]) => {
  primus.write({ type: 'nodes', nodes, state });
});

function handle(spark: PageSpark, data: unknown): void {
  const message = read(data);
  switch (message?.type) {
    case 'say': {
      const said: Said = { ...personOf(spark), id: message.id, text: message.text, at: Date.now() };
      // The page sends a message again that the channel has not delivered.
      cluster.publish(LOBBY, said).catch((error) => console.error(`${NODE}: ${error.message}`));
      break;
    }
    case 'rename':
      renamed.set(spark, message.name);
      break;
    case 'wave':
      cluster.to({ room: LOBBY, except: spark.id }).write({ type: 'wave', name: personOf(spark).name, node: NODE });
      break;
    case 'kill':
      process.kill(process.pid, 'SIGKILL');
      break;
    default:
  }
}

function personOf(spark: PageSpark): { who: string; name: string } {
  return { who: whoIs(spark), name: renamed.get(spark) ?? nameOf(spark.query.name) };
}

process.once('SIGTERM', () => primus.destroy({ reconnect: true }, () => process.exit()));
// Ctrl-C reaches every process of a terminal. The program that has started this one says when to end.
process.on('SIGINT', () => {});
process.once('disconnect', () => process.exit());

server.listen(Number(PORT), '127.0.0.1');
