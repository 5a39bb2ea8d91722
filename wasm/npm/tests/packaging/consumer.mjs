// Fresh folders below target/ that have the packed tarball installed, as a user's project has it.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const own = fileURLToPath(new URL('.', import.meta.url));
const root = path.join(own, '../../../..');
const target = process.env.CARGO_TARGET_DIR ?? path.join(root, 'target');

/** Where the tools of this folder are. */
export const tool = (file) => path.join(own, 'node_modules', file);

const { version } = JSON.parse(await readFile(path.join(own, '../../package.json'), 'utf8'));
/** The packed package; `cargo xtask npm` makes it. */
export const tarball = process.env.GANNET_TARBALL ?? path.join(target, `npm/gannet-${version}.tgz`);

/** A new project with some files and the package, and nothing else that could help it. */
export async function consumer(name, files) {
  const folder = path.join(target, 'packaging', name);
  await rm(folder, { recursive: true, force: true });
  const all = { 'package.json': '{ "private": true, "type": "module" }', ...files };
  for (const [file, text] of Object.entries(all)) {
    await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await writeFile(path.join(folder, file), text);
  }
  const flags = ['--offline', '--ignore-scripts', '--no-audit', '--no-fund'];
  await run('npm', ['install', ...flags, tarball], { cwd: folder });
  return folder;
}

/** Gives a project another package, without asking anybody for it. */
export async function lend(folder, name, from) {
  await cp(path.join(from, name), path.join(folder, 'node_modules', name), { recursive: true });
}

/** Runs one of the tools, or a script, in a folder; what it printed. A failure shows that as well. */
export async function node(folder, ...args) {
  try {
    return (await run(process.execPath, args, { cwd: folder })).stdout;
  } catch (error) {
    throw new Error(`node ${args.join(' ')}: ${error.message}\n${error.stdout}`);
  }
}

/** Starts a server that prints its URL. */
export async function server(folder, ...args) {
  const child = spawn(process.execPath, args, {
    cwd: folder, stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NO_COLOR: '1' },
  });
  const ended = once(child, 'exit');
  let printed = '';
  const url = await new Promise((resolve, reject) => {
    child.stdout.on('data', (text) => {
      printed += text;
      const found = /http:\/\/(?:localhost|127\.0\.0\.1):\d+\//.exec(printed);
      if (found) resolve(found[0]);
    });
    child.on('exit', () => reject(new Error(`${args.join(' ')} has ended: ${printed}`)));
  });
  return {
    url,
    async close() {
      child.kill();
      await ended;
    },
  };
}

/** The code examples of one language in one section of the README, in their order. */
export async function examples(section, language) {
  const readme = await readFile(path.join(root, 'README.md'), 'utf8');
  const text = readme.split(/^## /m).find((part) => part.startsWith(`${section}\n`)) ?? '';
  const blocks = text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'));
  return [...blocks].map(([, code]) => code);
}
