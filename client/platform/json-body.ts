import type { IncomingMessage } from 'node:http';

/** How much of a body is read, in bytes. */
const LIMIT = 16_384;

/** Reads the JSON object in the body of a response: an empty one if it is none, or too long. */
export async function jsonBody(response: IncomingMessage): Promise<Record<string, unknown>> {
  try {
    let body = '';
    for await (const chunk of response) {
      body += String(chunk);
      if (body.length > LIMIT) return {};
    }
    return Object(JSON.parse(body)) as Record<string, unknown>;
  } catch {
    return {};
  }
}
