// Bundles the package: `cargo xtask npm` has put the bound module into `bound` and `dist` before.
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

/** The start as wasm-bindgen has it takes what nobody here gives it; all that we want back is the memory. */
const START = /function initSync\(module\) \{.*?^\}/ms;
const STARTED = `function initSync({ module }) {
  if (!(module instanceof WebAssembly.Module)) module = new WebAssembly.Module(module);
  __wbg_finalize_init(new WebAssembly.Instance(module, __wbg_get_imports()), module);
  return { memory: wasm.memory };
}`;

writeFileSync('bound/engine.short.ts', shortened(readFileSync('bound/engine.js', 'utf8')));

/**
 * The JavaScript around the module, with the short names that the module has in the end; the tables
 * of what can be told and asked are TypeScript's, of which only the numbers stay.
 */
function shortened(glue) {
  const { imports, exports } = JSON.parse(readFileSync('bound/names.json', 'utf8'));
  const ours = new Map(exports.map(([long, short]) => [long, short]));
  const theirs = new Map(imports.map(([, long, short]) => [long, short]));
  if (!START.test(glue)) throw new Error('the module is started in a new way');
  return glue
    .replace(START, STARTED)
    .replaceAll(/export const (\w+) = Object\.freeze\(\{(.*?)^\}\);/gms, 'export enum $1 {$2}')
    .replaceAll(/: (\d+), "\d+": "\w+",$/gm, ' = $1,')
    .replaceAll(/\bwasm\.(\w+)/g, (whole, long) => (ours.has(long) ? `wasm.${ours.get(long)}` : whole))
    .replaceAll(/\b(__wb\w+):/g, (whole, long) => (theirs.has(long) ? `${theirs.get(long)}:` : whole))
    .replace('"./engine_bg.js":', 'a:');
}

const common = {
  bundle: true,
  format: 'esm',
  target: ['es2022', 'chrome111', 'firefox111', 'safari16.4'],
  minify: true,
  legalComments: 'none',
  alias: { '#engine': './bound/engine.short.ts', '#host': './src/worker/boundary.ts' },
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
