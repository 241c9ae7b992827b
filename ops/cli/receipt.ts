import type { Command } from 'commander';
import type { AcceptedFate, HeldBy, Place, ReceiptAnswer, RefusedFate } from '#query';
import { askPlatform } from './client.ts';
import { formatTable, shown } from './output.ts';
import type { AskingCommands, Surroundings } from './output.ts';

export type ReceiptCommand = {
  readonly url: string;
  readonly tenant: string;
  /** An event id, or the token of a receipt or dead letter. */
  readonly sent: string;
  /** The whole answer as JSON. */
  readonly json: boolean;
};

/** How the command ends: 0 the event stands in the log, 3 it does not. */
export type ReceiptExit = 0 | 3;

const EXIT_CODES = `
Exit codes: 0 the event stands in the log; 1 it could not be asked; 3 it was kept out, or never came.
`;

/** Adds `daybook receipt` to the command line. */
export function addReceipt(program: Command, about: AskingCommands): void {
  program
    .command('receipt')
    .description('what became of an event, through the running platform')
    .argument('<event-id>', 'the id of the event, or the token of a receipt or dead letter')
    .requiredOption('-t, --tenant <id>', 'whose event')
    .option('-u, --url <url>', 'the running platform (default: as configured)')
    .option('--json', 'the whole answer as JSON', false)
    .addHelpText('after', EXIT_CODES)
    .action(async (sent: string, flags: { tenant: string; url?: string; json: boolean }) => {
      const exit = await runReceipt({ ...flags, sent, url: flags.url ?? about.url() }, about.around);
      about.end({ exit });
    });
}

/** Asks the running platform what became of an event, and prints it. */
export async function runReceipt(command: ReceiptCommand, around: Surroundings): Promise<ReceiptExit> {
  const search = new URLSearchParams({ tenant_id: command.tenant });
  const path = `/api/v1/receipts/${encodeURIComponent(command.sent)}?${search.toString()}`;
  const response = await askPlatform({ url: command.url, path }, around);
  const answer = (await response.json()) as ReceiptAnswer;
  around.out(command.json ? `${JSON.stringify(answer)}\n` : receiptText(answer));
  return answer.state === 'accepted' ? 0 : 3;
}

function receiptText(answer: ReceiptAnswer): string {
  const { tenant_id: tenant, also, dead_letters: letters } = answer;
  const about = answer.event_id === null ? 'an input without an id' : shown(answer.event_id);
  const lines = [`${about} of ${tenant}: ${answer.state.replaceAll('_', ' ')}\n\n`];
  switch (answer.state) {
    case 'accepted':
      lines.push(acceptedText(answer));
      break;
    case 'conflict':
    case 'rejected':
      lines.push(refusedText(answer));
      break;
    case 'unknown':
      lines.push('Nothing with this id was ever sent to this tenant.\n');
      break;
    case 'not_known_any_more':
      lines.push('The log does not reach back to its beginning: it may have been sent before.\n');
  }
  if (also.length > 0) {
    const rows = also.map((fate) => [fate.state, placeOf(fate), fate.received_at, whyOf(fate)]);
    const listed = [answer, ...also].filter((fate) => 'dead_letter' in fate).length;
    const more = letters > listed ? ` (the newest of ${letters} dead letters)` : '';
    lines.push(
      `\nAlso sent under this id${more}:\n`,
      formatTable(['what', 'kept at', 'received', 'why'], rows),
    );
  }
  return lines.join('');
}

function acceptedText(fate: AcceptedFate): string {
  const { receipt, received_at: received, timestamp, not_queryable_because: because } = fate;
  const seen = because === null ? 'yes' : `no: ${WHY_NOT[because]}`;
  return (
    `stands at   ${positionOf(receipt)} (partition:offset)\n` +
    `token       ${receipt.token}\n` +
    `received    ${received}\n` +
    `happened    ${timestamp}\n` +
    `queryable   ${seen}\n\n` +
    formatTable(
      ['projection', 'generation', 'has it', 'since'],
      fate.projections.map((held) => [held.projection, held.generation, hasIt(held), sinceOf(held)]),
    )
  );
}

const WHY_NOT: Readonly<Record<NonNullable<AcceptedFate['not_queryable_because']>, string>> = {
  behind: 'the facts have not come that far yet',
  paused: 'the facts stand still before it',
  dead_letter: 'the facts could not take it; it is among the dead letters',
  horizon: 'facts of that time are not kept any more',
};

function hasIt({ confirmed, paused, dead_letter: letter }: HeldBy): string {
  if (letter) return `could not take it: dead letter ${positionOf(letter)}`;
  if (confirmed) return 'yes';
  return paused === null ? 'not yet' : `stands still: ${paused}`;
}

function sinceOf({ confirmed, since, since_within_ms: withinMs }: HeldBy): string {
  if (since === null) return confirmed ? 'before it is remembered' : '';
  const within = withinMs ?? 0;
  return within < 1000 ? since : `${since}, or up to ${Math.round(within / 1000)} s earlier`;
}

function refusedText(fate: RefusedFate): string {
  const reasons = fate.errors.map((error) => `            ${sentenceOf(error)}\n`).join('');
  const first =
    fate.first === null ? '' : `event       ${positionOf(fate.first)} has this id, ${fate.first.token}\n`;
  return (
    `kept at     ${positionOf(fate.dead_letter)} of the dead letters\n` +
    `token       ${fate.dead_letter.token}\n` +
    `received    ${fate.received_at}\n` +
    `reason      ${shown(fate.reason)}\n${reasons}${first}`
  );
}

function placeOf(fate: AcceptedFate | RefusedFate): string {
  return fate.state === 'accepted' ? positionOf(fate.receipt) : `dead letter ${positionOf(fate.dead_letter)}`;
}

function whyOf(fate: AcceptedFate | RefusedFate): string {
  return fate.state === 'accepted' ? '' : fate.errors.map(sentenceOf).join('; ');
}

function sentenceOf(error: unknown): string {
  const { field = '', message = '' } = error as { readonly field?: string; readonly message?: string };
  return shown(`${field} ${message}`.trim());
}

function positionOf({ partition, offset }: Place): string {
  return `${partition}:${offset}`;
}
