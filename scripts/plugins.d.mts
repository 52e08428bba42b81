export function missingPlugins(): string | undefined;
export function findRedis(): string | undefined;
