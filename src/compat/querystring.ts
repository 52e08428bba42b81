/** Parses a query string. Of a key that occurs twice, the last value counts. */
export function querystring(query?: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(String(query ?? '').replace(/^[?#]/, '')));
}

/** Prints an object as a query string, with a prefix when it is not empty. */
export function querystringify(object: object, prefix?: string | boolean): string {
  const pairs = Object.entries(object ?? {}).map(
    ([key, value]) => `${encodeURIComponent(key)}=${value == null ? '' : encodeURIComponent(String(value))}`,
  );
  const sign = typeof prefix === 'string' ? prefix : prefix ? '?' : '';
  return pairs.length > 0 ? sign + pairs.join('&') : '';
}
