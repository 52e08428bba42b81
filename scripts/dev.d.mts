export function actionFor(path: string): 'build' | 'restart' | undefined;
export function develop(options: {
  folder: string;
  build: string[];
  server: string[];
  signal: AbortSignal;
  port?: string;
  log?: (message: string) => void;
}): Promise<void>;
