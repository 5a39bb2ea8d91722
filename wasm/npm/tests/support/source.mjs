// Modules of the package's own, for tests of what no entry exports.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** An engine that only listens: `globalThis.engineHears` is called with what it is told, and how many bytes. */
const ENGINE = `
  const names = new Proxy({}, { get: (_, name) => name });
  export const [Ask, Tell, Order] = [names, names, names];
  export const tell = (now, what, first, second, third, length) => globalThis.engineHears(what, first, length);
  export const [ask, start] = [() => NaN, () => {}];
`;

const listening = {
  name: 'listening',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^#engine$/ }, ({ path }) => ({ path, namespace: 'listening' }));
    onLoad({ filter: /./, namespace: 'listening' }, () => ({ contents: ENGINE }));
  },
};

/** What a module below `src` exports, with an engine that only listens. */
export async function source(path) {
  const entry = fileURLToPath(new URL(`../../src/${path}`, import.meta.url));
  const { outputFiles: [{ text }] } = await build({
    entryPoints: [entry], bundle: true, format: 'esm', write: false, plugins: [listening],
  });
  return import(`data:text/javascript,${encodeURIComponent(text)}`);
}
