import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const README = join(import.meta.dirname, '../../README.md');

/** The lines of the README's shell blocks, in order, with continued lines joined. */
export async function readmeCommands(): Promise<readonly string[]> {
  return commandsOf(README);
}

/** The lines of a page's shell blocks, in order, with continued lines joined. */
export async function commandsOf(page: string): Promise<readonly string[]> {
  const text = await readFile(page, 'utf8');
  const blocks = [...text.matchAll(/^```(?:sh|bash|shell|console)\n([\s\S]*?)^```/gm)].map(
    ([, block]) => block ?? '',
  );
  const commands: string[] = [];
  for (const block of blocks) {
    // A command may run over several lines: ended by a backslash or inside a quoted text.
    let held = '';
    for (const line of block.split('\n')) {
      held += (held === '' ? '' : '\n') + line.replace(/^\$ /, '');
      if (line.endsWith('\\') || (held.split("'").length - 1) % 2 === 1) continue;
      if (held.trim() !== '' && !held.startsWith('#')) commands.push(held);
      held = '';
    }
  }
  return commands;
}
