// A module of the package's own, for tests of what no entry exports.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** What a module below `src` exports. */
export async function source(path) {
  const entry = fileURLToPath(new URL(`../../src/${path}`, import.meta.url));
  const { outputFiles: [{ text }] } = await build({ entryPoints: [entry], bundle: true, format: 'esm', write: false });
  return import(`data:text/javascript,${encodeURIComponent(text)}`);
}
