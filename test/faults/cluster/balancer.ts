import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP proxy that gives each connection to the next port that accepts it, as a load balancer does. */
export class Balancer {
  readonly #server: Server;
  readonly #ports: readonly number[];
  readonly #sockets = new Set<Socket>();
  #turn = 0;

  private constructor(server: Server, ports: readonly number[]) {
    this.#server = server;
    this.#ports = ports;
    server.on('connection', (socket) => this.#accept(socket, ports.length));
  }

  static async start(ports: readonly number[]): Promise<Balancer> {
    const server = createServer({ pauseOnConnect: true });
    const balancer = new Balancer(server, ports);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return balancer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(client: Socket, tries: number): void {
    const server = connect(this.#ports[this.#turn++ % this.#ports.length] as number, '127.0.0.1');
    let isOpen = false;
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => {});
    }
    server.once('connect', () => {
      isOpen = true;
      client.on('close', () => server.destroy());
      client.pipe(server).pipe(client);
    });
    server.once('close', () => {
      if (!isOpen && tries > 1) this.#accept(client, tries - 1);
      else client.resetAndDestroy();
    });
  }
}
