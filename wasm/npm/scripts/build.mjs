// Bundles the package: `cargo xtask npm` has put the bound module into `bound` and `dist` before.
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

const common = {
  bundle: true,
  format: 'esm',
  target: ['es2022', 'chrome111', 'firefox111', 'safari16.4'],
  minify: true,
  legalComments: 'none',
  alias: { '#engine': './bound/engine.js' },
  logLevel: 'warning',
};

/** Modules whose text is made here. */
const given = (texts) => ({
  name: 'given',
  setup(build) {
    build.onResolve({ filter: /^#(worker-source|wasm-base64)$/ }, ({ path }) => ({
      path, namespace: 'given',
    }));
    build.onLoad({ filter: /.*/, namespace: 'given' }, ({ path }) => ({
      contents: texts[path](), loader: 'text',
    }));
  },
});

await build({ ...common, entryPoints: ['src/worker.ts', 'src/index.ts'], outdir: 'dist' });
await build({
  ...common,
  entryPoints: ['src/node.ts', 'src/node-slim.ts', 'src/worker-node.ts'],
  outdir: 'dist',
  platform: 'node',
  target: 'node20',
  external: ['ws'],
});
await build({
  ...common,
  entryPoints: ['src/slim.ts', 'src/inline.ts'],
  outdir: 'dist',
  plugins: [given({
    '#worker-source': () => readFileSync('dist/worker.js'),
    '#wasm-base64': () => readFileSync('dist/gannet.wasm').toString('base64'),
  })],
});
rmSync('dist/types', { recursive: true, force: true });
execFileSync('node_modules/.bin/tsc', ['--project', '.'], { stdio: 'inherit' });
copyFileSync('../../LICENSE', 'dist/LICENSE');
