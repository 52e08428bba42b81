import { STATUS_CODES, validateHeaderValue } from 'node:http';
import type { Rejection } from './reject.js';

/** Returns a valid rejection for an error of any type; `fallback` is the status where the error has none. */
export function rejectionOf(error: unknown, fallback = 401): Rejection {
  const { statusCode, authenticate, message } = read(error);
  const status =
    Number.isInteger(Number(statusCode)) && Number(statusCode) >= 300 && Number(statusCode) <= 599 ? Number(statusCode) : fallback;
  const challenge = status === 401 && isHeader(authenticate) ? { 'WWW-Authenticate': authenticate } : {};
  return { status, message: toJson(message) ?? STATUS_CODES[status], headers: challenge };
}

/**
 * Returns the rejection for what a function of the application threw, or its promise was rejected with. Only an error with a status was
 * meant for the client: the message of any other may be a password.
 */
export function rejectionOfThrown(thrown: unknown): Rejection {
  const rejection = rejectionOf(thrown, 0);
  return rejection.status === 0 ? { status: 500 } : rejection;
}

/** Reads the documented properties of an error, whose getters may throw. A string is its own message. */
function read(error: unknown): { statusCode?: unknown; authenticate?: unknown; message?: unknown } {
  if (typeof error !== 'object' || error === null) return { message: error };
  try {
    const { statusCode, authenticate, message } = error as { statusCode?: unknown; authenticate?: unknown; message?: unknown };
    return { statusCode: typeof statusCode === 'string' || typeof statusCode === 'number' ? statusCode : undefined, authenticate, message };
  } catch {
    return {};
  }
}

function isHeader(value: unknown): value is string {
  if (typeof value !== 'string' || value === '') return false;
  try {
    validateHeaderValue('WWW-Authenticate', value);
    return true;
  } catch {
    return false;
  }
}

/** Returns a message as JSON carries it; `undefined` when it is empty, or JSON cannot. */
function toJson(message: unknown): unknown {
  if (!message || message === true) return undefined;
  try {
    return JSON.parse(JSON.stringify(message));
  } catch {
    return undefined;
  }
}
