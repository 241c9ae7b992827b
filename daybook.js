#!/usr/bin/env node
// The command `daybook`. Plain JavaScript, because the Node that npx finds may be too old to read TypeScript:
// then the Node 24 among the dependencies runs main.ts.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NEEDED = 24;
/** As in `npm start`: events in flight outlive a small nursery, and copying them out of it costs a tenth of the rate. */
const FLAGS = ['--max-semi-space-size=64', '--min-semi-space-size=32'];
const main = fileURLToPath(new URL('./main.ts', import.meta.url));

if (Number(process.versions.node.split('.')[0]) >= NEEDED) {
  await import('./main.ts');
} else {
  const node = ownNode();
  if (node === undefined) {
    console.error(
      `daybook: this is Node ${process.versions.node}, and Daybook needs Node ${NEEDED}. ` +
        `Run "npm ci" in ${dirname(main)}: it brings Node ${NEEDED} along (its install script must be allowed to run).`,
    );
    process.exit(1);
  }
  const child = spawn(node, [...FLAGS, main, ...process.argv.slice(2)], { stdio: 'inherit' });
  // Signals to this process alone are passed on; a Ctrl-C, which a terminal sends to both, does no harm twice.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    process.exit(signal === null ? (code ?? 1) : 128 + (constants.signals[signal] ?? 0));
  });
}

/** The Node that came with `npm ci`; undefined when its install script has not run. */
function ownNode() {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve('node/package.json'));
    const path = join(folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}
