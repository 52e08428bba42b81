// Signed tokens that expire. An application takes a library for JSON Web Tokens instead.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Lives as long as the process: after a restart, all users log in again. */
const secret = randomBytes(32);

const sign = (text: string): Buffer => createHmac('sha256', secret).update(text).digest();

/** Returns a token for a user, which is valid for so many ms. */
export function issue(user: string, lifetime: number): string {
  const claims = Buffer.from(JSON.stringify({ user, expires: Date.now() + lifetime })).toString('base64url');
  return `${claims}.${sign(claims).toString('base64url')}`;
}

/** Returns the user of a token, or `undefined` when it is not one of ours, or has expired. */
export function userOf(token: string): string | undefined {
  const [claims = '', signature = ''] = token.split('.');
  const given = Buffer.from(signature, 'base64url');
  const expected = sign(claims);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  const { user, expires } = JSON.parse(Buffer.from(claims, 'base64url').toString());
  return Date.now() < expires ? user : undefined;
}
