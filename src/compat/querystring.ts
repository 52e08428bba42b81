/** The query string of an address, parsed; of a key that is given twice, the last value. */
export function querystring(query: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(query.replace(/^[?#]/, '')));
}

/** The query string of an object; with a prefix when asked for and not empty. */
export function querystringify(object: object, prefix: string | boolean = ''): string {
  const pairs = Object.entries(object).map(
    ([key, value]) => `${encodeURIComponent(key)}=${value == null ? '' : encodeURIComponent(String(value))}`,
  );
  const sign = prefix === true ? '?' : prefix || '';
  return pairs.length > 0 ? sign + pairs.join('&') : '';
}
