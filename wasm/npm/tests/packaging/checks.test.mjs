// What compilers and linters say about the packed package.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { consumer, node, tarball, tool } from './consumer.mjs';

const LIMIT = { timeout: 60_000 };
const COMPILERS = [
  ['TypeScript 5', tool('typescript/bin/tsc')],
  ['TypeScript 7', path.resolve(import.meta.dirname, '../../node_modules/typescript/bin/tsc')],
];
const RESOLUTIONS = [['bundler', 'esnext'], ['nodenext', 'nodenext']];

/** A project with one file of TypeScript, whose compiler options are as strict as can be. */
const typed = (name, code, [moduleResolution, module]) =>
  consumer(name, {
    'app.ts': code,
    'tsconfig.json': JSON.stringify({
      compilerOptions: {
        strict: true, skipLibCheck: false, noEmit: true, types: [],
        target: 'es2022', lib: ['es2022', 'dom', 'dom.iterable'], module, moduleResolution,
      },
    }),
  });

for (const [compiler, tsc] of COMPILERS) {
  for (const resolution of RESOLUTIONS) {
    test(`${compiler} knows the types by moduleResolution ${resolution[0]}`, LIMIT, async () => {
      const code = await readFile(path.join(import.meta.dirname, 'consumer.ts'), 'utf8');
      await node(await typed(`types-${resolution[0]}-${compiler.at(-1)}`, code, resolution), tsc);
    });
  }
}

test('a wrong use is an error of the compiler', LIMIT, async () => {
  const code = "import { Client } from 'gannet'\nnew Client({ storage: 'floppy' })\n";
  const folder = await typed('types-wrong', code, RESOLUTIONS[0]);
  await assert.rejects(node(folder, COMPILERS[0][1]), /app\.ts.*"floppy"/);
});

test('publint has nothing to say', LIMIT, async () => {
  const printed = await node(import.meta.dirname, tool('publint/src/cli.js'), tarball, '--strict');
  assert.match(printed, /All good!/);
});

test('are the types wrong? They are not', LIMIT, async () => {
  // The package is ESM alone, and a module of WebAssembly has no types.
  const how = ['--profile', 'esm-only', '--exclude-entrypoints', './gannet.wasm', '--no-color'];
  await node(import.meta.dirname, tool('@arethetypeswrong/cli/dist/index.js'), tarball, ...how);
});
